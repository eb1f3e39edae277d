//! What the child processes do.

use std::path::Path;
use std::sync::Arc;

use ionvault::adapters::SystemClock;
use ionvault::app::App;
use ionvault::audit::{AuditLog, AuditSettings, Refusals};
use ionvault::config::Config;
use ionvault::grpc::Entrance;
use ionvault::identity::Issuers;
use ionvault::listen::{Listeners, Pages};
use ionvault::pb::v1::IssueTokenResponse;
use ionvault::pb::v1::token_service_server::TokenServiceServer;
use ionvault::quotas::{QuotaSettings, Quotas};
use ionvault::sealing::Keyring;
use ionvault::telemetry;
use prost::Message;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
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
    serve_noop(directory, false)
}

/// The same, and each call is recorded before its answer leaves.
pub(crate) fn recorded(directory: &Path) -> Result<(), Failure> {
    serve_noop(directory, true)
}

fn serve_noop(directory: &Path, recorded: bool) -> Result<(), Failure> {
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
        let recording = recorded.then(|| Recording::start(directory, config.quotas)).transpose()?;
        let entrance = recording.as_ref().map(|recording| recording.entrance.clone());
        listeners.serve(services, entrance, pages, drain, config.drain).await;
        if let Some(recording) = recording {
            recording.end().await?;
        }
        Ok(())
    })
}

/// An audit log like the vault's, and what keeps it.
struct Recording {
    entrance: Entrance,
    calls_ended: CancellationToken,
    task: JoinHandle<()>,
    _dir: TempDir,
}

impl Recording {
    fn start(directory: &Path, quotas: QuotaSettings) -> Result<Self, Failure> {
        let (seed, clock) = (Keyring::generate()?.audit_signing_seed(1), Arc::new(SystemClock));
        let settings = AuditSettings::default();
        // A log of its own for each start: its key is another one each time.
        let dir = TempDir::new_in(directory)?;
        let log = AuditLog::open(dir.path(), "ionvault/bench", seed, settings, clock.clone())?;
        let entrance =
            Entrance::new(log.clone(), Refusals::new(clock), Arc::new(Quotas::new(quotas)));
        let calls_ended = CancellationToken::new();
        let ended = calls_ended.clone();
        let task = tokio::spawn(async move { log.run(ended, Vec::new()).await });
        Ok(Self { entrance, calls_ended, task, _dir: dir })
    }

    async fn end(self) -> Result<(), Failure> {
        self.calls_ended.cancel();
        Ok(self.task.await?)
    }
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
