//! A tenant and its keys.

use std::hash::{DefaultHasher, Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::model::{TenantId, Uid};
use crate::sealing::{Keyring, SealedRecord, SealingKey};

use super::{ReadError, records};

/// A tenant, as the store knows it.
///
/// Its keys stay sealed and are opened for each use, so that a picture of the memory shows the
/// store key at most, and that one is kept in a locked page.
pub(super) struct Tenant {
    pub(super) id: TenantId,
    pub(super) uid: Uid,
    pub(super) sealed: SealedRecord,
}

impl Tenant {
    /// The key that records of the tenant are sealed with. A record that names another version
    /// does not open with it.
    pub(super) fn key(&self, keyring: &Keyring) -> Result<SealingKey, ReadError> {
        records::tenant_sealing_key(keyring, &self.id, &self.sealed)
    }
}

/// One lock for each tenant, or rather for each of [`TENANT_LOCKS`] groups of tenants: whoever
/// holds it is the only one that changes the tenant and its credentials. It is held across the
/// commit, so changes of one tenant wait for each other; readers never do.
pub(super) struct TenantLocks(Vec<Mutex<()>>);

/// Enough that two busy tenants seldom share one, and a few kilobytes in all.
pub(super) const TENANT_LOCKS: usize = 256;

impl TenantLocks {
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(TENANT_LOCKS).collect())
    }

    pub(super) async fn lock(&self, tenant: &TenantId) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        tenant.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % TENANT_LOCKS as u64).ok()?;
        Some(self.0.get(at)?.lock().await)
    }
}
