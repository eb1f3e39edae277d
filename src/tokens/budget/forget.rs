//! Removing the records of buckets that nothing counts in any more.

use tokio::sync::OwnedMutexGuard;

use crate::ports::{
    CommitError, Expectation, SCAN_LIMIT_MAX, StoreError, Stored, WRITES_MAX, Write,
};
use crate::sealing::{RecordKind, StoreKey};

use super::{Budgets, record};

impl Budgets {
    /// Removes what a day without attempts left behind. To be called now and then.
    ///
    /// # Errors
    ///
    /// If the store did not answer; what was removed until then stays removed.
    pub(in crate::tokens) async fn forget_idle(&self) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let prefix = [RecordKind::Budget as u8];
            let batch = self.vault.store().scan(&prefix, after.as_ref(), SCAN_LIMIT_MAX).await?;
            let more = batch.len() == SCAN_LIMIT_MAX;
            after = batch.last().map(|(key, _)| key.clone());
            let idle: Vec<_> =
                batch.into_iter().filter(|(key, it)| self.is_idle(key, it)).collect();
            for chunk in idle.chunks(WRITES_MAX) {
                self.remove(chunk).await?;
            }
            if !more {
                return Ok(());
            }
        }
    }

    /// One that does not open counts as a full one as soon as an attempt needs it.
    fn is_idle(&self, key: &StoreKey, stored: &Stored) -> bool {
        let told = record::open(self.vault.keyring(), key, &stored.record);
        told.is_ok_and(|told| told.charges(&self.time).is_idle(self.time.now()))
    }

    async fn remove(&self, idle: &[(StoreKey, Stored)]) -> Result<(), StoreError> {
        let (mut expects, mut writes, mut turns) = (Vec::new(), Vec::new(), Vec::new());
        for (key, stored) in idle {
            // What somebody holds is not idle any more.
            let Some(turn) = self.turn(key) else { continue };
            turns.push((key, turn));
            expects.push(Expectation { key: key.clone(), revision: Some(stored.revision) });
            writes.push(Write::Delete(key.clone()));
        }
        let removed = self.vault.store().commit(expects, writes).await;
        for (key, (bucket, turn)) in turns {
            bucket.known.store(None);
            drop((bucket, turn));
            self.buckets.forget(key);
        }
        match removed {
            // Somebody charged one of them meanwhile; there is a next time.
            Ok(_) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    fn turn(&self, key: &StoreKey) -> Option<(std::sync::Arc<super::Bucket>, OwnedMutexGuard<()>)> {
        let bucket = self.buckets.bucket(key.clone(), self.time.now());
        let turn = std::sync::Arc::clone(&bucket.turn).try_lock_owned().ok()?;
        Some((bucket, turn))
    }
}
