//! `ionvault audit checkpoint`.

use clap::Args;

use super::Connection;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::remote::advice::OTHER_VERSION;
use crate::cli::remote::json::CheckpointAnswer;
use crate::cli::remote::session::Subject;
use crate::cli::remote::{Form, Format};
use crate::pb::v1::GetAuditCheckpointRequest;

/// Print a signed checkpoint that covers every call so far
///
/// Keep some of them where nobody who administers the vault can change them, and give them to
/// `ionvault audit verify --checkpoint`: what was recorded before cannot be changed unnoticed any more.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault audit checkpoint > 2026-11-28.checkpoint
  ionvault audit checkpoint --verifier-key \"$(cat vault.vkey)\" > 2026-11-28.checkpoint")]
pub(in crate::cli) struct Checkpoint {
    /// The key that `ionvault init` printed: nothing is printed that it did not sign
    #[arg(long, value_name = "VKEY")]
    verifier_key: Option<String>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(arguments: Checkpoint, output: &mut Output<'_>) -> Result<(), Failure> {
    let Checkpoint { verifier_key, format, connection } = arguments;
    let session = connection.open().await?;
    let answer = session
        .call(&Subject::read("the audit log".to_owned()), output, async || {
            let request = session.request(GetAuditCheckpointRequest {});
            session.audit().get_audit_checkpoint(request).await
        })
        .await?;
    let checkpoint = answer
        .checkpoint
        .as_ref()
        .ok_or_else(|| Failure::new(Exit::Failed, "the answer has no checkpoint", OTHER_VERSION))?;
    super::opened(checkpoint, verifier_key.as_deref())?;
    match format.output {
        Form::Json => output.json(&CheckpointAnswer::from(checkpoint))?,
        // Byte by byte: a signature is over these.
        Form::Table => output.verbatim(checkpoint.note.as_bytes())?,
    }
    Ok(())
}
