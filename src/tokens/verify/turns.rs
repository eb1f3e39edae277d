//! One at a time.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use tokio::sync::{Mutex, MutexGuard};

use crate::model::TenantId;

/// One lock for each client of a tenant, or rather for each of [`TURNS`] groups of them: of several
/// uploads with the same log-in only the first asks Infor, and the others find what it brought. It
/// is held while Infor is asked and until the upload is in the store.
pub(in crate::tokens) struct Turns {
    /// Keyed at random, so that nobody can choose a client id that waits with another one.
    hasher: RandomState,
    locks: Vec<Mutex<()>>,
}

/// Enough that two uploads of different clients seldom wait for each other.
const TURNS: u64 = 256;

impl Turns {
    pub(in crate::tokens) fn new() -> Self {
        let locks = (0..TURNS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), locks }
    }

    /// Waits for the turn of this client. `None` never happens: there is a lock for each number.
    pub(super) async fn of(
        &self,
        tenant: &TenantId,
        client_id: &str,
    ) -> Option<MutexGuard<'_, ()>> {
        let at = usize::try_from(self.hasher.hash_one((tenant, client_id)) % TURNS).ok()?;
        Some(self.locks.get(at)?.lock().await)
    }
}
