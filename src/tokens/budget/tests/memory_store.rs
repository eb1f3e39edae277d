//! The store's contract as a map: histories of thousands of attempts need no disk.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use crate::ports::{
    CommitError, Expectation, Revision, SCAN_LIMIT_MAX, Store, StoreError, Stored, Write,
};
use crate::sealing::StoreKey;

#[derive(Default)]
pub(super) struct MemoryStore(Mutex<(BTreeMap<StoreKey, Stored>, u64)>, AtomicBool);

impl MemoryStore {
    pub(super) fn records(&self) -> usize {
        self.0.lock().unwrap().0.len()
    }

    /// Whether reads fail from now on.
    pub(super) fn fail_reads(&self, fail: bool) {
        self.1.store(fail, Ordering::SeqCst);
    }

    /// Puts what cannot be opened in the place of each record.
    pub(super) fn damage(&self) {
        let mut state = self.0.lock().unwrap();
        let damaged: Vec<Stored> = state.0.values().rev().cloned().collect();
        state.0.values_mut().zip(damaged).for_each(|(stored, other)| *stored = other);
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        if self.1.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable(std::io::Error::other("planted")));
        }
        Ok(self.0.lock().unwrap().0.get(key).cloned())
    }

    async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError> {
        assert!(limit <= SCAN_LIMIT_MAX);
        let state = self.0.lock().unwrap();
        let wanted = state.0.iter().filter(|(key, _)| {
            key.as_bytes().starts_with(prefix) && after.is_none_or(|after| *key > after)
        });
        Ok(wanted.take(limit).map(|(key, stored)| (key.clone(), stored.clone())).collect())
    }

    async fn commit(
        &self,
        expects: Vec<Expectation>,
        writes: Vec<Write>,
    ) -> Result<Revision, CommitError> {
        // Others get their turn while it is being written.
        tokio::task::yield_now().await;
        let mut state = self.0.lock().unwrap();
        let (records, revision) = &mut *state;
        let holds = |expected: &Expectation| {
            records.get(&expected.key).map(|stored| stored.revision) == expected.revision
        };
        if !expects.iter().all(holds) {
            return Err(CommitError::Conflict);
        }
        *revision += 1;
        for write in writes {
            match write {
                Write::Put(key, record) => {
                    records.insert(key, Stored { record, revision: Revision(*revision) });
                }
                Write::Delete(key) => _ = records.remove(&key),
            }
        }
        Ok(Revision(*revision))
    }

    async fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn replace_keyring(&self, _: Vec<u8>) -> Result<(), StoreError> {
        Ok(())
    }
}
