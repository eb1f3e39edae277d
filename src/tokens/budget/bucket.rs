//! The buckets that are in use, in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::ports::Revision;
use crate::sealing::StoreKey;

use super::charges::Charges;
use super::limit::BudgetLimit;

/// The buckets by where their records lie.
#[derive(Default)]
pub(super) struct Buckets(Mutex<HashMap<StoreKey, Arc<Bucket>>>);

/// Bounds the memory, up to as many more as are in use at the same time (two for each flight): a
/// client's bucket holds 100 granules of 24 bytes at most by Infor's limits, a tenant's 1,000, and
/// few use up their day; 64 MiB.
pub(super) const BUCKETS_MAX: usize = 16_384;

/// One bucket.
pub(super) struct Bucket {
    pub(super) key: StoreKey,
    /// Held by whoever checks and charges.
    pub(super) turn: Arc<tokio::sync::Mutex<()>>,
    /// What the store holds; `None`: it has to be read. Written by whoever has the turn.
    pub(super) known: ArcSwapOption<Known>,
    /// Seconds, for choosing which bucket to forget.
    last_used: AtomicU64,
}

/// What the store holds of a bucket.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) charges: Charges,
    pub(super) revision: Option<Revision>,
    /// The limits that the operator was warned of.
    pub(super) warned: Vec<BudgetLimit>,
}

impl Buckets {
    /// The bucket whose record lies under `key`.
    pub(super) fn bucket(&self, key: StoreKey, now: Duration) -> Arc<Bucket> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&key) {
            make_room(&mut buckets);
        }
        let bucket = buckets.entry(key).or_insert_with_key(|key| {
            Arc::new(Bucket {
                key: key.clone(),
                turn: Arc::default(),
                known: ArcSwapOption::empty(),
                last_used: AtomicU64::default(),
            })
        });
        bucket.last_used.store(now.as_secs(), Ordering::Relaxed);
        Arc::clone(bucket)
    }

    /// What is known of it without asking the store.
    pub(super) fn known(&self, key: &StoreKey) -> Option<Arc<Known>> {
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get(key)?.known.load_full()
    }

    /// Forgets a bucket, unless it is in use.
    pub(super) fn forget(&self, key: &StoreKey) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.get(key).is_some_and(|bucket| !is_in_use(bucket)) {
            buckets.remove(key);
        }
    }
}

/// Forgets the half of the buckets that was used longest ago, but for those in use: what they held
/// is in the store.
fn make_room(buckets: &mut HashMap<StoreKey, Arc<Bucket>>) {
    let mut idle: Vec<(u64, StoreKey)> = buckets
        .values()
        .filter(|bucket| !is_in_use(bucket))
        .map(|bucket| (bucket.last_used.load(Ordering::Relaxed), bucket.key.clone()))
        .collect();
    idle.sort_unstable();
    for (_, key) in idle.iter().take(idle.len().div_ceil(2)) {
        buckets.remove(key);
    }
}

/// Buckets are handed out under the map's lock only, which whoever asks this holds.
fn is_in_use(bucket: &Arc<Bucket>) -> bool {
    Arc::strong_count(bucket) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_in_use_stays() {
        let buckets = Buckets::default();
        let key = |number: usize| StoreKey::from_stored(&number.to_be_bytes()).unwrap();
        let in_use = buckets.bucket(key(0), Duration::ZERO);
        for number in 1..3 * BUCKETS_MAX {
            buckets.bucket(key(number), Duration::from_secs(number as u64));
            assert!(buckets.0.lock().unwrap().len() <= BUCKETS_MAX);
        }
        let newest = buckets.bucket(key(3 * BUCKETS_MAX - 1), Duration::ZERO);
        assert!(newest.last_used.load(Ordering::Relaxed) == 0 && newest.known.load().is_none());
        assert!(Arc::ptr_eq(&in_use, &buckets.bucket(key(0), Duration::ZERO)));
        let kept = buckets.0.lock().unwrap();
        assert!(kept.contains_key(&key(3 * BUCKETS_MAX - 2)) && !kept.contains_key(&key(1)));
    }

    #[test]
    fn what_is_in_use_is_not_forgotten() {
        let buckets = Buckets::default();
        let key = StoreKey::from_stored(b"invented").unwrap();
        let in_use = buckets.bucket(key.clone(), Duration::ZERO);
        buckets.forget(&key);
        assert!(Arc::ptr_eq(&in_use, &buckets.bucket(key.clone(), Duration::ZERO)));
        drop(in_use);
        buckets.forget(&key);
        assert!(buckets.0.lock().unwrap().is_empty());
    }
}
