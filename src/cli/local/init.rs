//! `ionvault init`.

use clap::Args;

use super::ConfigFile;
use crate::app::{self, Initialized};
use crate::cli::failure::Failure;
use crate::cli::output::Output;

/// Make the root key and an empty store where the configuration has them
///
/// A root key that is there already is used; a store that is there already is left alone, and the
/// command fails.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault init --config /etc/ionvault/ionvault.toml")]
pub(in crate::cli) struct Init {
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) async fn run(init: Init, output: &mut Output<'_>) -> Result<(), Failure> {
    let Init { file: ConfigFile { config: path } } = init;
    let config = app::read_config(&path).map_err(|error| super::failed(&error))?;
    let made = app::init(&config).await.map_err(|error| super::failed(&error))?;
    let Initialized { store_id, root_key_id, root_key_created, verifier_key } = made;
    output.line(&format!("Made the store {store_id}."))?;
    if root_key_created {
        output
            .line(&format!("Made the root key {root_key_id}. Keep a copy of it elsewhere than"))?;
        output.line(
            "the copies of the store: without it the store cannot be read, with it anybody can.",
        )?;
    } else {
        output.line(&format!("It is sealed with the root key {root_key_id}, which was there."))?;
    }
    output.line("Its audit log is verified with this key. Give it to the auditors:")?;
    output.line(&verifier_key)?;
    output.line(&format!("Next: ionvault serve --config {}", path.display()))?;
    Ok(())
}
