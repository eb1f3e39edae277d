//! One rate, for each of many keys.

use std::hash::Hash;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};

use super::Rate;
use super::clock::Elapsed;
use super::places::Places;

/// Holds each key to a rate: the generic cell rate algorithm, with one number to remember for a
/// key.
pub(super) struct Limiter<K: Clone + Eq + Hash, C: Clock<Instant = Nanos> = Elapsed> {
    governor: RateLimiter<K, Places<K>, C, NoOpMiddleware<Nanos>>,
    rate: Rate,
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self::with(rate, Places::new(SETS), Elapsed::new())
    }
}

impl<K: Clone + Eq + Hash, C: Clock<Instant = Nanos>> Limiter<K, C> {
    fn with(rate: Rate, places: Places<K>, clock: C) -> Self {
        let quota = Quota::per_second(rate.per_second()).allow_burst(rate.burst());
        Self { governor: RateLimiter::new(quota, places, clock), rate }
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// Charges one call to a key, or says how long it has to wait. Who is refused is not charged.
    pub(super) fn charge(&self, key: &K) -> Result<(), Duration> {
        let governor = &self.governor;
        governor.check_key(key).map_err(|until| until.wait_time_from(governor.clock().now()))
    }
}

/// Times [`super::places::PLACES_PER_SET`] it is 4,096 keys. Only those need a place that have called
/// within the last moments: a single call is forgotten after the time that one more takes, 2 ms for
/// a tenant's calls at the default rate and 100 ms for its changes. With names of the longest kind
/// (SPIFFE ids of 2 KiB) it is 8 MiB.
const SETS: usize = 256;

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate::of(1_000, 4);
    const STEP: Duration = Duration::from_micros(100);

    fn limiter(sets: usize, clock: &FakeRelativeClock) -> Limiter<u32, FakeRelativeClock> {
        Limiter::with(RATE, Places::new(sets), clock.clone())
    }

    #[test]
    fn a_key_gets_its_burst_and_then_its_rate() {
        let clock = FakeRelativeClock::default();
        let limiter = limiter(1, &clock);
        let allowed = (0..1_000).filter(|_| {
            clock.advance(STEP);
            limiter.charge(&7).is_ok()
        });
        // 100 ms at 1,000 a second, and what may come at once.
        assert_eq!(allowed.count(), 100 + 4 - 1);
    }

    /// What would be the way around any quota: invent so many others that oneself is forgotten.
    #[test]
    fn a_flood_of_invented_keys_resets_nobody() {
        let clock = FakeRelativeClock::default();
        let (crowded, alone) = (limiter(1, &clock), limiter(1, &clock));
        let mut invented = 1_000..;
        for _ in 0..2_000 {
            clock.advance(STEP);
            let told = crowded.charge(&7);
            assert_eq!(told, alone.charge(&7));
            for key in invented.by_ref().take(40) {
                let _ = crowded.charge(&key);
            }
        }
    }

    proptest! {
        /// More keys than places, so that they come and go. Whatever they do, none is allowed what
        /// it would not be if it were alone.
        #[test]
        fn no_key_is_ever_allowed_more_than_its_rate(
            calls in prop::collection::vec((0_u32..40, 0_u32..8), 1..600),
        ) {
            let clock = FakeRelativeClock::default();
            let crowded = limiter(1, &clock);
            let alone = (0..40).map(|_| limiter(1, &clock)).collect::<Vec<_>>();
            for (key, steps) in calls {
                clock.advance(STEP * steps);
                if crowded.charge(&key).is_ok() {
                    prop_assert_eq!(alone[key as usize].charge(&key), Ok(()));
                }
            }
        }

        /// As many keys as places: they do not feel each other at all.
        #[test]
        fn keys_with_places_are_held_to_their_rates_alone(
            calls in prop::collection::vec((0_u32..16, 0_u32..8), 1..600),
        ) {
            let clock = FakeRelativeClock::default();
            let crowded = limiter(1, &clock);
            let alone = (0..16).map(|_| limiter(1, &clock)).collect::<Vec<_>>();
            for (key, steps) in calls {
                clock.advance(STEP * steps);
                prop_assert_eq!(crowded.charge(&key), alone[key as usize].charge(&key));
            }
        }
    }
}
