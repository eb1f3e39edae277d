//! What the child processes do.

use std::path::Path;
use std::sync::Arc;

use ionvault::adapters::SystemClock;
use ionvault::app::App;
use ionvault::config::Config;
use ionvault::identity::Issuers;
use ionvault::listen::{Listeners, Pages};
use ionvault::pb::v1::IssueTokenResponse;
use ionvault::pb::v1::token_service_server::TokenServiceServer;
use ionvault::telemetry;
use prost::Message;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::Failure;
use super::noop::Noop;
use super::world::{ANSWER, CONFIG};

/// The vault, as `ionvault serve` runs it, save that debuggers may look at it: callgrind's own
/// must.
pub(crate) fn vault(directory: &Path) -> Result<(), Failure> {
    let config = Config::parse(&std::fs::read_to_string(directory.join(CONFIG))?)?;
    Runtime::new()?.block_on(async {
        let metrics = telemetry::start(&config.log)?;
        let drain = drain_when_asked()?;
        Ok(App::start(&config, Some(metrics)).await?.run(drain).await?)
    })
}

/// The same listeners, and behind them a handler that does nothing.
pub(crate) fn noop(directory: &Path) -> Result<(), Failure> {
    let config = Config::parse(&std::fs::read_to_string(directory.join(CONFIG))?)?;
    let answer = IssueTokenResponse::decode(&*std::fs::read(directory.join(ANSWER))?)?;
    let services = |_reflection| Routes::new(TokenServiceServer::new(Noop(answer.clone())));
    Runtime::new()?.block_on(async {
        let metrics = telemetry::start(&config.log)?;
        let drain = drain_when_asked()?;
        let pages =
            Pages { ready: Arc::new(|| Ok(())), metrics: Arc::new(move || metrics.render()) };
        // Nobody comes with a token here.
        let issuers = Arc::new(Issuers::new(Arc::new(SystemClock)));
        let listeners = Listeners::bind(&config.listeners, issuers, config.limits).await?;
        listeners.serve(services, None, pages, drain, config.drain).await;
        Ok(())
    })
}

/// Cancelled by SIGTERM.
fn drain_when_asked() -> Result<CancellationToken, Failure> {
    let drain = CancellationToken::new();
    let mut asked = signal(SignalKind::terminate())?;
    let cancel = drain.clone();
    tokio::spawn(async move {
        asked.recv().await;
        cancel.cancel();
    });
    Ok(drain)
}
