//! `ionvault serve`.

use std::io;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::secret::harden_process;
use crate::telemetry;

use super::config_file::{ReadConfigError, read_config};
use super::{App, RunError, StartError};

/// Why a vault does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no configuration.
    #[error(transparent)]
    Config(#[from] ReadConfigError),
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

/// Serves until SIGTERM or SIGINT; looks at SIGHUP whether policy or groups have changed.
///
/// # Errors
///
/// As [`ServeError`] says.
pub async fn serve(config: &Path) -> Result<(), ServeError> {
    let file = config;
    let config = read_config(file)?;
    let metrics = telemetry::start(&config.log)?;
    for weakness in harden_process() {
        let error: &(dyn std::error::Error + 'static) = &weakness;
        tracing::warn!(error, "this process is less protected than it could be");
    }
    let drain = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signals)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(ServeError::Signals)?;
    let (reload, app) = App::start(&config, Some(metrics)).await?.following(file);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "serving");
    let signals = async {
        loop {
            tokio::select! {
                _ = terminate.recv() => break tracing::info!("SIGTERM: draining"),
                _ = interrupt.recv() => break tracing::info!("SIGINT: draining"),
                () = drain.cancelled() => break,
                _ = hangup.recv() => {
                    tracing::info!("SIGHUP: looking at policy and groups");
                    reload.now();
                }
            }
        }
        drain.cancel();
    };
    let (served, ()) = tokio::join!(app.run(drain.clone()), signals);
    served?;
    tracing::info!("drained, synced and closed");
    Ok(())
}
