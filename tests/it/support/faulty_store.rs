//! The real store, behind something that can fail or stand still when a test wants it to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ionvault::adapters::SledStore;
use ionvault::ports::{CommitError, Expectation, Revision, Store, StoreError, Stored, Write};
use ionvault::sealing::StoreKey;
use tokio::sync::{oneshot, watch};

pub(crate) struct FaultyStore {
    store: Arc<SledStore>,
    fail_reads: AtomicBool,
    fail_commits: AtomicBool,
    held: watch::Sender<bool>,
    held_answer: Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>,
}

impl FaultyStore {
    pub(crate) fn new(store: Arc<SledStore>) -> Self {
        Self {
            store,
            fail_reads: AtomicBool::default(),
            fail_commits: AtomicBool::default(),
            held: watch::Sender::new(false),
            held_answer: Mutex::default(),
        }
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

    /// Holds the answer to the next commit: that it is written is heard at the first end, and a
    /// word to the second lets whoever committed know.
    pub(crate) fn hold_next_answer(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((written, heard), (word, go_on)) = (oneshot::channel(), oneshot::channel());
        *self.held_answer.lock().unwrap() = Some((written, go_on));
        (heard, word)
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
        let hold = self.held_answer.lock().unwrap().take();
        let committed = self.store.commit(expects, writes).await;
        if let Some((written, go_on)) = hold {
            written.send(()).unwrap();
            go_on.await.unwrap();
        }
        committed
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
