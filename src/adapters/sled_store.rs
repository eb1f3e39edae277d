//! The [`Store`] port over sled 0.34.7, an embedded engine whose faults are known and answered.
//!
//! # Faults of sled 0.34.7, and what this adapter does about each
//!
//! 1. **`flush` does not reach the disk.** On Linux it ends in `sync_file_range`, which does not
//!    flush the device's cache and writes no metadata. Here one thread commits in groups: a batch,
//!    `flush`, then `fdatasync` on a descriptor of our own, and only then are the callers
//!    answered. The descriptor is our own because Linux reports a failed write-back once to each
//!    descriptor, and sled's background thread throws its reports away. A failed write or sync is
//!    final: nothing is acknowledged any more, [`SledStore::health`] says so, reads go on with
//!    what was acknowledged, and the process should end.
//! 2. **A kill while opening leaves `snap.*.generating`**, which the next open takes for a
//!    snapshot and fails on for ever. It is removed before opening. A complete `snap.*` is never
//!    removed: without it the next open succeeds empty and overwrites the data.
//! 3. **That it opens proves nothing**, and opening writes. So the directory of the engine is
//!    copied, and the copy is repaired, opened and read to its end. It must hold a sentinel (the
//!    store's id, the format, a generation that grows at each open) that matches `store.json`,
//!    which may lag one generation behind, and a revision at least as large as the one in
//!    `progress`. Else the start is refused, with the original untouched.
//! 4. **Large pages become files under `blobs/`** that are neither synced nor removed. A page
//!    holds up to 16 values before it splits, however long they are; so a value here is at most
//!    4 KiB, and a longer record lies in pieces, written in one batch. See [`blob_files`].
//! 5. **It panics, it hangs, and it lingers.** Panics are contained where they arise. A group that
//!    takes longer than [`GROUP_TIME_MAX`] counts as a failed write. A look-up in pages that lead in
//!    a circle (seen after a power cut on a modelled disk that does not honour `fdatasync`) never
//!    ends and takes memory all the while, so reading the copy has a limit of time, and the start
//!    is refused. `flush_async` is never called: seven concurrent callers hang. The engine's file
//!    lock can outlive a killed process for a moment, so opening tries for a bounded time.
//! 6. **What it removes stays on the disk** until a segment is overwritten. Deletion is made true
//!    by destroying keys, which therefore lie in a file of their own, `keyring`.
//!
//! # The directory (mode 0700)
//!
//! | name         | holds                                                                       |
//! |--------------|-----------------------------------------------------------------------------|
//! | `store.json` | format, store id, generation; replaced as a whole                           |
//! | `progress`   | the last revision acknowledged, written after each sync, itself not synced  |
//! | `keyring`    | wrapped keys; replaced as a whole                                           |
//! | `db/`        | sled's files                                                                |
//! | `db.trial/`  | the copy that is tried, while opening only                                  |
//!
//! The directory itself carries the lock that keeps a second process out.
//!
//! # Memory
//!
//! All records lie in memory, too, and readers are served from there: at once, whole, and only
//! with what a power cut would leave. sled could serve none of them after a failed write, because
//! on its way to a record it splits and merges pages, which is writing. The price is memory for
//! all records, which is limited (`STORE_BYTES_MAX`), as are copying and reading them at the start.
//!
//! [`blob_files`]: SledStore::blob_files
//! [`GROUP_TIME_MAX`]: writer::GROUP_TIME_MAX

mod engine;
mod health;
mod layout;
mod opening;
mod records;
mod sound;
mod view;
mod writer;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub use self::health::StoreHealth;
pub use self::opening::{CreateStoreError, OpenStoreError};
pub use self::sound::SoundStore;

use self::health::Health;
use self::layout::Layout;
use self::view::View;
use self::writer::{Commit, Job};
use crate::model::Uid;
use crate::ports::{
    CommitError, Expectation, RECORD_BYTES_MAX, Revision, SCAN_LIMIT_MAX, Store, StoreError,
    Stored, WRITES_MAX, Write,
};
use crate::sealing::StoreKey;

/// An open store. Dropping it finishes what was queued, in the background; [`SledStore::close`]
/// waits for that.
pub struct SledStore {
    store_id: Uid,
    layout: Arc<Layout>,
    view: Arc<View>,
    health: Arc<Health>,
    queue: mpsc::Sender<Job>,
    /// Units of [`ROOM_BYTES`]; a commit holds its share until it was answered.
    room: Arc<Semaphore>,
    /// One replacement at a time, for all use the same temporary file.
    keyring: Arc<std::sync::Mutex<()>>,
}

impl SledStore {
    /// Makes an empty store in `dir`, which is created if it is missing (mode 0700, as is one that
    /// exists). It blocks, for some disk writes.
    ///
    /// # Errors
    ///
    /// As [`SledStore::vacant`] if anything is there; else as [`CreateStoreError`] says. A
    /// creation that was interrupted leaves a directory that neither opens nor counts as empty.
    pub fn create(dir: &Path, store_id: Uid) -> Result<(), CreateStoreError> {
        opening::create(&Layout::new(dir), store_id)
    }

    /// Finds out whether [`SledStore::create`] would find room in `dir`. Nothing is changed.
    ///
    /// # Errors
    ///
    /// - [`CreateStoreError::Exists`] if there is a store.
    /// - [`CreateStoreError::NotEmpty`] if there is anything else.
    /// - [`CreateStoreError::Files`] if `dir` is not a directory that can be read.
    pub fn vacant(dir: &Path) -> Result<(), CreateStoreError> {
        opening::vacant(&Layout::new(dir))
    }

