//! sled, held at arm's length: opened with our settings, its panics and errors turned into ours.

use std::fs::{File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::records;
use super::view::read_record;
use crate::ports::{Revision, StoreError};

/// Does something with sled; a panic becomes an error.
pub(super) fn contain<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // What a panic leaves half done lies within sled, which is not used for writing afterwards.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(StoreError::Unavailable(io::Error::other("the storage engine panicked")))
    })
}

/// What an error of sled means to a caller.
pub(super) fn not_available(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Corrupt("a page that fails its checksum"),
        sled::Error::Io(_)
        | sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_) => StoreError::Unavailable(error.into()),
    }
}

/// Opens the engine's files in `dir`, or makes them.
pub(super) fn open(dir: &Path) -> Result<sled::Db, StoreError> {
    contain(|| {
        sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES_MAX)
            // Its background thread also frees space; it is not relied on for durability.
            .flush_every_ms(Some(GARBAGE_EVERY_MS))
            .open()
            .map_err(not_available)
    })
}

/// Opens the engine's files for syncing them. Made before the engine writes to them, so that this
/// descriptor sees each failed write-back.
pub(super) fn open_disk(dir: &Path) -> io::Result<File> {
    File::open(dir.join("db"))
}

/// Has sled write what it holds back, and the disk keep it.
pub(super) fn settle(db: &sled::Db, disk: &File) -> Result<(), StoreError> {
    contain(|| db.flush().map_err(not_available))?;
    disk.sync_data().map_err(StoreError::Unavailable)
}

/// Takes a lock whose last owner may be about to end.
///
/// # Errors
///
/// `WouldBlock` if it has a living owner.
pub(super) fn lock(file: &File) -> io::Result<()> {
    for _ in 0..LOCK_TRIES_MAX {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Reads everything, and shows that all of it fits together: no page is missing, each record is
/// whole, and there are no pieces without a head.
pub(super) fn read_through(db: &sled::Db) -> Result<(), StoreError> {
    let (mut values, mut accounted) = (0_usize, 2_usize);
    contain(|| {
        for entry in db.iter() {
            let (key, _) = entry.map_err(not_available)?;
            values += 1;
            if let Some(key) = records::key_of_head(&key) {
                let stored = read_record(db, &key)?;
                let stored = stored.ok_or(StoreError::Corrupt("a record that vanished"))?;
                accounted += 1 + usize::from(records::pieces(stored.record.as_bytes().len()));
            }
        }
        Ok(())
    })?;
    if values == accounted {
        Ok(())
    } else {
        Err(StoreError::Corrupt("a value that belongs to no record"))
    }
}

/// The last revision given out.
pub(super) fn last_revision(db: &sled::Db) -> Result<Option<Revision>, StoreError> {
    let value = contain(|| db.get(records::REVISION_KEY).map_err(not_available))?;
    let Some(value) = value else { return Ok(None) };
    let bytes = value.as_ref().try_into().ok().ok_or(StoreError::Corrupt("the revision"))?;
    Ok(Some(Revision(u64::from_be_bytes(bytes))))
}

/// sled's cache of pages.
const CACHE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How often sled looks for space to free.
const GARBAGE_EVERY_MS: u64 = 500;

/// With [`LOCK_PAUSE`]: one second, after which the other owner is alive.
const LOCK_TRIES_MAX: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
