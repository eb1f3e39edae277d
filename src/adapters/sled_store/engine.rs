//! sled, held at arm's length: opened with our settings, its panics and errors turned into ours.

use std::fs::{File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::records::{self, Head, Sentinel};
use super::unavailable;
use super::view::Records;
use crate::ports::{Revision, StoreError, Stored};
use crate::sealing::{SealedRecord, StoreKey};

/// An open sled. Dropping it closes it, and contains what panics then.
pub(super) struct Engine {
    /// `None` only while it is being closed.
    db: Option<sled::Db>,
}

impl Engine {
    /// Opens the files in `dir`, or makes them.
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        contain(|| {
            let db = sled::Config::new()
                .path(dir)
                .cache_capacity(CACHE_BYTES_MAX)
                // Its background thread also frees space; it is not relied on for durability.
                .flush_every_ms(Some(GARBAGE_EVERY_MS))
                .open()
                .map_err(not_available)?;
            Ok(Self { db: Some(db) })
        })
    }

    /// Applies a batch, and has sled write all that it holds back. Durable is it only after a sync.
    pub(super) fn write(&self, batch: sled::Batch) -> Result<(), StoreError> {
        contain(|| {
            let db = self.db()?;
            db.apply_batch(batch).map_err(not_available)?;
            db.flush().map(drop).map_err(not_available)
        })
    }

    /// The last revision given out.
    pub(super) fn last_revision(&self) -> Result<Revision, StoreError> {
        let bytes = self.get(records::REVISION_KEY)?;
        let bytes = bytes.and_then(|bytes| bytes.as_ref().try_into().ok());
        let bytes = bytes.ok_or(StoreError::Corrupt("the last revision"))?;
        Ok(Revision(u64::from_be_bytes(bytes)))
    }

    /// What proves that this store is the right one.
    pub(super) fn sentinel(&self) -> Result<Sentinel, StoreError> {
        let bytes = self.get(records::SENTINEL_KEY)?;
        let sentinel = bytes.and_then(|bytes| Sentinel::from_bytes(&bytes));
        sentinel.ok_or(StoreError::Corrupt("the sentinel"))
    }

    /// Reads everything, which shows that all of it fits together: no page is missing, each record
    /// is whole, and no piece is without a head.
    pub(super) fn read_all(&self) -> Result<Records, StoreError> {
        let (mut values, mut accounted) = (0_usize, INTERNAL_VALUES);
        let mut all = Records::new();
        contain(|| {
            for entry in self.db()?.iter() {
                let (key, value) = entry.map_err(not_available)?;
                values += 1;
                if let Some(key) = records::key_of_head(&key) {
                    let head = Head::from_bytes(&value);
                    let head = head.ok_or(StoreError::Corrupt("the head of a record"))?;
                    accounted += 1 + usize::from(head.pieces());
                    let stored = self.read_record(&key, &head)?;
                    all.insert(key, stored);
                }
            }
            Ok(())
        })?;
        if values == accounted {
            Ok(all)
        } else {
            Err(StoreError::Corrupt("a value that belongs to no record"))
        }
    }

    /// Reads what follows a head.
    fn read_record(&self, key: &StoreKey, head: &Head<'_>) -> Result<Stored, StoreError> {
        let mut bytes = Vec::with_capacity(head.length);
        bytes.extend_from_slice(head.first);
        for number in 0..head.pieces() {
            let piece = self.get(&records::piece_key(key, number))?;
            let piece = piece.ok_or(StoreError::Corrupt("a record without one of its pieces"))?;
            match records::piece_from_bytes(&piece) {
                Some((revision, part)) if revision == head.revision => {
                    bytes.extend_from_slice(part);
                }
                _ => return Err(StoreError::Corrupt("a piece of another record")),
            }
        }
        if bytes.len() != head.length {
            return Err(StoreError::Corrupt("a record of another length"));
        }
        let record = SealedRecord::from_stored(bytes).ok();
        let record = record.ok_or(StoreError::Corrupt("a record of an unknown format"))?;
        Ok(Stored { record, revision: head.revision })
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, StoreError> {
        contain(|| self.db()?.get(key).map_err(not_available))
    }

    fn db(&self) -> Result<&sled::Db, StoreError> {
        self.db.as_ref().ok_or_else(|| unavailable("the storage engine is closed"))
    }

    /// Closes it; sled writes and syncs then, too.
    pub(super) fn close(mut self) -> Result<(), StoreError> {
        drop_contained(self.db.take())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Who wants to know calls `close`.
        let _ = drop_contained(self.db.take());
    }
}

fn drop_contained(db: Option<sled::Db>) -> Result<(), StoreError> {
    contain(|| {
        drop(db);
        Ok(())
    })
}

/// Does something with sled; a panic becomes an error.
fn contain<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // What a panic leaves half done lies within sled, which is not used for writing afterwards.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(StoreError::Unavailable(io::Error::other("the storage engine panicked")))
    })
}

/// What an error of sled means to a caller.
fn not_available(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Corrupt("a page that fails its checksum"),
        sled::Error::Io(_)
        | sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_) => StoreError::Unavailable(error.into()),
    }
}

/// Opens the engine's files for syncing them. Made before the engine writes to them, so that this
/// descriptor sees each failed write-back.
pub(super) fn open_disk(dir: &Path) -> io::Result<File> {
    File::open(dir.join("db"))
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

/// The sentinel and the last revision.
const INTERNAL_VALUES: usize = 2;

/// sled's cache of pages, which only writing uses.
const CACHE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How often sled looks for space to free.
const GARBAGE_EVERY_MS: u64 = 500;

/// With [`LOCK_PAUSE`]: one second, after which the other owner is alive.
const LOCK_TRIES_MAX: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
