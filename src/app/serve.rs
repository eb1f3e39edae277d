//! `ionvault serve`.

use std::io;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, InvalidConfig};
use crate::secret::harden_process;
use crate::telemetry;

use super::{App, RunError, StartError};

/// Why a vault does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration cannot be read.
    #[error("the configuration {path} cannot be read", path = path.display())]
    ReadConfig {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration is not valid.
    #[error("the configuration {path} is not valid", path = path.display())]
    Config {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidConfig,
    },
    /// Logs and metrics could not be started.
    #[error(transparent)]
    Telemetry(#[from] telemetry::StartError),
    /// The process cannot be told to stop.
    #[error("the process cannot listen for signals")]
    Signals(#[source] io::Error),
    /// The vault did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The vault stopped otherwise than it was asked to.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
///
/// As [`ServeError`] says.
pub async fn serve(config: &Path) -> Result<(), ServeError> {
    let config = read_config(config)?;
    let metrics = telemetry::start(&config.log)?;
    for weakness in harden_process() {
        let error: &(dyn std::error::Error + 'static) = &weakness;
        tracing::warn!(error, "this process is less protected than it could be");
    }
    let drain = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let app = App::start(&config, Some(metrics)).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "serving");
    let signals = async {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: draining"),
            _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
            () = drain.cancelled() => {}
        }
        drain.cancel();
    };
    let (served, ()) = tokio::join!(app.run(drain.clone()), signals);
    served?;
    tracing::info!("drained, synced and closed");
    Ok(())
}

/// Reads a configuration file.
///
/// # Errors
///
/// [`ServeError::ReadConfig`] and [`ServeError::Config`].
pub fn read_config(path: &Path) -> Result<Config, ServeError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ServeError::ReadConfig { path: path.to_owned(), source })?;
    Config::parse(&text).map_err(|source| ServeError::Config { path: path.to_owned(), source })
}
