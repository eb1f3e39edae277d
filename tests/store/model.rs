//! The port's contract in its simplest form: a map. Engines are compared with it, and tests that
//! are not about storage use it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use ionvault::ports::{
    CommitError, Expectation, Revision, SCAN_LIMIT_MAX, Store, StoreError, Stored, WRITES_MAX,
    Write,
};
use ionvault::sealing::StoreKey;

/// A store in memory. It forgets everything when dropped.
#[derive(Default)]
pub(crate) struct ModelStore(Mutex<State>);

#[derive(Default)]
struct State {
    records: BTreeMap<StoreKey, Stored>,
    revision: u64,
    keyring: Option<Vec<u8>>,
}

#[async_trait]
impl Store for ModelStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError> {
        Ok(self.0.lock().unwrap().records.get(key).cloned())
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
        let state = self.0.lock().unwrap();
        let behind = |key: &StoreKey| after.is_none_or(|after| key > after);
        Ok(state
            .records
            .iter()
            .filter(|(key, _)| key.as_bytes().starts_with(prefix) && behind(key))
            .take(limit)
            .map(|(key, stored)| (key.clone(), stored.clone()))
            .collect())
    }

    async fn commit(
        &self,
        expects: Vec<Expectation>,
        writes: Vec<Write>,
    ) -> Result<Revision, CommitError> {
        let keys: BTreeSet<_> = writes.iter().map(key_of).collect();
        if writes.len() > WRITES_MAX || expects.len() > WRITES_MAX || keys.len() < writes.len() {
            return Err(StoreError::Limit("a commit of too many parts").into());
        }
        let mut state = self.0.lock().unwrap();
        for Expectation { key, revision } in expects {
            if state.records.get(&key).map(|stored| stored.revision) != revision {
                return Err(CommitError::Conflict);
            }
        }
        state.revision += 1;
        let revision = Revision(state.revision);
        for write in writes {
            match write {
                Write::Put(key, record) => {
                    state.records.insert(key, Stored { record, revision });
                }
                Write::Delete(key) => {
                    state.records.remove(&key);
                }
            }
        }
        Ok(revision)
    }

    async fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().keyring.clone())
    }

    async fn replace_keyring(&self, keyring: Vec<u8>) -> Result<(), StoreError> {
        self.0.lock().unwrap().keyring = Some(keyring);
        Ok(())
    }
}

fn key_of(write: &Write) -> &StoreKey {
    match write {
        Write::Put(key, _) | Write::Delete(key) => key,
    }
}
