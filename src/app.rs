//! The composition root: what the configuration names is opened and wired, run, and drained.

mod config_file;
#[cfg(feature = "simulator")]
pub mod dev;
mod init;
mod issuers;
mod open;
mod policy_file;
mod policy_tools;
mod recording;
mod reload;
mod serve;
mod upkeep;
mod witnesses;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use config_file::{ReadConfigError, read_config};
pub use init::{InitError, Initialized, init};
pub use open::StartError;
pub use policy_file::ReadPolicyError;
pub use policy_tools::{ExaminePolicyError, ExaminedPolicy};
pub use recording::OpenRecordingError;
pub use reload::Reload;
pub use serve::{ServeError, serve};

/// What [`ExaminedPolicy`] speaks of.
pub use crate::access::{
    Action, Explanation, OutlinedPolicy, Resource, SCHEMA as POLICY_SCHEMA, Supposed, Unmet,
};
use crate::adapters::{SledStore, StoreHealth, SystemClock};
use crate::audit::{AuditHealth, AuditLog, Refusals};
use crate::config::Config;
use crate::grpc::{Entrance, Health, Services};
use crate::listen::{Listeners, Pages};
use crate::quotas::Quotas;
use crate::telemetry::Metrics;
use crate::tokens::Authorizations;

use open::Parts;
use recording::Recording;
use reload::PolicyReload;

/// A vault that is open and bound, and not yet answering.
pub struct App {
    parts: Parts,
    listeners: Listeners,
    config: Config,
    reload: Option<PolicyReload>,
    metrics: Option<Metrics>,
}

/// How a vault stopped that was not meant to, or not so.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A write or a sync failed: what is acknowledged is safe, and no more will be.
    #[error(
        "the store failed and takes no more writes: look at the disk and the log above, then start \
         again; nothing that was acknowledged is lost"
    )]
    StoreFailed,
    /// A record of a call could not be written or synced.
    #[error(
        "the audit log failed, so no call could be answered any more: look at the disk and the log \
         above, then start again; every call that was answered is recorded"
    )]
    AuditFailed,
    /// The last sync failed.
    #[error("the store could not be closed")]
    Close(#[source] crate::ports::StoreError),
    /// Calls were cut.
    #[error("{0} connections were still at work when the time of grace was over, and were cut")]
    Cut(usize),
}

impl App {
    /// Opens and binds everything. The sockets come early: if one is taken, nothing was touched.
    ///
    /// # Errors
    ///
    /// As [`StartError`] says.
    pub async fn start(config: &Config, metrics: Option<Metrics>) -> Result<Self, StartError> {
        let issuers = Arc::new(issuers::open(config).await?);
        let listeners = Listeners::bind(&config.listeners, issuers, config.limits.clone()).await?;
        let parts = Parts::open(config).await?;
        Ok(Self { parts, listeners, config: config.clone(), reload: None, metrics })
    }

    /// Takes changes of the policy, and of the groups in the configuration, from now on, of which
    /// this is the file. The handle has both looked at right away.
    #[must_use]
    pub fn following(self, config_file: &Path) -> (Reload, Self) {
        let access = self.parts.access.clone();
        let (reload, policy) = PolicyReload::new(config_file, self.config.clone(), access);
        (reload, Self { reload: Some(policy), ..self })
    }

    /// Where `[listen.mtls]` listens, with the port that was taken.
    #[must_use]
    pub fn mtls_address(&self) -> Option<std::net::SocketAddr> {
        self.listeners.mtls_address()
    }

    /// Where `[listen.jwt]` listens, with the port that was taken.
    #[must_use]
    pub fn jwt_address(&self) -> Option<std::net::SocketAddr> {
        self.listeners.jwt_address()
    }

    /// Where `[listen.ops]` listens, with the port that was taken.
    #[must_use]
    pub fn ops_address(&self) -> Option<std::net::SocketAddr> {
        self.listeners.ops_address()
    }

