//! `ionvault serve`.

use clap::Args;

use super::ConfigFile;
use crate::app;
use crate::cli::failure::Failure;

/// Run the vault until SIGTERM or Ctrl-C
///
/// Then new calls are refused, those at work finish, and everything is synced. Logs go to standard
/// error. SIGHUP has a changed policy, and changed groups, taken right away.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault serve --config /etc/ionvault/ionvault.toml")]
pub(in crate::cli) struct Serve {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) async fn run(serve: Serve) -> Result<(), Failure> {
    let Serve { file: ConfigFile { config } } = serve;
    app::serve(&config).await.map_err(|error| super::failed(&error))
}
