//! Making a store, and opening one without trusting it.
//!
//! Opening has two steps. The first opens a copy, reads it to its end and changes nothing of the
//! original; the second changes it, in ways that can be interrupted and done again. So a refusal
//! changes nothing, and neither does a kill before the second step.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::engine::{self, Engine};
use super::layout::{self, FORMAT, Identity, Layout};
use super::records::{self, Sentinel};
use super::view::Records;
use super::writer::Disk;
use crate::model::Uid;
use crate::ports::{Revision, StoreError};

/// Why a store was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateStoreError {
    /// There is a store already; it was not touched.
    #[error("there is a store in {0} already: use it, or name another directory for a new one")]
    Exists(PathBuf),
    /// Something else is there; it was not touched.
    #[error("{0} is not empty: name another directory for the store, or empty this one first")]
    NotEmpty(PathBuf),
    /// A file could not be written.
    #[error("the store's files could not be made in {0}: check its permissions and free space")]
    Files(PathBuf, #[source] io::Error),
    /// The engine could not be started.
    #[error("the storage engine could not be started in {0}: check its permissions and free space")]
    Engine(PathBuf, #[source] StoreError),
}

/// Why a store was not opened. Nothing was modified.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// There is no such directory, or it is empty.
    #[error("there is no store in {0}: make one with `ionvault init`, or correct the path")]
    Missing(PathBuf),
    /// There is something else, or a store whose making was interrupted.
    #[error(
        "{0} holds no complete store: restore it from a backup, or empty it and run `ionvault init`"
    )]
    Incomplete(PathBuf, #[source] io::Error),
    /// It is open.
    #[error("the store in {0} is in use by another process: stop that process first")]
    InUse(PathBuf),
    /// It was written by a newer program.
    #[error(
        "the store in {0} has format {1}, which this version does not know: install a newer ionvault"
    )]
    Format(PathBuf, u32),
    /// The engine's files are missing, cut, or damaged.
    #[error("the store in {0} is damaged or was cut: restore it from a backup")]
    Damaged(PathBuf, #[source] StoreError),
    /// The engine's files are those of another store, or of another time.
    #[error(
        "the files of the store in {0} do not belong together, or were cut: restore all of them from one backup"
    )]
    Mixed(PathBuf),
    /// A copy could not be made, or a file not be read or written.
    #[error(
        "the store in {0} could not be checked: see that the disk has room for a copy of it, and that its files can be read and written"
    )]
    Files(PathBuf, #[source] io::Error),
    /// The operating system gave no thread.
    #[error("the store's threads could not be started: raise the limit of processes")]
    Thread(#[source] io::Error),
}

/// What a look at a store found, with the lock that keeps it so.
pub(super) struct Sound {
    pub(super) identity: Identity,
    sentinel: Sentinel,
    lock: File,
}

/// A store whose engine runs.
pub(super) struct Opened {
    pub(super) revision: Revision,
    pub(super) engine: Engine,
    pub(super) disk: Disk,
    /// Keeps other processes out while it lives.
    pub(super) lock: File,
}

/// As [`super::SledStore::vacant`].
pub(super) fn vacant(layout: &Layout) -> Result<(), CreateStoreError> {
    let dir = || layout.dir().to_owned();
    match fs::read_dir(layout.dir()).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) if layout.read_identity().is_ok() => Err(CreateStoreError::Exists(dir())),
        Ok(false) => Err(CreateStoreError::NotEmpty(dir())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CreateStoreError::Files(dir(), error)),
    }
}

/// As [`super::SledStore::create`]. `store.json` comes last, for it makes the store complete.
pub(super) fn create(layout: &Layout, store_id: Uid) -> Result<(), CreateStoreError> {
    vacant(layout)?;
    let dir = || layout.dir().to_owned();
    let files = |error| CreateStoreError::Files(dir(), error);
    let engine = |error| CreateStoreError::Engine(dir(), error);
    layout.make_dir().map_err(files)?;
    let db = Engine::open(&layout.db()).map_err(engine)?;
    let mut batch = sled::Batch::default();
    batch.insert(records::SENTINEL_KEY, Sentinel { store_id, generation: 1 }.to_bytes());
    batch.insert(records::REVISION_KEY, 0_u64.to_be_bytes().to_vec());
    db.write(batch).and_then(|()| db.close()).map_err(engine)?;
    for path in [layout.db().join("db"), layout.db().join("conf"), layout.db()] {
        layout::sync(&path).map_err(files)?;
    }
    layout.make_progress(Revision(0)).map_err(files)?;
    layout.replace_identity(&Identity { format: FORMAT, store_id, generation: 1 }).map_err(files)
}

/// As [`super::SoundStore::check`].
pub(super) fn check(layout: &Layout) -> Result<Sound, OpenStoreError> {
    let lock = lock_dir(layout)?;
    let identity = read_identity(layout)?;
    let acknowledged = layout
        .read_progress()
        .map_err(|error| OpenStoreError::Incomplete(layout.dir().to_owned(), error))?;
    let sentinel = try_copy(layout, &identity, acknowledged)?;
    Ok(Sound { identity, sentinel, lock })
}

