//! The composition root: what the configuration names is opened and wired, run, and drained.

mod config_file;
#[cfg(feature = "simulator")]
pub mod dev;
mod init;
mod issuers;
mod open;
mod policy_file;
mod policy_tools;
mod reload;
mod serve;
mod upkeep;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use config_file::{ReadConfigError, read_config};
pub use init::{InitError, Initialized, init};
pub use open::StartError;
pub use policy_file::ReadPolicyError;
pub use policy_tools::{ExaminePolicyError, ExaminedPolicy};
pub use reload::Reload;
pub use serve::{ServeError, serve};

/// What [`ExaminedPolicy`] speaks of.
pub use crate::access::{
    Action, Explanation, OutlinedPolicy, Resource, SCHEMA as POLICY_SCHEMA, Supposed, Unmet,
};
use crate::adapters::{SledStore, StoreHealth};
use crate::config::Config;
use crate::grpc::{Health, Services};
use crate::listen::{Listeners, Pages};
use crate::quotas::Quotas;
use crate::telemetry::Metrics;
use crate::tokens::Authorizations;

use open::Parts;
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

    /// Answers calls until `drain` is cancelled or the store fails; then refuses new ones, lets
    /// those at work and all changes and flights finish, and closes the store.
    ///
    /// # Errors
    ///
    /// As [`RunError`] says.
    pub async fn run(self, drain: CancellationToken) -> Result<(), RunError> {
        let Self { parts, listeners, config, reload, metrics } = self;
        let Parts { store, vault, issuer, access } = parts;
        let authorizations = Authorizations::new(issuer.clone());
        let services = Services {
            vault: vault.clone(),
            issuer: issuer.clone(),
            authorizations: authorizations.clone(),
            access,
            quotas: Arc::new(Quotas::new(config.quotas)),
        };
        let (health, health_service) = Health::new().await;
        let upkeep =
            upkeep::start((&vault, &issuer, &authorizations), &store, reload, &metrics, &drain);
        let routes = |reflection| services.clone().routes(health_service.clone(), reflection);
        health.serving().await;
        let pages = pages(&store, metrics);
        let failed = watch_store(store.clone(), drain.clone(), health);
        let serving = listeners.serve(routes, pages, drain.clone(), config.drain);
        let (drained, failed) = tokio::join!(serving, failed);
        // No call is left, so no change and no flight begins any more.
        vault.drain().await;
        if tokio::time::timeout(FLIGHTS_GRACE, issuer.drain()).await.is_err() {
            tracing::warn!("requests to Infor were left unfinished; the next start takes them up");
        }
        upkeep.close();
        upkeep.wait().await;
        if failed {
            return Err(RunError::StoreFailed);
        }
        store.close().await.map_err(RunError::Close)?;
        if drained.cut > 0 { Err(RunError::Cut(drained.cut)) } else { Ok(()) }
    }
}

/// Two requests of a flight, 12 s each at most, and what is written down around them. Those that
/// still wait for a place at their server have begun nothing.
const FLIGHTS_GRACE: Duration = Duration::from_secs(30);

/// Waits for the end: that somebody wants it, or that the store fails, which ends everything.
/// Either way callers are told to go elsewhere. Says whether the store failed.
async fn watch_store(store: Arc<SledStore>, drain: CancellationToken, health: Health) -> bool {
    let mut store_health = store.health();
    let failed = tokio::select! {
        () = drain.cancelled() => false,
        // An error would mean that the store is gone, which it is not: we hold it.
        failed = store_health.wait_for(|health| *health == StoreHealth::Failed) => failed.is_ok(),
    };
    if failed {
        tracing::error!("the store failed: refusing new work");
    }
    health.not_serving().await;
    drain.cancel();
    failed
}

/// What `[listen.ops]` shows.
fn pages(store: &Arc<SledStore>, metrics: Option<Metrics>) -> Pages {
    let store_health = store.health();
    Pages {
        ready: Arc::new(move || match *store_health.borrow() {
            StoreHealth::Working => Ok(()),
            StoreHealth::Failed => Err("the store failed and takes no more writes".to_owned()),
        }),
        metrics: Arc::new(move || metrics.as_ref().map(Metrics::render).unwrap_or_default()),
    }
}
