//! What readers see: whole records, and only those that a power cut would leave.
//!
//! Between applying a batch and syncing it, sled shows records that a power cut could take back.
//! Readers must not act on them, so the writer leaves the records as they were before here, until
//! the sync has succeeded.
//!
//! The lock is held while one record is read, or one batch is applied, never during a sync. So
//! readers wait for memory, not for the disk, unless a page must be fetched.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use super::engine::{self, contain};
use super::records::{self, Head};
use super::unavailable;
use crate::ports::{StoreError, Stored};
use crate::sealing::{SealedRecord, StoreKey};

/// The engine, shared by readers and the writer.
pub(super) struct View(RwLock<State>);

struct State {
    /// `None` once it was closed.
    open: Option<Open>,
    /// What the keys of the group being written held before.
    before: Before,
}

#[derive(Clone)]
struct Open {
    db: sled::Db,
    /// Keeps other processes out while it lives.
    _lock: Arc<File>,
}

/// The records of some keys as they were at some time; `None`: there was none.
pub(super) type Before = BTreeMap<StoreKey, Option<Stored>>;

impl View {
    pub(super) fn new(db: sled::Db, lock: File) -> Self {
        let open = Some(Open { db, _lock: Arc::new(lock) });
        Self(RwLock::new(State { open, before: Before::new() }))
    }

    pub(super) fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match state.before.get(key) {
            Some(before) => Ok(before.clone()),
            None => read_record(state.db()?, key),
        }
    }

    /// As the port's `scan`, with `limit` checked.
    pub(super) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError> {
        let mut found = Vec::new();
        let mut last = after.cloned();
        while found.len() < limit {
            let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let Some(key) = state.next_key(prefix, last.as_ref())? else { break };
            let stored = match state.before.get(&key) {
                Some(before) => before.clone(),
                None => read_record(state.db()?, &key)?,
            };
            drop(state);
            // A key that the group being written creates has nothing to show yet.
            if let Some(stored) = stored {
                found.push((key.clone(), stored));
            }
            last = Some(key);
        }
        Ok(found)
    }

    /// For the writer, which sees everything that it applied.
    pub(super) fn newest(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        read_record(state.db()?, key)
    }

    /// Applies a batch, while readers go on seeing `before`.
    pub(super) fn apply(&self, batch: sled::Batch, before: Before) -> Result<(), StoreError> {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.before = before;
        contain(|| state.db()?.apply_batch(batch).map_err(engine::not_available))
    }

    /// Has sled write what it holds back. Readers are not kept waiting.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        let db = self.0.read().unwrap_or_else(PoisonError::into_inner).db()?.clone();
        contain(|| db.flush().map_err(engine::not_available)).map(drop)
    }

    /// Lets readers see what was applied; it is durable now.
    pub(super) fn reveal(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).before.clear();
    }

    /// Does `work` unless the store was closed, and holds off closing meanwhile.
    pub(super) fn while_open<T>(&self, work: impl FnOnce() -> T) -> Result<T, StoreError> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.db()?;
        Ok(work())
    }

    /// Lets go of the engine and of the lock.
    pub(super) fn close(&self) -> Result<(), StoreError> {
        let open = self.0.write().unwrap_or_else(PoisonError::into_inner).open.take();
        contain(|| {
            drop(open);
            Ok(())
        })
    }

    /// Gives up on the engine without dropping it. Its threads may hang, and dropping it would
    /// wait for them, or write once more; the lock stays, too, for they may still write.
    pub(super) fn abandon(&self) {
        // Readers keep the one in the state; this one is never dropped.
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner).open.clone();
        std::mem::forget(open);
    }
}

impl State {
    fn db(&self) -> Result<&sled::Db, StoreError> {
        match &self.open {
            Some(open) => Ok(&open.db),
            None => Err(unavailable("the store is closed")),
        }
    }

