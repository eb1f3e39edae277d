//! The command line: arguments in, text for people or JSON for programs out.
//!
//! [`remote`] holds the commands that talk to a running vault over gRPC, as any client would;
//! [`local`] those that start or make one.
//! Each command is one file: its arguments with their help, then what it does. `docs/cli.md` is
//! the manual, and a test holds it to what clap knows.

mod arguments;
mod audit;
mod completions;
mod duration;
mod exit;
mod failure;
mod json_text;
mod labels;
mod local;
mod names;
mod output;
mod printable;
mod remote;
mod table;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use exit::Exit;
use failure::Failure;
use output::Output;

/// Runs the program with the arguments and the streams of this process.
///
/// The exit code is one of those that `ionvault --help` lists.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are "errors" too, with code 0. A closed pipe changes nothing.
            let _closed = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let (mut results, mut notes) = (std::io::stdout().lock(), std::io::stderr());
    let mut output = Output::of_process(&mut results, &mut notes);
    match run(arguments.command, &mut output) {
        Ok(()) | Err(Failure::ReaderGone) => Exit::Done.into(),
        Err(Failure::Reported(report)) => {
            // With standard error closed there is nobody left to tell; the exit code still does.
            let _closed = output.report(&report);
            report.exit.into()
        }
    }
}

fn run(command: Command, output: &mut Output<'_>) -> Result<(), Failure> {
    match command {
        Command::Remote(command) => remote::run(*command, output),
        Command::Local(command) => local::run(command, output),
        Command::Audit(audit) => audit::run(audit, output),
        Command::Completions(arguments) => completions::run(&arguments, output),
    }
}

/// The program's arguments as clap knows them, for the test that holds `docs/cli.md` to them.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}
