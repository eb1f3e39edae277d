//! Keys and records for tests. The records look sealed, and hold nothing.

use std::path::Path;

use ionvault::adapters::SledStore;
use ionvault::model::Uid;
use ionvault::ports::{Expectation, Revision, Store, Stored, Write};
use ionvault::sealing::{SealedRecord, StoreKey};

/// The identity of the stores in these tests.
pub(crate) const STORE_ID: Uid = Uid::from_bytes([0x5a; 16]);

/// Shortest thing that passes for a sealed record.
pub(crate) const SHORTEST: usize = 107;

pub(crate) fn key(bytes: impl AsRef<[u8]>) -> StoreKey {
    StoreKey::from_stored(bytes.as_ref()).unwrap()
}

/// A record of `length` bytes whose content follows from `seed`.
pub(crate) fn record(length: usize, seed: u64) -> SealedRecord {
    assert!(length >= SHORTEST);
    let mut bytes = b"IONV\x01\x01\x02".to_vec();
    bytes.extend_from_slice(&seed.to_be_bytes());
    let mut state = seed | 1;
    while bytes.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.push((state >> 56) as u8);
    }
    SealedRecord::from_stored(bytes).unwrap()
}

/// The seed from which [`record`] made it, if it is whole.
pub(crate) fn seed_of(record_read: &SealedRecord) -> Option<u64> {
    let bytes = record_read.as_bytes();
    let seed = u64::from_be_bytes(bytes.get(7..15)?.try_into().ok()?);
    (*record_read == record(bytes.len(), seed)).then_some(seed)
}

pub(crate) fn put(at: impl AsRef<[u8]>, length: usize, seed: u64) -> Write {
    Write::Put(key(at), record(length, seed))
}

pub(crate) fn delete(at: impl AsRef<[u8]>) -> Write {
    Write::Delete(key(at))
}

pub(crate) fn expect(at: impl AsRef<[u8]>, revision: Option<Revision>) -> Expectation {
    Expectation { key: key(at), revision }
}

/// Everything, in pages of 100.
pub(crate) async fn everything(store: &dyn Store) -> Vec<(StoreKey, Stored)> {
    let mut all: Vec<(StoreKey, Stored)> = Vec::new();
    loop {
        let after = all.last().map(|(key, _)| key.clone());
        let page = store.scan(b"", after.as_ref(), 100).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// A new, open store in `dir`.
pub(crate) fn new_sled(dir: &Path) -> SledStore {
    SledStore::create(dir, STORE_ID).unwrap();
    SledStore::open(dir).unwrap()
}
