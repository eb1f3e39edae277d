//! The program and its commands.

use clap::{Parser, Subcommand};

use super::{audit, completions, local, remote};

/// Keeps Infor ION API files sealed and hands out access tokens, nothing else.
///
/// A credential is named `acme/infor`, short for `tenants/acme/credentials/infor`. Commands talk to
/// the vault on this machine unless `--endpoint` or IONVAULT_ENDPOINT names another.
#[derive(Debug, Parser)]
#[command(
    name = "ionvault",
    version,
    propagate_version = false,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = AFTER_HELP,
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    #[command(flatten)]
    Remote(Box<remote::Command>),
    #[command(flatten)]
    Local(local::Command),
    Audit(audit::Audit),
    Completions(completions::Completions),
}

#[cfg(feature = "simulator")]
impl Arguments {
    /// Reads the words of a command that asks a running vault.
    ///
    /// # Errors
    ///
    /// If clap refuses them, or they are of another command.
    pub(super) fn remote<'a>(
        words: impl Iterator<Item = &'a str>,
    ) -> Result<remote::Command, clap::Error> {
        match Self::try_parse_from(words)?.command {
            Command::Remote(command) => Ok(*command),
            Command::Local(_) | Command::Audit(_) | Command::Completions(_) => {
                Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand))
            }
        }
    }
}

const AFTER_HELP: &str = "\
Examples:
  ionvault dev                                    everything on this machine, to try it out
  ionvault upload acme/infor DocBits_PRD.ionapi   keep a file, encrypted
  ionvault list                                   what is kept
  ionvault token acme/infor --header              an access token, as a header for curl

Exit codes:
  0  done
  1  failed
  2  wrong usage
  3  not found
  4  denied: by the vault's policy, in the TLS handshake, or by the socket's permissions
  5  refused by Infor
  6  unavailable: no answer, or not now; the same command may work later

Environment:
  IONVAULT_ENDPOINT  IONVAULT_CA  IONVAULT_CERT  IONVAULT_KEY   as the options of these names
  IONVAULT_TOKEN_FILE                                           as --token-file
  IONVAULT_CONFIG                                               as --config
  NO_COLOR                                                      no colours, even on a terminal";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_no_fault_in_the_definitions() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }
}
