//! How many may watch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::gauge;

use crate::model::Caller;

/// Everyone who watches. The lock is held for a few instructions, never across an `.await`.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: usize,
    /// No caller with none.
    by_caller: HashMap<Caller, usize>,
}

/// Why nobody more may watch.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TooManyWatchers {
    /// This caller has as many as one may have.
    #[error("a caller may have {CALLER_WATCHERS_MAX} watchers")]
    OfCaller,
    /// There are as many as there may be.
    #[error("there may be {WATCHERS_MAX} watchers in all")]
    InAll,
}

/// The right to watch; goes back when dropped.
pub(super) struct Place {
    watchers: Arc<Watchers>,
    caller: Caller,
}

impl Watchers {
    pub(super) fn enter(self: &Arc<Self>, caller: &Caller) -> Result<Place, TooManyWatchers> {
        let mut counts = self.counts();
        let own = counts.by_caller.get(caller).copied().unwrap_or_default();
        if own >= CALLER_WATCHERS_MAX {
            return Err(TooManyWatchers::OfCaller);
        }
        if counts.all >= WATCHERS_MAX {
            return Err(TooManyWatchers::InAll);
        }
        counts.all += 1;
        counts.by_caller.insert(caller.clone(), own + 1);
        drop(counts);
        gauge!("ionvault_watchers").increment(1.0);
        Ok(Place { watchers: Arc::clone(self), caller: caller.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Nothing in there panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.watchers.counts();
        counts.all = counts.all.saturating_sub(1);
        if let Some(own) = counts.by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                counts.by_caller.remove(&self.caller);
            }
        }
        drop(counts);
        gauge!("ionvault_watchers").decrement(1.0);
    }
}

/// Bounds memory, some 20 KiB each with its HTTP/2 stream: 320 MiB.
const WATCHERS_MAX: usize = 16_384;

/// A service with a stream for each customer's credential has as many as there are customers; no
/// single service can keep all others from watching.
const CALLER_WATCHERS_MAX: usize = 1_024;

const _: () = assert!(CALLER_WATCHERS_MAX < WATCHERS_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(number: usize) -> Caller {
        Caller::LocalUser(u32::try_from(number).unwrap())
    }

    #[test]
    fn a_caller_has_so_many_and_no_more_until_one_goes() {
        let watchers = Arc::new(Watchers::default());
        let mut places: Vec<_> =
            (0..CALLER_WATCHERS_MAX).map(|_| watchers.enter(&caller(1)).unwrap()).collect();
        assert_eq!(watchers.enter(&caller(1)).err(), Some(TooManyWatchers::OfCaller));
        assert!(watchers.enter(&caller(2)).is_ok(), "others may");
        places.pop();
        assert!(watchers.enter(&caller(1)).is_ok());
    }

    #[test]
    fn all_together_have_so_many_and_nobody_is_remembered_who_has_none() {
        let watchers = Arc::new(Watchers::default());
        let all = |number: usize| watchers.enter(&caller(number / CALLER_WATCHERS_MAX));
        let places: Vec<_> = (0..WATCHERS_MAX).map(|number| all(number).unwrap()).collect();
        assert_eq!(watchers.enter(&caller(99)).err(), Some(TooManyWatchers::InAll));
        drop(places);
        let counts = watchers.counts();
        assert_eq!((counts.all, counts.by_caller.len()), (0, 0));
    }
}
