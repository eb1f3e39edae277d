//! `ionvault audit checkpoint`.

use std::path::PathBuf;

use clap::Args;

use super::{ADVICE, Connection};
use crate::audit::{OpenCheckpointError, SignedCheckpoint, open_checkpoint};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::remote::advice::OTHER_VERSION;
use crate::cli::remote::json::CheckpointAnswer;
use crate::cli::remote::read_file::{self, Source};
use crate::cli::remote::session::Subject;
use crate::cli::remote::{Form, Format};
use crate::pb::v1::{GetAuditCheckpointRequest, GetAuditCheckpointResponse};

/// Print a signed checkpoint that covers every call so far
///
/// Keep some of them where nobody who administers the vault can change them, and give them to
/// `ionvault audit verify --checkpoint`: what was recorded before cannot be changed unnoticed any more.
/// With --previous, the vault must also prove that it only added to the log since.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault audit checkpoint > 2026-11-28.checkpoint
  ionvault audit checkpoint --verifier-key \"$(cat vault.vkey)\" > 2026-11-28.checkpoint
  ionvault audit checkpoint --verifier-key \"$(cat vault.vkey)\" --previous 2026-11-28.checkpoint")]
pub(in crate::cli) struct Checkpoint {
    /// The key that `ionvault init` printed: nothing is printed that it did not sign
    #[arg(long, value_name = "VKEY")]
    verifier_key: Option<String>,

    /// A checkpoint that was kept: nothing is printed unless the log is proved to go on from it
    #[arg(long, value_name = "FILE", requires = "verifier_key")]
    previous: Option<PathBuf>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Checkpoint, output: &mut Output<'_>) -> Result<(), Failure> {
    let Checkpoint { verifier_key, previous, format, connection } = arguments;
    let previous = match (previous, &verifier_key) {
        (Some(file), Some(key)) => Some(kept(file, key)?),
        _ => None,
    };
    let session = connection.open().await?;
    let old_size = previous.as_ref().map_or(0, |previous| previous.size);
    let request =
        GetAuditCheckpointRequest { old_tree_size: old_size.try_into().unwrap_or(i64::MAX) };
    let answer = session
        .call(&Subject::read("the audit log".to_owned()), output, async || {
            session.audit().get_audit_checkpoint(session.request(request)).await
        })
        .await?;
    let checkpoint = checked(&answer, verifier_key.as_deref(), previous.as_ref())?;
    match format.output {
        Form::Json => output.json(&CheckpointAnswer::from(&answer))?,
        // Byte by byte: a signature is over these.
        Form::Table => output.verbatim(checkpoint.note.as_bytes())?,
    }
    if previous.is_some() {
        let added = checkpoint.size.saturating_sub(old_size);
        output.note(&format!(
            "Proved: the log holds the {old_size} records of the previous checkpoint unchanged, and \
             {added} more."
        ))?;
    }
    Ok(())
}

/// The checkpoint in a file, which the key must have signed.
fn kept(file: PathBuf, verifier_key: &str) -> Result<SignedCheckpoint, Failure> {
    let name = file.display().to_string();
    let note = read_file::bounded(&Source::Path(file), NOTE_BYTES_MAX)?;
    let note = String::from_utf8_lossy(note.expose());
    open_checkpoint(&note, verifier_key).map_err(|error| match error {
        OpenCheckpointError::Key(error) => super::no_key(&error),
        OpenCheckpointError::Note(error) => {
            let what = format!("{name} is no checkpoint of this vault");
            let next = "name a file that `ionvault audit checkpoint` or a witness wrote, and the \
                        key of the same vault";
            Failure::caused(Exit::Failed, what, &error, next)
        }
    })
}

/// The checkpoint of the answer, if it goes on from the one that was kept.
fn checked(
    answer: &GetAuditCheckpointResponse,
    verifier_key: Option<&str>,
    previous: Option<&SignedCheckpoint>,
) -> Result<SignedCheckpoint, Failure> {
    let missing = |what| Failure::new(Exit::Failed, what, OTHER_VERSION);
    let checkpoint =
        answer.checkpoint.as_ref().ok_or_else(|| missing("the answer has no checkpoint"))?;
    let checkpoint = super::opened(checkpoint, verifier_key)?;
    let Some(previous) = previous else { return Ok(checkpoint) };
    let hashes = answer.consistency_hashes.iter().map(|hash| hash.as_slice().try_into().ok());
    let hashes: Option<Vec<_>> = hashes.collect();
    let hashes = hashes.ok_or_else(|| missing("the answer is no proof"))?;
    checkpoint.check_goes_on_from(previous, &hashes).map_err(|error| {
        let what = "the log does not go on from the checkpoint that was kept";
        Failure::caused(Exit::Failed, what, &error, ADVICE)
    })?;
    Ok(checkpoint)
}

/// Longest file that is read as a checkpoint, in bytes: what the vault writes has less than one KiB,
/// and a witness may add signatures.
const NOTE_BYTES_MAX: u64 = 16 * 1_024;
