//! The real store, behind something that can fail or stand still when a test wants it to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use ionvault::adapters::SledStore;
use ionvault::ports::{CommitError, Expectation, Revision, Store, StoreError, Stored, Write};
use ionvault::sealing::StoreKey;
use tokio::sync::watch;

pub(crate) struct FaultyStore {
    store: Arc<SledStore>,
    fail_reads: AtomicBool,
    fail_commits: AtomicBool,
    held: watch::Sender<bool>,
}

impl FaultyStore {
    pub(crate) fn new(store: Arc<SledStore>) -> Self {
        let held = watch::Sender::new(false);
        Self { store, fail_reads: AtomicBool::default(), fail_commits: AtomicBool::default(), held }
    }

    /// Whether reads fail from now on.
    pub(crate) fn fail_reads(&self, fail: bool) {
        self.fail_reads.store(fail, Ordering::SeqCst);
    }

    /// Whether commits fail from now on, with nothing written.
    pub(crate) fn fail_commits(&self, fail: bool) {
        self.fail_commits.store(fail, Ordering::SeqCst);
    }

    /// Holds all commits, until `release`.
    pub(crate) fn hold_commits(&self) {
        self.held.send_replace(true);
    }

    /// Waits until a commit is held.
    pub(crate) async fn until_held(&self) {
        while self.held.receiver_count() == 0 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn release_commits(&self) {
        self.held.send_replace(false);
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        check(&self.fail_reads)?;
        self.store.get(key).await
    }

    async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError> {
        check(&self.fail_reads)?;
        self.store.scan(prefix, after, limit).await
    }

    async fn commit(
        &self,
        expects: Vec<Expectation>,
        writes: Vec<Write>,
    ) -> Result<Revision, CommitError> {
        self.held.subscribe().wait_for(|held| !held).await.unwrap();
        check(&self.fail_commits)?;
        self.store.commit(expects, writes).await
    }

    async fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.keyring().await
    }

    async fn replace_keyring(&self, keyring: Vec<u8>) -> Result<(), StoreError> {
        self.store.replace_keyring(keyring).await
    }
}

/// The error's own text names something that callers must never be told.
fn check(fail: &AtomicBool) -> Result<(), StoreError> {
    if fail.load(Ordering::SeqCst) {
        let error = std::io::Error::other("planted-internal-device");
        return Err(StoreError::Unavailable(error));
    }
    Ok(())
}
