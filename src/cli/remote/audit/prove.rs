//! `ionvault audit prove`.

use clap::Args;

use super::{ADVICE, Connection};
use crate::audit::{InclusionProof, Record, SignedCheckpoint};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::remote::advice::OTHER_VERSION;
use crate::cli::remote::json::ProofAnswer;
use crate::cli::remote::session::Subject;
use crate::cli::remote::{Form, Format, sheet};
use crate::pb::v1;
use crate::pb::v1::{ProveAuditEventRequest, ProveAuditEventResponse};

/// Have it proved that a call stands in the log, and check the proof
///
/// What is printed was read from the record that the proof is about. A proof that does not hold is an
/// error. Without --verifier-key only the vault's own key vouches for the checkpoint.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault audit prove 4711 --verifier-key \"$(cat vault.vkey)\"
  ionvault audit prove 4711 --output json > evidence.json")]
pub(in crate::cli) struct Prove {
    /// The record, as `ionvault audit list` numbers it
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    sequence: i64,

    /// The key that `ionvault init` printed, which must have signed the checkpoint
    #[arg(long, value_name = "VKEY")]
    verifier_key: Option<String>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(prove: Prove, output: &mut Output<'_>) -> Result<(), Failure> {
    let Prove { sequence, verifier_key, format, connection } = prove;
    let session = connection.open().await?;
    let answer = session
        .call(&Subject::read(format!("record {sequence}")), output, async || {
            let request = session.request(ProveAuditEventRequest { sequence });
            session.audit().prove_audit_event(request).await
        })
        .await?;
    let (checkpoint, event) = checked(&answer, sequence, verifier_key.as_deref())?;
    match format.output {
        Form::Json => output.json(&ProofAnswer::from(&answer))?,
        Form::Table => {
            let size = checkpoint.size;
            output.table(&sheet::of_audit_event(&event))?;
            output.line("")?;
            output.line(&format!(
                "Proved: record {sequence} is one of the {size} that this checkpoint signs:"
            ))?;
            output.line("")?;
            output.verbatim(checkpoint.note.as_bytes())?;
        }
    }
    if verifier_key.is_none() {
        output.note(
            "note: signed by the key that the vault gave; to rely on it, give --verifier-key",
        )?;
    }
    Ok(())
}

/// The checkpoint that the proof leads to, and what the record says that it is about.
fn checked(
    answer: &ProveAuditEventResponse,
    sequence: i64,
    verifier_key: Option<&str>,
) -> Result<(SignedCheckpoint, v1::AuditEvent), Failure> {
    let ProveAuditEventResponse { leaf, hashes, checkpoint, audit_event } = answer;
    let missing = || Failure::new(Exit::Failed, "the answer is no proof", OTHER_VERSION);
    let checkpoint = checkpoint.as_ref().ok_or_else(missing)?;
    let checkpoint = super::opened(checkpoint, verifier_key)?;
    let hashes = hashes.iter().map(|hash| hash.as_slice().try_into().ok()).collect::<Option<_>>();
    let proof = InclusionProof {
        sequence: u64::try_from(sequence).unwrap_or_default(),
        line: leaf.clone(),
        tree_size: checkpoint.size,
        hashes: hashes.ok_or_else(missing)?,
    };
    let record = checkpoint.check_record(&proof).map_err(|error| {
        let what = format!("the proof of record {sequence} does not hold");
        Failure::caused(Exit::Failed, what, &error, ADVICE)
    })?;
    let event = event(&record);
    if audit_event.as_ref() != Some(&event) {
        let what = format!("the vault says of record {sequence} what the record does not say");
        return Err(Failure::new(Exit::Failed, what, ADVICE));
    }
    Ok((checkpoint, event))
}

/// What a vault should say of a record.
fn event(record: &Record) -> v1::AuditEvent {
    let Record { sequence, time, event } = record;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    v1::AuditEvent {
        sequence: number(*sequence),
        time: Some((*time).into()),
        caller: event.caller.to_string(),
        listener: event.listener.to_string(),
        address: event.address.to_string(),
        method: event.method.to_string(),
        resource: event.resource.to_string(),
        outcome: event.outcome.to_string(),
        reason: event.reason.to_string(),
        token_id: event.token_id.to_string(),
        request_id: event.request_id.to_string(),
        requested_by: event.requested_by.to_string(),
        trace_id: event.trace_id.to_string(),
        count: event.repeats.map_or(0, |repeats| number(repeats.count.get())),
        first_time: event.repeats.map(|repeats| repeats.first.into()),
        last_time: event.repeats.map(|repeats| repeats.last.into()),
    }
}
