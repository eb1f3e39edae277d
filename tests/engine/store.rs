//! The store of the simulated world: it outlives the process, may fail, and may be where it dies.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use ionvault::ports::{CommitError, Expectation, Revision, Store, StoreError, Stored, Write};
use ionvault::sealing::StoreKey;

use super::ledger::Ledger;
use super::model::ModelStore;
use super::world::World;

/// The store as one process sees it.
pub(crate) struct SimulatedStore {
    world: Arc<World>,
    ledger: Arc<Ledger>,
    kept: Arc<ModelStore>,
    /// Nothing is read or written for now.
    silent: AtomicBool,
    /// The next commit fails, and nobody knows whether it happened; afterwards nothing works until
    /// the process starts again, as with a disk whose sync failed.
    failing: AtomicBool,
    failed: AtomicBool,
}

impl SimulatedStore {
    pub(crate) fn new(world: Arc<World>, ledger: Arc<Ledger>, kept: Arc<ModelStore>) -> Self {
        let (silent, failing, failed) = Default::default();
        Self { world, ledger, kept, silent, failing, failed }
    }

    pub(crate) fn set_silent(&self, silent: bool) {
        self.world.disturb();
        self.silent.store(silent, Ordering::Relaxed);
    }

    pub(crate) fn fail_for_good(&self) {
        self.failing.store(true, Ordering::Relaxed);
    }

    /// Nothing is wrong with it from now on.
    pub(crate) fn spare(&self) {
        self.failing.store(false, Ordering::Relaxed);
        self.set_silent(false);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    async fn enter(&self) -> Result<(), StoreError> {
        self.world.step().await;
        let down = self.silent.load(Ordering::Relaxed) || self.has_failed();
        if down { Err(unavailable()) } else { Ok(()) }
    }
}

#[async_trait]
impl Store for SimulatedStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        self.enter().await?;
        self.kept.get(key).await
    }

    async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError> {
        self.enter().await?;
        self.kept.scan(prefix, after, limit).await
    }

    async fn commit(
        &self,
        expects: Vec<Expectation>,
        writes: Vec<Write>,
    ) -> Result<Revision, CommitError> {
        self.enter().await?;
        // A sync of a disk; now and then a slow one.
        let took =
            self.world.draw(|rng| if rng.chance(20) { rng.below(2000) } else { rng.below(8) });
        tokio::time::sleep(Duration::from_millis(took as u64)).await;
        self.enter().await?;
        if self.failing.swap(false, Ordering::Relaxed) {
            self.failed.store(true, Ordering::Relaxed);
            let happened = self.world.draw(|rng| rng.chance(500));
            self.world.note(format_args!("store fails for good, commit happened: {happened}"));
            self.ledger.may_be_open();
            if happened {
                self.kept.commit(expects, writes).await?;
            }
            return Err(unavailable().into());
        }
        let committed = self.kept.commit(expects, writes).await;
        self.world.step().await;
        committed
    }

    async fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.kept.keyring().await
    }

    async fn replace_keyring(&self, keyring: Vec<u8>) -> Result<(), StoreError> {
        self.kept.replace_keyring(keyring).await
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable(std::io::Error::other("the simulated disk"))
}