/// As [`super::SoundStore::open`]; also gives what the store holds.
pub(super) fn open(layout: &Layout, sound: Sound) -> Result<(Opened, Records), OpenStoreError> {
    let dir = || layout.dir().to_owned();
    let files = |error| OpenStoreError::Files(dir(), error);
    let damaged = |error| OpenStoreError::Damaged(dir(), error);
    let Sound { mut identity, sentinel, lock } = sound;

    layout.remove_leftovers().map_err(files)?;
    layout::remove_unfinished_snapshots(&layout.db()).map_err(files)?;
    let log = engine::open_disk(&layout.db()).map_err(files)?;
    let engine = Engine::open(&layout.db()).map_err(damaged)?;
    let revision = engine.last_revision().map_err(damaged)?;
    let records = engine.read_all().map_err(damaged)?;
    // `store.json` must never lag by more than one generation.
    if identity.generation != sentinel.generation {
        identity.generation = sentinel.generation;
        layout.replace_identity(&identity).map_err(files)?;
    }
    identity.generation = identity.generation.saturating_add(1);
    let mut batch = sled::Batch::default();
    let next = Sentinel { generation: identity.generation, ..sentinel };
    batch.insert(records::SENTINEL_KEY, next.to_bytes());
    engine.write(batch).map_err(damaged)?;
    log.sync_data().map_err(files)?;
    layout.replace_identity(&identity).map_err(files)?;
    let progress = layout.open_progress().map_err(files)?;
    Ok((Opened { revision, engine, disk: Disk { log, progress }, lock }, records))
}

/// Keeps other processes out. The lock is on the directory itself, so taking it writes nothing.
fn lock_dir(layout: &Layout) -> Result<File, OpenStoreError> {
    let dir = || layout.dir().to_owned();
    let lock = File::open(layout.dir()).map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            OpenStoreError::Missing(dir())
        } else {
            OpenStoreError::Files(dir(), error)
        }
    })?;
    match engine::lock(&lock) {
        Ok(()) => Ok(lock),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(OpenStoreError::InUse(dir()))
        }
        Err(error) => Err(OpenStoreError::Files(dir(), error)),
    }
}

fn read_identity(layout: &Layout) -> Result<Identity, OpenStoreError> {
    let dir = || layout.dir().to_owned();
    let empty = fs::read_dir(layout.dir()).is_ok_and(|mut entries| entries.next().is_none());
    if empty {
        return Err(OpenStoreError::Missing(dir()));
    }
    let identity =
        layout.read_identity().map_err(|error| OpenStoreError::Incomplete(dir(), error))?;
    if identity.format != FORMAT {
        return Err(OpenStoreError::Format(dir(), identity.format));
    }
    Ok(identity)
}

/// Repairs, opens and reads a copy, and compares it with what lies beside it.
fn try_copy(
    layout: &Layout,
    identity: &Identity,
    acknowledged: Revision,
) -> Result<Sentinel, OpenStoreError> {
    let dir = || layout.dir().to_owned();
    let files = |error| OpenStoreError::Files(dir(), error);
    // sled would make a log where there is none.
    if fs::metadata(layout.db().join("db")).is_ok_and(|log| log.len() > 0) {
        layout.remove_trial().map_err(files)?;
        let found = layout::copy_engine(&layout.db(), &layout.trial())
            .and_then(|()| layout::remove_unfinished_snapshots(&layout.trial()))
            .map_err(files)
            .and_then(|()| read_copy(layout).map_err(|e| OpenStoreError::Damaged(dir(), e)));
        layout.remove_trial().map_err(files)?;
        let (sentinel, revision) = found?;
        let same = sentinel.store_id == identity.store_id;
        let behind = sentinel.generation.checked_sub(identity.generation);
        if !same || !matches!(behind, Some(0 | 1)) || revision < acknowledged {
            return Err(OpenStoreError::Mixed(dir()));
        }
        Ok(sentinel)
    } else {
        Err(OpenStoreError::Damaged(dir(), StoreError::Corrupt("no log")))
    }
}

/// Opens the copy, reads all of it, and lets go of it, if that has an end.
fn read_copy(layout: &Layout) -> Result<(Sentinel, Revision), StoreError> {
    let bytes = fs::metadata(layout.trial().join("db")).map_or(0, |log| log.len());
    let limit = TRIAL_TIME + TRIAL_TIME_PER_MIB.mul_f64(bytes as f64 / MIB);
    let trial = layout.trial();
    within(limit, move || {
        let engine = Engine::open(&trial)?;
        let found = (engine.sentinel()?, engine.last_revision()?);
        engine.read_all()?;
        engine.close().map(|()| found)
    })
}

/// Does `work` on a thread of its own, which is given up after `limit`: nothing can stop sled in the
/// middle of a look-up. The process is about to refuse to start, and its end is the thread's.
fn within<T: Send + 'static>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (done, waiting) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("store-trial".to_owned());
    // Nobody listens any more to a thread that was given up.
    let spawned = thread.spawn(move || drop(done.send(work())));
    spawned.map_err(StoreError::Unavailable)?;
    waiting
        .recv_timeout(limit)
        .unwrap_or(Err(StoreError::Corrupt("pages that are not read to an end in time")))
}

/// How long the smallest copy may take to be opened and read, unoptimized in less than 0.1 s.
const TRIAL_TIME: Duration = Duration::from_secs(30);

/// How much longer for each MiB of it: who reads so slowly cannot serve anybody.
const TRIAL_TIME_PER_MIB: Duration = Duration::from_secs(1);

const MIB: f64 = 1_048_576.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_without_an_end_is_damage() {
        let forever = || -> Result<(), StoreError> {
            loop {
                thread::park();
            }
        };
        let refused = within(Duration::from_millis(10), forever).unwrap_err();
        assert!(matches!(refused, StoreError::Corrupt(_)), "{refused:?}");
        assert_eq!(within(Duration::MAX, || Ok(7)).unwrap(), 7);
    }
}