    /// Opens the store in `dir`, if it is sound: [`SoundStore::check`], then [`SoundStore::open`].
    ///
    /// # Errors
    ///
    /// As [`OpenStoreError`] says. Whenever it is refused, every file is as it was before.
    pub fn open(dir: &Path) -> Result<Self, OpenStoreError> {
        SoundStore::check(dir)?.open()
    }

    /// The identity it was created with. It never changes.
    #[must_use]
    pub fn store_id(&self) -> Uid {
        self.store_id
    }

    /// Whether it still acknowledges writes. [`StoreHealth::Failed`] is final.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<StoreHealth> {
        self.health.subscribe()
    }

    /// How many files sled put aside instead of into its log. Anything but 0 means that records
    /// are not as durable as was promised.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read.
    pub fn blob_files(&self) -> io::Result<usize> {
        self.layout.blob_files()
    }

    /// Commits what is queued, syncs, and lets go of the files. From then on every call is refused.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if it failed, or takes longer than [`CLOSE_TIME_MAX`].
    pub async fn close(&self) -> Result<(), StoreError> {
        let mut health = self.health.subscribe();
        if *health.borrow_and_update() == StoreHealth::Failed {
            return Err(failed());
        }
        let (reply, done) = sync_channel(1);
        let queued = tokio::select! {
            biased;
            queued = self.queue.send(Job::Close(reply)) => queued.is_ok(),
            _ = health.changed() => return Err(failed()),
        };
        // Refused only if it was closed before, which is what was wanted.
        if !queued {
            return Ok(());
        }
        // A disk keeps no virtual time: this waits by the real clock.
        blocking(move || {
            done.recv_timeout(CLOSE_TIME_MAX)
                .unwrap_or_else(|_| Err(unavailable("closing takes too long")))
        })
        .await
    }
}

#[async_trait]
impl Store for SledStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        self.view.get(key)
    }

    async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError> {
        if limit > SCAN_LIMIT_MAX {
            return Err(StoreError::Limit("a scan for too many records"));
        }
        self.view.scan(prefix, after, limit)
    }

    async fn commit(
        &self,
        expects: Vec<Expectation>,
        writes: Vec<Write>,
    ) -> Result<Revision, CommitError> {
        let bytes = writer::check_limits(&expects, &writes)?;
        let mut health = self.health.subscribe();
        if *health.borrow_and_update() == StoreHealth::Failed {
            return Err(failed().into());
        }
        let units = u32::try_from(bytes.div_ceil(ROOM_BYTES).max(1)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(units)
            .ok()
            .ok_or_else(|| unavailable("too much waits to be written"))?;
        let (reply, answer) = oneshot::channel();
        let commit = Commit { expects, writes, bytes, reply, _room: room };
        // Nothing was awaited so far: who has polled this once has queued the commit.
        self.queue.try_send(Job::Commit(commit)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => unavailable("too many commits wait"),
            mpsc::error::TrySendError::Closed(_) => unavailable("the store is closed"),
        })?;
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Err(failed().into())),
            // The writer may hang, and never answer.
            _ = health.changed() => Err(failed().into()),
        }
    }

    async fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let (layout, view) = (Arc::clone(&self.layout), Arc::clone(&self.view));
        blocking(move || {
            view.while_open(|_| layout.read_keyring(KEYRING_BYTES_MAX))?
                .map_err(StoreError::Unavailable)
        })
        .await
    }

    async fn replace_keyring(&self, keyring: Vec<u8>) -> Result<(), StoreError> {
        if keyring.len() > KEYRING_BYTES_MAX {
            return Err(StoreError::Limit("a keyring that is too long"));
        }
        if *self.health.subscribe().borrow() == StoreHealth::Failed {
            return Err(failed());
        }
        let (layout, view) = (Arc::clone(&self.layout), Arc::clone(&self.view));
        let (health, one_at_a_time) = (Arc::clone(&self.health), Arc::clone(&self.keyring));
        blocking(move || {
            let _turn = one_at_a_time.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            view.while_open(|_| layout.replace_keyring(&keyring))?.map_err(|error| {
                // Which of the two would be found after a power cut is not known.
                health.fail("the keyring could not be replaced", &error);
                StoreError::Unavailable(error)
            })
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(StoreError::Unavailable(io::Error::other(error))),
    }
}

fn unavailable(why: &'static str) -> StoreError {
    StoreError::Unavailable(io::Error::other(why))
}

fn failed() -> StoreError {
    unavailable("a write or sync failed, and the process must be started again")
}

/// Longest queue of commits; the next one is refused at once, to be tried again.
const QUEUE_COMMITS_MAX: usize = 1_024;

/// Most bytes of records in the queue: eight commits of the largest kind, or hundreds of uploads.
const QUEUE_BYTES_MAX: usize = 8 * WRITES_MAX * RECORD_BYTES_MAX;

/// The unit in which the queue's bytes are counted.
const ROOM_BYTES: usize = 1_024;

/// How long [`SledStore::close`] waits for the queue and the disk.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(20);

/// Longest keyring: room for hundreds of wrapped keys.
const KEYRING_BYTES_MAX: usize = 64 * 1024;
