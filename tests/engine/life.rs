//! One life of the process under test: from its start until it dies or stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use ionvault::ion::{ApprovedHost, HostRules};
use ionvault::model::Uid;
use ionvault::ports::{RootKey, RootKeyError, Store as _};
use ionvault::sealing::Keyring;
use ionvault::secret::Secret;
use ionvault::tokens::{Jitter, TokenIssuer, TokenSettings};
use ionvault::vault::{Vault, unlock_keyring};
use tokio_util::sync::CancellationToken;

use super::fleet::{Fleet, ON_PREMISES};
use super::infor::Infor;
use super::ledger::Ledger;
use super::model::ModelStore;
use super::randomness::Rng;
use super::store::SimulatedStore;
use super::world::World;

/// What a crash leaves standing.
pub(crate) struct Outside {
    pub(crate) world: Arc<World>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) infor: Arc<Infor>,
    pub(crate) kept: Arc<ModelStore>,
    pub(crate) store_id: Uid,
    pub(crate) settings: TokenSettings,
}

/// The process.
pub(crate) struct Life {
    pub(crate) world: Arc<World>,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) infor: Arc<Infor>,
    pub(crate) store: Arc<SimulatedStore>,
    pub(crate) vault: Vault,
    pub(crate) issuer: TokenIssuer,
    visits: AtomicU64,
}

impl Outside {
    /// An empty store with a keyring.
    pub(crate) async fn init(&self, keyring: &Keyring) {
        Vault::create(&*self.kept, keyring, &OpenRootKey).await.unwrap();
    }

    /// Starts the process. It may die on the way.
    pub(crate) async fn start(&self) -> Arc<Life> {
        let Self { world, fleet, ledger, infor, kept, store_id, settings } = self;
        let store = Arc::new(SimulatedStore::new(world.clone(), ledger.clone(), kept.clone()));
        let hosts = Arc::new(HostRules::new(vec![ApprovedHost {
            host: ON_PREMISES.to_owned(),
            port: 443,
            private_addresses: true,
            trust_anchors: vec![],
        }]));
        let keyring = kept.keyring().await.unwrap();
        let keyring = unlock_keyring(keyring.as_deref(), *store_id, &OpenRootKey).await.unwrap();
        let vault =
            Vault::open(store.clone(), keyring, hosts.clone(), world.clone()).await.unwrap();
        let jitter = Jitter::seeded(world.draw(Rng::next));
        let (endpoint, settings) = (infor.clone(), settings.clone());
        let opened =
            TokenIssuer::open(vault.clone(), hosts, endpoint, world.clone(), settings, jitter);
        let issuer = opened.await.unwrap();
        let (unasked, until) = (issuer.clone(), CancellationToken::new());
        tokio::spawn(async move { unasked.run(until).await });
        Arc::new(Life {
            world: world.clone(),
            fleet: fleet.clone(),
            ledger: ledger.clone(),
            infor: infor.clone(),
            store,
            vault,
            issuer,
            visits: AtomicU64::new(0),
        })
    }
}

impl Life {
    pub(crate) fn next_visit(&self) -> u64 {
        self.visits.fetch_add(1, Ordering::Relaxed)
    }

    /// Stops as on a signal: what is under way is finished.
    pub(crate) async fn stop(&self) {
        self.issuer.drain().await;
        self.vault.drain().await;
    }
}

/// Root keys are not what this is about.
struct OpenRootKey;

#[async_trait]
impl RootKey for OpenRootKey {
    fn key_id(&self) -> &str {
        "simulated"
    }

    async fn wrap(&self, plaintext: &Secret, _context: &[u8]) -> Result<Vec<u8>, RootKeyError> {
        Ok(plaintext.expose().to_vec())
    }

    async fn unwrap(&self, wrapped: &[u8], _context: &[u8]) -> Result<Secret, RootKeyError> {
        Ok(Secret::from(wrapped.to_vec()))
    }
}