    /// Answers calls until `drain` is cancelled or the store or the audit log fails; then refuses new
    /// ones, lets those at work and all changes and flights finish, and closes the store.
    ///
    /// # Errors
    ///
    /// As [`RunError`] says.
    pub async fn run(self, drain: CancellationToken) -> Result<(), RunError> {
        let Self { parts, listeners, config, reload, metrics } = self;
        let Parts { store, vault, issuer, audit, witnesses, access } = parts;
        let authorizations = Authorizations::new(issuer.clone());
        let quotas = Arc::new(Quotas::new(config.quotas));
        let services = Services {
            vault: vault.clone(),
            issuer: issuer.clone(),
            authorizations: authorizations.clone(),
            audit: audit.clone(),
            access,
            quotas: quotas.clone(),
        };
        let entrance = Entrance::new(audit.clone(), Refusals::new(Arc::new(SystemClock)), quotas);
        let recording = Recording::start(audit.clone(), entrance.clone(), witnesses);
        let (health, health_service) = Health::new().await;
        let upkeep =
            upkeep::start((&vault, &issuer, &authorizations), &store, reload, &metrics, &drain);
        let routes = |reflection| services.clone().routes(health_service.clone(), reflection);
        let pages = pages(&store, &audit, metrics);
        let failed = watch(&store, &audit, drain.clone(), health);
        let serving = listeners.serve(routes, Some(entrance), pages, drain.clone(), config.drain);
        let (drained, failed) = tokio::join!(serving, failed);
        // No call is left, so no change and no flight begins any more.
        vault.drain().await;
        if tokio::time::timeout(FLIGHTS_GRACE, issuer.drain()).await.is_err() {
            tracing::warn!("requests to Infor were left unfinished; the next start takes them up");
        }
        upkeep.close();
        upkeep.wait().await;
        recording.end().await;
        if let Some(Failed::Store) = failed {
            return Err(RunError::StoreFailed);
        }
        store.close().await.map_err(RunError::Close)?;
        if let Some(Failed::Audit) = failed {
            return Err(RunError::AuditFailed);
        }
        if drained.cut > 0 { Err(RunError::Cut(drained.cut)) } else { Ok(()) }
    }
}

/// Two requests of a flight, 12 s each at most, and what is written down around them. Those that
/// still wait for a place at their server have begun nothing.
const FLIGHTS_GRACE: Duration = Duration::from_secs(30);

/// What ends everything, because it cannot go on without.
#[derive(Clone, Copy)]
enum Failed {
    Store,
    Audit,
}

/// Tells callers whether to come here, until the end: that somebody wants it, or that the store or
/// the audit log fails. Says which of them did.
async fn watch(
    store: &SledStore,
    audit: &AuditLog,
    drain: CancellationToken,
    health: Health,
) -> Option<Failed> {
    let (mut store_health, mut audit_health) = (store.health(), audit.health());
    let failed = loop {
        // A copy, so that nothing is locked while callers are told.
        let recording = *audit_health.borrow_and_update();
        match recording {
            AuditHealth::Writing => health.serving().await,
            AuditHealth::Full => health.not_serving().await,
            AuditHealth::Failed => break Some(Failed::Audit),
        }
        tokio::select! {
            () = drain.cancelled() => break None,
            // An error would mean that the store is gone, which it is not: we hold it.
            failed = store_health.wait_for(|health| *health == StoreHealth::Failed) => {
                break failed.is_ok().then_some(Failed::Store);
            }
            // The same here.
            changed = audit_health.changed() => if changed.is_err() { break None },
        }
    };
    match failed {
        Some(Failed::Store) => tracing::error!("the store failed: refusing new work"),
        Some(Failed::Audit) => tracing::error!("the audit log failed: refusing new work"),
        None => {}
    }
    health.not_serving().await;
    drain.cancel();
    failed
}

/// What `[listen.ops]` shows.
fn pages(store: &SledStore, audit: &AuditLog, metrics: Option<Metrics>) -> Pages {
    let (store_health, audit_health) = (store.health(), audit.health());
    let ready = move || {
        if *store_health.borrow() == StoreHealth::Failed {
            return Err("the store failed and takes no more writes".to_owned());
        }
        match *audit_health.borrow() {
            AuditHealth::Writing => Ok(()),
            AuditHealth::Full => Err("the disk has no room for the audit log".to_owned()),
            AuditHealth::Failed => Err("the audit log failed and takes no more records".to_owned()),
        }
    };
    Pages {
        ready: Arc::new(ready),
        metrics: Arc::new(move || metrics.as_ref().map(Metrics::render).unwrap_or_default()),
    }
}
