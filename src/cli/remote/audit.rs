//! `ionvault audit`, as far as a running vault is asked.

mod checkpoint;
mod list;
mod prove;

use clap::Subcommand;

use super::Connection;
use crate::audit::{InvalidVerifierKey, OpenCheckpointError, SignedCheckpoint, open_checkpoint};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::printable::printable;
use crate::pb::v1::AuditCheckpoint;

/// What can be asked of a vault's audit log.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Audit {
    List(list::List),
    Checkpoint(checkpoint::Checkpoint),
    Prove(prove::Prove),
}

pub(super) async fn run(command: Audit, output: &mut Output<'_>) -> Result<(), Failure> {
    match command {
        Audit::List(arguments) => list::run(arguments, output).await,
        Audit::Checkpoint(arguments) => checkpoint::run(arguments, output).await,
        Audit::Prove(arguments) => prove::run(arguments, output).await,
    }
}

/// The checkpoint of an answer, whose signature is that of the user's key, or else of the key that
/// came with it: then it says no more than that the vault does not contradict itself.
fn opened(
    checkpoint: &AuditCheckpoint,
    verifier_key: Option<&str>,
) -> Result<SignedCheckpoint, Failure> {
    let AuditCheckpoint { note, verifier_key: told, tree_size } = checkpoint;
    let refused = |error: &(dyn std::error::Error + 'static)| {
        Failure::caused(Exit::Failed, "the checkpoint proves nothing", error, ADVICE)
    };
    let opened = open_checkpoint(note, verifier_key.unwrap_or(told));
    let opened = opened.map_err(|error| match (&error, verifier_key) {
        (OpenCheckpointError::Key(error), Some(_)) => no_key(error),
        (error, _) => refused(error),
    })?;
    // Notes are printed as they are.
    let plain = note.lines().all(|line| printable(line) == line);
    if !plain || i64::try_from(opened.size) != Ok(*tree_size) {
        return Err(Failure::new(Exit::Failed, "the checkpoint is not what it seems", ADVICE));
    }
    Ok(opened)
}

fn no_key(error: &InvalidVerifierKey) -> Failure {
    let next = "give it as `ionvault init` printed it";
    Failure::caused(Exit::Usage, "--verifier-key is no key", error, next)
}

/// What to do about a vault that does not prove what it says.
const ADVICE: &str = "keep what was printed as evidence, compare --verifier-key with what \
                      `ionvault init` printed, and see with `ionvault audit verify` what the log holds";
