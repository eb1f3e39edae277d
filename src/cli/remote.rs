//! The commands that talk to a running vault, over the same gRPC as any other client.
//!
//! | file | what |
//! |---|---|
//! | `endpoint`, `connection` | where the vault is and how it is reached |
//! | `session` | one call: its time limit, and one retry where the vault asks for it |
//! | `refusal`, `advice` | a `Status` in words: what happened, what to do next |
//! | `json`, `sheet` | answers for programs, and for people |
//! | the others | one command each |

mod activate;
mod advice;
mod audit;
mod authorize;
mod connection;
mod delete;
mod endpoint;
mod json;
mod list;
mod precondition;
mod read_file;
mod refusal;
mod revoke;
mod session;
mod sheet;
mod show;
mod test;
mod token;
mod token_file;
mod undelete;
mod update;
mod upload;
mod versions;
mod watch;

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::output::{Form, Output};
pub(super) use audit::Audit;
use connection::Connection;
use session::Session;

/// What can be asked of a vault.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Upload(upload::Upload),
    List(list::List),
    Show(show::Show),
    Versions(versions::Versions),
    Activate(activate::Activate),
    Update(update::Update),
    Delete(delete::Delete),
    Undelete(undelete::Undelete),
    Token(token::Token),
    Authorize(authorize::Authorize),
    Watch(watch::Watch),
    Test(test::Test),
    Revoke(revoke::Revoke),
}

/// How the answer is printed.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Output")]
struct Format {
    /// Tables for people, or JSON for programs: the answer of the RPC in proto3 JSON
    #[arg(long, short, value_enum, value_name = "FORMAT", default_value_t = Form::Table)]
    output: Form,
}

/// Runs one command, on a runtime of its own.
pub(super) fn run(command: Command, output: &mut Output<'_>) -> Result<(), Failure> {
    runtime()?.block_on(execute(command, output))
}

/// Runs one command about the audit log, on a runtime of its own.
pub(super) fn audit(command: Audit, output: &mut Output<'_>) -> Result<(), Failure> {
    runtime()?.block_on(audit::run(command, output))
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::no_runtime)
}

/// Runs one command.
pub(super) async fn execute(command: Command, output: &mut Output<'_>) -> Result<(), Failure> {
    match command {
        Command::Upload(arguments) => upload::run(arguments, output).await,
        Command::List(arguments) => list::run(arguments, output).await,
        Command::Show(arguments) => show::run(arguments, output).await,
        Command::Versions(arguments) => versions::run(arguments, output).await,
        Command::Activate(arguments) => activate::run(arguments, output).await,
        Command::Update(arguments) => update::run(arguments, output).await,
        Command::Delete(arguments) => delete::run(arguments, output).await,
        Command::Undelete(arguments) => undelete::run(arguments, output).await,
        Command::Token(arguments) => token::run(arguments, output).await,
        Command::Authorize(arguments) => authorize::run(arguments, output).await,
        Command::Watch(arguments) => watch::run(arguments, output).await,
        Command::Test(arguments) => test::run(arguments, output).await,
        Command::Revoke(arguments) => revoke::run(arguments, output).await,
    }
}