    /// The first key with `prefix` behind `after`, in sled or among what was before.
    fn next_key(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
    ) -> Result<Option<StoreKey>, StoreError> {
        let after = after.map(StoreKey::as_bytes).filter(|after| *after >= prefix);
        let start = after.unwrap_or(prefix);
        let passes = |key: &StoreKey| {
            let key = key.as_bytes();
            key >= start && after.is_none_or(|after| key > after)
        };
        let head = records::head_key(start);
        let bound = if after.is_some() { Bound::Excluded(head) } else { Bound::Included(head) };
        let stored = contain(|| {
            let range = (bound, Bound::<Vec<u8>>::Unbounded);
            self.db()?.range(range).next().transpose().map_err(engine::not_available)
        })?;
        // Behind the last head lie the pieces, whose keys are no heads' keys.
        let stored = stored.and_then(|(key, _)| records::key_of_head(&key));
        let before = self.before.keys().find(|key| passes(key)).cloned();
        let next = match (stored, before) {
            (Some(stored), Some(before)) => Some(stored.min(before)),
            (stored, before) => stored.or(before),
        };
        Ok(next.filter(|key| key.as_bytes().starts_with(prefix)))
    }
}

/// Reads one record. The caller keeps batches from being applied meanwhile.
pub(super) fn read_record(db: &sled::Db, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
    let get = |key: &[u8]| contain(|| db.get(key).map_err(engine::not_available));
    let Some(head) = get(&records::head_key(key.as_bytes()))? else { return Ok(None) };
    let head = Head::from_bytes(&head).ok_or(StoreError::Corrupt("the head of a record"))?;
    let mut bytes = Vec::with_capacity(head.length);
    bytes.extend_from_slice(head.first);
    for number in 0..head.pieces() {
        let piece = get(&records::piece_key(key, number))?;
        let piece = piece.ok_or(StoreError::Corrupt("a record without one of its pieces"))?;
        match records::piece_from_bytes(&piece) {
            Some((revision, part)) if revision == head.revision => bytes.extend_from_slice(part),
            _ => return Err(StoreError::Corrupt("a piece of another record")),
        }
    }
    if bytes.len() != head.length {
        return Err(StoreError::Corrupt("a record of another length"));
    }
    let record = SealedRecord::from_stored(bytes)
        .ok()
        .ok_or(StoreError::Corrupt("a record that is not sealed, or of a newer format"))?;
    Ok(Some(Stored { record, revision: head.revision }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Revision;

    fn key(bytes: &[u8]) -> StoreKey {
        StoreKey::from_stored(bytes).unwrap()
    }

    fn record(length: usize) -> SealedRecord {
        let mut bytes = b"IONV\x01\x01\x02".to_vec();
        bytes.resize(length, 0);
        SealedRecord::from_stored(bytes).unwrap()
    }

    fn put(batch: &mut sled::Batch, key: &StoreKey, length: usize, revision: Revision) {
        let (head, pieces) = records::encode(record(length).as_bytes(), revision);
        batch.insert(records::head_key(key.as_bytes()), head);
        for (number, piece) in (0..).zip(pieces) {
            batch.insert(records::piece_key(key, number), piece);
        }
    }

    #[test]
    fn readers_see_a_group_only_once_it_is_revealed() {
        let dir = tempfile::tempdir().unwrap();
        let db = engine::open(&dir.path().join("db")).unwrap();
        let view = View::new(db, File::open(dir.path()).unwrap());
        let keys = [b"a", b"b", b"c", b"d"].map(|bytes| key(bytes));
        let [kept, replaced, deleted, created] = &keys;
        let mut first = sled::Batch::default();
        for key in [kept, replaced, deleted] {
            put(&mut first, key, 9_000, Revision(1));
        }
        view.apply(first, Before::new()).unwrap();
        let seen = || view.scan(b"", None, 10).unwrap();
        let old = seen();
        assert_eq!(old.len(), 3);

        let mut second = sled::Batch::default();
        put(&mut second, replaced, 200, Revision(2));
        put(&mut second, created, 200, Revision(2));
        second.remove(records::head_key(deleted.as_bytes()));
        let before = [replaced, deleted, created].map(|key| (key.clone(), view.get(key).unwrap()));
        view.apply(second, before.into()).unwrap();
        view.flush().unwrap();
        assert_eq!(seen(), old);
        assert_eq!(view.get(deleted).unwrap(), old.last().map(|(_, stored)| stored.clone()));
        assert_eq!(view.get(created).unwrap(), None);
        assert_eq!(view.newest(created).unwrap().unwrap().revision, Revision(2));

        view.reveal();
        let new: Vec<_> = seen().into_iter().map(|(key, stored)| (key, stored.revision)).collect();
        let expected = [(kept, 1), (replaced, 2), (created, 2)];
        assert_eq!(new, expected.map(|(key, revision)| (key.clone(), Revision(revision))));
        assert_eq!(view.get(deleted).unwrap(), None);
    }
}
