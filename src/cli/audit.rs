//! `ionvault audit`: what a running vault tells of its log, and what a copy of the log tells by itself.

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::output::Output;
use super::{local, remote};

/// Read, prove and verify the record of all calls
///
/// `list`, `checkpoint` and `prove` ask a running vault; `verify` needs a copy of the log and the key.
#[derive(Args, Debug)]
pub(super) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Remote(Box<remote::Audit>),
    #[command(flatten)]
    Local(local::Audit),
}

pub(super) fn run(audit: Audit, output: &mut Output<'_>) -> Result<(), Failure> {
    match audit.command {
        Command::Remote(command) => remote::audit(*command, output),
        Command::Local(command) => local::audit(command, output),
    }
}
