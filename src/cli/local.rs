//! The commands that start or make a vault, or look at what one left.

mod audit;
#[cfg(feature = "simulator")]
mod dev;
mod init;
mod policy;
mod serve;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::failure::{Failure, Report, chain};
use super::output::Output;

pub(super) use audit::{Audit, run as audit};

/// What can be done without a running vault.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Serve(serve::Serve),
    Init(init::Init),
    Policy(Box<policy::Policy>),
    #[cfg(feature = "simulator")]
    Dev(dev::Dev),
}

/// Which vault is meant.
#[derive(Args, Debug)]
struct ConfigFile {
    /// The configuration (TOML); deploy/ionvault.example.toml explains every key
    #[arg(long, env = "IONVAULT_CONFIG", value_name = "FILE", default_value = CONFIG_DEFAULT)]
    config: PathBuf,
}

/// Where the systemd unit has it.
const CONFIG_DEFAULT: &str = "/etc/ionvault/ionvault.toml";

/// Runs one command, on a runtime of its own.
pub(super) fn run(command: Command, output: &mut Output<'_>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(Failure::no_runtime)?.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Init(arguments) => init::run(arguments, output).await,
            Command::Policy(arguments) => policy::run(*arguments, output),
            #[cfg(feature = "simulator")]
            Command::Dev(arguments) => dev::run(arguments, output).await,
        }
    })
}

/// A vault that does not start says itself what to do: its errors are written for operators.
fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    let mut chain = chain(error);
    let what = chain.next().unwrap_or_default();
    let details = chain.map(|link| format!("cause: {link}")).collect();
    let report = Report { exit: Exit::Failed, what, details, reason: None, next: None };
    Failure::Reported(Box::new(report))
}
