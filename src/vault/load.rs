//! Making a vault, and finding it again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;

use crate::ion::HostRules;
use crate::ports::{Clock, RootKey, RootKeyError, SCAN_LIMIT_MAX, Store, StoreError, Stored};
use crate::sealing::{Keyring, LockError, RecordKind, StoreKey};

use super::directory::{CREDENTIALS_PER_TENANT_MAX, Directory, Entry, TENANTS_MAX};
use super::tenant::{TENANT_LOCKS, Tenant, TenantLocks};
use super::{CHANGES_MAX, Inner, ReadError, Vault, records};

/// Why a vault was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateVaultError {
    /// There is one already.
    #[error("this store has a keyring already")]
    Exists,
    /// The store failed.
    #[error("the keyring could not be written")]
    Store(#[from] StoreError),
    /// The root key did not wrap the store key.
    #[error("the store key could not be wrapped")]
    RootKey(#[from] RootKeyError),
    /// What the root key made of it cannot be kept.
    #[error("the wrapped store key cannot be kept")]
    Lock(#[from] LockError),
}

/// Why a vault was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenVaultError {
    /// The store failed.
    #[error("the credentials could not be read")]
    Store(#[from] StoreError),
    /// More records than the limits of this version allow.
    #[error("the store holds more than {0}: it was written by another version of ionvault")]
    TooMany(&'static str),
    /// So many records do not open that something else must be wrong.
    #[error("{0} records do not open: restore the store from a backup")]
    Damaged(usize),
}

/// So many damaged records are carried along, each answering `INTEGRITY_FAILURE` for itself. More
/// are no accident of single sectors: then the start is refused.
///
/// The credentials of a damaged tenant do not count: they do not open because that one record does
/// not.
const DAMAGED_MAX: usize = 100;

/// [`TENANTS_MAX`] is checked under the tenant's own lock, so that as many uploads as there are
/// locks can pass it together; and damaged records do not count there. None of that may refuse the
/// next start.
const TENANT_RECORDS_MAX: usize = TENANTS_MAX + TENANT_LOCKS + DAMAGED_MAX;

/// As [`TENANT_RECORDS_MAX`].
const CREDENTIAL_RECORDS_MAX: usize = TENANT_RECORDS_MAX * CREDENTIALS_PER_TENANT_MAX + DAMAGED_MAX;

impl Vault {
    /// Gives an empty store its keyring.
    ///
    /// # Errors
    ///
    /// As [`CreateVaultError`] says.
    pub async fn create(
        store: &dyn Store,
        keyring: &Keyring,
        root_key: &dyn RootKey,
    ) -> Result<(), CreateVaultError> {
        if store.keyring().await?.is_some() {
            return Err(CreateVaultError::Exists);
        }
        let store_key = keyring.store_key().to_secret();
        let context = keyring.context();
        let wrapped = root_key.wrap(&store_key, &context).await?;
        let keyring = keyring.lock(root_key.key_id(), wrapped)?;
        store.replace_keyring(keyring.to_bytes()).await?;
        Ok(())
    }

    /// Reads every credential. The keyring must be that of the store, see
    /// [`unlock_keyring`](super::unlock_keyring).
    ///
    /// # Errors
    ///
    /// As [`OpenVaultError`] says; nothing was changed.
    pub async fn open(
        store: Arc<dyn Store>,
        keyring: Keyring,
        hosts: Arc<HostRules>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenVaultError> {
        let directory = load_directory(&*store, &keyring).await?;
        let (locks, changes) = (TenantLocks::new(), TaskTracker::new());
        let room = Arc::new(Semaphore::new(CHANGES_MAX));
        let changed = watch::Sender::new(0);
        let inner =
            Inner { store, keyring, clock, hosts, directory, changed, locks, changes, room };
        Ok(Self(Arc::new(inner)))
    }
}

async fn load_directory(store: &dyn Store, keyring: &Keyring) -> Result<Directory, OpenVaultError> {
    let mut damaged = HashSet::new();
    let mut tenants = HashMap::new();
    let limit = (TENANT_RECORDS_MAX, "20,000 tenants");
    for (key, stored) in scan_all(store, RecordKind::Tenant, limit).await? {
        match records::load_tenant(keyring, &key, stored.record) {
            Ok(tenant) => _ = tenants.insert(tenant.uid, tenant),
            Err(error) => set_aside(&mut damaged, key, &error),
        }
    }
    let mut entries = Vec::new();
    let (damaged_tenants, mut orphans) = (damaged.len(), 0);
    let limit = (CREDENTIAL_RECORDS_MAX, "2,000,000 credentials");
    for (key, Stored { record, revision: stored }) in
        scan_all(store, RecordKind::Credential, limit).await?
    {
        let opened = match tenants.get(&record.tenant_uid()) {
            Some(tenant) => records::load_credential(keyring, tenant, &key, &record),
            None => {
                orphans += 1;
                Err(ReadError::UnknownKey)
            }
        };
        match opened {
            Ok(credential) => entries.push(Entry { credential: Arc::new(credential), stored }),
            Err(error) => set_aside(&mut damaged, key, &error),
        }
    }
    let excused = orphans.min(damaged_tenants * CREDENTIALS_PER_TENANT_MAX);
    if damaged.len() - excused > DAMAGED_MAX {
        return Err(OpenVaultError::Damaged(damaged.len()));
    }
    let tenants: Vec<Tenant> = tenants.into_values().collect();
    tracing::info!(
        tenants = tenants.len(),
        credentials = entries.len(),
        damaged = damaged.len(),
        "vault opened"
    );
    Ok(Directory::new(tenants, entries, damaged))
}

fn set_aside(damaged: &mut HashSet<StoreKey>, key: StoreKey, error: &ReadError) {
    tracing::error!(?key, %error, "a record does not open");
    damaged.insert(key);
}

async fn scan_all(
    store: &dyn Store,
    kind: RecordKind,
    (max, what): (usize, &'static str),
) -> Result<Vec<(StoreKey, Stored)>, OpenVaultError> {
    let mut found: Vec<(StoreKey, Stored)> = Vec::new();
    loop {
        let after = found.last().map(|(key, _)| key.clone());
        let batch = store.scan(&[kind as u8], after.as_ref(), SCAN_LIMIT_MAX).await?;
        let last = batch.len() < SCAN_LIMIT_MAX;
        found.extend(batch);
        if found.len() > max {
            return Err(OpenVaultError::TooMany(what));
        }
        if last {
            return Ok(found);
        }
    }
}
