//! What is remembered of each key, in bounded memory.
//!
//! governor's own stores grow with each key that is ever named, and whoever calls may name tenants
//! that do not exist. So the keys have places, as lines have in a processor's cache: the hash of a
//! key, which nobody outside can foretell, chooses a set of a few places, and a look-up is a walk
//! along them under the set's own lock.
//!
//! A place is given away only when its key is at rest, that is when it would be treated alike if it
//! had never called; so nobody makes a busy key forgotten by inventing others. Keys for which no
//! place is free share one state. It is stricter to them than each one's own would be, and is where a
//! key begins that gets a place later; so nobody is allowed more by going without one.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

/// The states of at most [`PLACES_PER_SET`] keys in each set.
pub(super) struct Places<K> {
    sets: Box<[Mutex<Set<K>>]>,
    hasher: RandomState,
}

struct Set<K> {
    /// No key twice.
    places: Vec<(K, Nanos)>,
    /// The state of all keys without a place.
    others: Option<Nanos>,
}

/// As many as are walked along in less time than the hash takes. With some hundred busy keys in some
/// hundred sets, a set with more of them does not occur.
pub(super) const PLACES_PER_SET: usize = 16;

impl<K: Clone + Eq + Hash> Places<K> {
    pub(super) fn new(sets: usize) -> Self {
        let empty = || Mutex::new(Set { places: Vec::new(), others: None });
        Self {
            sets: std::iter::repeat_with(empty).take(sets).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> StateStore for Places<K> {
    type Key = K;

    #[expect(clippy::indexing_slicing, reason = "the remainder is below the number of sets")]
    fn measure_and_replace<T, F, E>(&self, key: &K, charge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let set = &self.sets[self.hasher.hash_one(key) as usize % self.sets.len()];
        // Nothing panics under the lock, and a state is replaced in one step.
        set.lock().unwrap_or_else(PoisonError::into_inner).charge(key, charge)
    }
}

impl<K: Clone + Eq> Set<K> {
    /// `charge` turns the state of a key (`None`: it was never seen) into the next one, or refuses.
    fn charge<T, F, E>(&mut self, key: &K, charge: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Self { places, others } = self;
        if let Some((_, state)) = places.iter_mut().find(|(known, _)| known == key) {
            let (allowed, next) = charge(Some(*state))?;
            *state = next;
            return Ok(allowed);
        }
        let (allowed, next) = charge(*others)?;
        if places.len() < PLACES_PER_SET {
            places.push((key.clone(), next));
        } else if let Some(place) = places.iter_mut().find(|(_, state)| at_rest(*state, &charge)) {
            *place = (key.clone(), next);
        } else {
            *others = Some(next);
        }
        Ok(allowed)
    }
}

/// Whether a key with this state is charged like one that was never seen.
fn at_rest<T, E>(state: Nanos, charge: impl Fn(Option<Nanos>) -> Result<(T, Nanos), E>) -> bool {
    match (charge(Some(state)), charge(None)) {
        (Ok((_, next)), Ok((_, fresh))) => next == fresh,
        _ => false,
    }
}
