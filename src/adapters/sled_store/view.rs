//! What readers see: every record, in memory, as a power cut would leave it.
//!
//! sled shows a batch before it is synced, and a reader must not act on what a power cut could take
//! back. And sled stops answering readers once a write has failed: on its way to a record it tidies
//! up, which is a write. So readers never ask sled. What lies here changes after a sync only, and
//! stays readable whatever becomes of the disk.
//!
//! The lock is held while records are copied or replaced, never during a write to the disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock};

use super::unavailable;
use crate::ports::{Revision, StoreError, Stored};
use crate::sealing::StoreKey;

/// The durable records, shared by readers and the writer.
pub(super) struct View(RwLock<State>);

struct State {
    open: bool,
    records: Records,
}

/// Records under their keys.
pub(super) type Records = BTreeMap<StoreKey, Stored>;

/// What becomes of some keys: a new record, or none.
pub(super) type Changes = BTreeMap<StoreKey, Option<Stored>>;

/// What the writer needs to know of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Found {
    pub(super) revision: Revision,
    /// Length of the record.
    pub(super) bytes: usize,
}

impl View {
    pub(super) fn new(records: Records) -> Self {
        Self(RwLock::new(State { open: true, records }))
    }

    pub(super) fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        self.while_open(|records| records.get(key).cloned())
    }

    /// As the port's `scan`, with `limit` checked.
    pub(super) fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError> {
        self.while_open(|records| {
            // What lies before the prefix is no place to begin at.
            let after = after.filter(|after| after.as_bytes() >= prefix).cloned();
            let first = StoreKey::from_stored(prefix).map_or(Bound::Unbounded, Bound::Included);
            let start = after.map_or(first, Bound::Excluded);
            records
                .range((start, Bound::Unbounded))
                .take_while(|(key, _)| key.as_bytes().starts_with(prefix))
                .take(limit)
                .map(|(key, stored)| (key.clone(), stored.clone()))
                .collect()
        })
    }

    /// For the writer: what is durable under a key.
    pub(super) fn find(&self, key: &StoreKey) -> Option<Found> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.records.get(key).map(Found::of)
    }

    /// Length of all records.
    pub(super) fn bytes(&self) -> usize {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.records.values().map(|stored| Found::of(stored).bytes).sum()
    }

    /// Lets readers see changes that are durable now.
    pub(super) fn reveal(&self, changes: Changes) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, change) in changes {
            match change {
                Some(stored) => state.records.insert(key, stored),
                None => state.records.remove(&key),
            };
        }
    }

    /// Does `work` unless the store was closed, and holds off closing meanwhile.
    pub(super) fn while_open<T>(&self, work: impl FnOnce(&Records) -> T) -> Result<T, StoreError> {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if state.open { Ok(work(&state.records)) } else { Err(unavailable("the store is closed")) }
    }

    /// Shows nothing any more.
    pub(super) fn close(&self) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *state = State { open: false, records: Records::new() };
    }
}

impl Found {
    pub(super) fn of(stored: &Stored) -> Self {
        Self { revision: stored.revision, bytes: stored.record.as_bytes().len() }
    }
}
