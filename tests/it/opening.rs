//! What a vault does not open, and that nothing is changed by trying.

use std::sync::Arc;

use async_trait::async_trait;
use ionvault::adapters::RootKeyFile;
use ionvault::ion::HostRules;
use ionvault::model::Uid;
use ionvault::ports::{CommitError, Expectation, Revision, Store, StoreError, Stored, Write};
use ionvault::sealing::{Keyring, RecordKind, SealedRecord, StoreKey};
use ionvault::vault::{
    CreateVaultError, OpenVaultError, TENANTS_MAX, UnlockKeyringError, Vault, unlock_keyring,
};
use tempfile::TempDir;

use crate::support::{ACME, ManualClock, World, ionapi};

fn root_key(dir: &TempDir, name: &str) -> RootKeyFile {
    let path = dir.path().join(name);
    RootKeyFile::create(&path).unwrap();
    RootKeyFile::read(&path).unwrap()
}

#[tokio::test]
async fn a_keyring_opens_in_its_store_with_its_root_key_and_as_it_was_written() {
    let world = World::new().await;
    let (store_id, bytes) = (world.store.store_id(), world.store.keyring().await.unwrap());
    let own = RootKeyFile::read(&world.dir.path().join("root.key")).unwrap();
    unlock_keyring(bytes.as_deref(), store_id, &own).await.unwrap();

    let missing = unlock_keyring(None, store_id, &own).await.err().unwrap();
    assert!(matches!(missing, UnlockKeyringError::Missing));
    let other = root_key(&world.dir, "other.key");
    let refused = unlock_keyring(bytes.as_deref(), store_id, &other).await.err().unwrap();
    assert!(matches!(refused, UnlockKeyringError::OtherRootKey { .. }));
    let elsewhere = Uid::random().unwrap();
    let refused = unlock_keyring(bytes.as_deref(), elsewhere, &own).await.err().unwrap();
    assert!(matches!(
        refused,
        UnlockKeyringError::OtherStore { keyring, store } if (keyring, store) == (store_id, elsewhere)
    ));
    let bytes = bytes.unwrap();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(unlock_keyring(Some(&flipped), store_id, &own).await.is_err(), "byte {at}");
    }
}

#[tokio::test]
async fn a_store_gets_a_keyring_once() {
    let world = World::new().await;
    let own = RootKeyFile::read(&world.dir.path().join("root.key")).unwrap();
    let kept = world.store.keyring().await.unwrap();
    let again = Vault::create(&*world.store, &Keyring::generate().unwrap(), &own).await;
    assert!(matches!(again.unwrap_err(), CreateVaultError::Exists));
    assert_eq!(world.store.keyring().await.unwrap(), kept);
}

/// The limit is checked under one of 256 locks, and damaged records are not counted there: so many
/// more can be in the store, and what was let in must be let in again.
#[tokio::test]
async fn tenants_that_were_let_in_together_do_not_refuse_the_next_start() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let (_, stored) = world.records(RecordKind::Tenant).await.remove(0);
    let mut record = stored.record.as_bytes().to_vec();
    // No key has this version, so that none of them costs an attempt at opening it.
    record[26] = 99;
    let record = SealedRecord::from_stored(record).unwrap();
    let keyring = world.store.keyring().await.unwrap();
    let root_key = RootKeyFile::read(&world.dir.path().join("root.key")).unwrap();
    for (count, too_many) in [(TENANTS_MAX + 256 + 100, false), (TENANTS_MAX + 256 + 101, true)] {
        let keyring = unlock_keyring(keyring.as_deref(), world.store.store_id(), &root_key);
        let (keyring, clock) = (keyring.await.unwrap(), Arc::new(ManualClock::new()));
        let store = Arc::new(ManyTenants { count, record: record.clone() });
        let hosts = Arc::new(HostRules::new(vec![]));
        let refused = Vault::open(store, keyring, hosts, clock).await.err().unwrap();
        match refused {
            OpenVaultError::TooMany(_) => assert!(too_many, "{count}"),
            OpenVaultError::Damaged(damaged) => assert_eq!((damaged, too_many), (count, false)),
            other => panic!("{other}"),
        }
    }
}

/// A store that holds the same record under very many keys.
struct ManyTenants {
    count: usize,
    record: SealedRecord,
}

#[async_trait]
impl Store for ManyTenants {
    async fn get(&self, _: &StoreKey) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }

    async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError> {
        if prefix != [RecordKind::Tenant as u8] {
            return Ok(vec![]);
        }
        let number = |key: &StoreKey| usize::from_str_radix(text(key), 16).unwrap();
        let first = after.map_or(0, |after| number(after) + 1);
        let stored = Stored { record: self.record.clone(), revision: Revision(1) };
        Ok((first..self.count.min(first + limit)).map(|at| (key(at), stored.clone())).collect())
    }

    async fn commit(&self, _: Vec<Expectation>, _: Vec<Write>) -> Result<Revision, CommitError> {
        panic!("opening writes nothing")
    }

    async fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError> {
        panic!("the keyring was unlocked before")
    }

    async fn replace_keyring(&self, _: Vec<u8>) -> Result<(), StoreError> {
        panic!("opening writes nothing")
    }
}

fn key(number: usize) -> StoreKey {
    let kind = char::from(RecordKind::Tenant as u8);
    StoreKey::from_stored(format!("{kind}{number:08x}").as_bytes()).unwrap()
}

fn text(key: &StoreKey) -> &str {
    std::str::from_utf8(&key.as_bytes()[1..]).unwrap()
}
