//! Spreads moments, so that what failed or expires together is not tried together again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A small generator of numbers that only have to differ. Not for secrets: whoever sees a few
/// numbers knows the next.
///
/// `SplitMix64` (Steele, Lea and Flood, 2014): a counter with a step, and a mixing of its value, so
/// that sharing it takes one atomic addition. The same seed gives the same numbers, which a
/// simulation needs to be repeatable.
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Jitter {
    /// Seeded by the operating system, so that two processes differ.
    ///
    /// # Errors
    ///
    /// If the operating system has no random bytes.
    pub fn from_os() -> Result<Self, getrandom::Error> {
        getrandom::u64().map(Self::seeded)
    }

    /// Gives the numbers of this seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Anything from nothing to `most`, both included, each equally likely. Above 584 years, which
    /// nobody waits, `most` counts as that.
    pub(super) fn up_to(&self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let steps = u128::from(most) + 1;
        // The upper half of the product: no division, and a bias that no test could measure.
        let nanos = (u128::from(self.number()) * steps) >> u64::BITS;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(most))
    }

    /// Anything from `least` to `most`, both included; `least` if there is nothing between them.
    pub(super) fn between(&self, least: Duration, most: Duration) -> Duration {
        least.saturating_add(self.up_to(most.saturating_sub(least)))
    }

    fn number(&self) -> u64 {
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Odd, so that the counter takes every value; nearest to 2^64 divided by the golden ratio, so that
/// neighbours differ in many bits.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_published_generator() {
        // The first numbers of its reference implementation for the seed 1234567.
        let jitter = Jitter::seeded(1_234_567);
        let numbers = [jitter.number(), jitter.number(), jitter.number()];
        let expected =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(numbers, expected);
    }

    #[test]
    fn a_seed_repeats_itself_and_another_differs() {
        let day = Duration::from_secs(86_400);
        let moments = |jitter: Jitter| -> Vec<_> { (0..100).map(|_| jitter.up_to(day)).collect() };
        assert_eq!(moments(Jitter::seeded(7)), moments(Jitter::seeded(7)));
        assert_ne!(moments(Jitter::seeded(7)), moments(Jitter::seeded(8)));
        let of_the_system = || moments(Jitter::from_os().unwrap());
        assert_ne!(of_the_system(), of_the_system());
    }

    #[test]
    fn all_of_the_range_is_used_and_nothing_else() {
        let jitter = Jitter::seeded(1);
        let (least, most) = (Duration::from_secs(30), Duration::from_secs(40));
        let mut tenths = [0; 10];
        for _ in 0..10_000 {
            let moment = jitter.between(least, most);
            assert!(least <= moment && moment <= most, "{moment:?}");
            let tenth = (moment - least).as_secs().min(9);
            tenths[usize::try_from(tenth).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (800..1_200).contains(count)), "{tenths:?}");
    }

    #[test]
    fn a_range_of_one_moment_gives_it_and_the_widest_does_not_overflow() {
        let jitter = Jitter::seeded(1);
        let second = Duration::from_secs(1);
        assert_eq!(jitter.up_to(Duration::ZERO), Duration::ZERO);
        assert_eq!(jitter.between(second, second), second);
        assert_eq!(jitter.between(second, Duration::ZERO), second);
        assert!(jitter.up_to(Duration::MAX) <= Duration::from_nanos(u64::MAX));
        assert_eq!(jitter.between(Duration::MAX, Duration::MAX), Duration::MAX);
        let nanosecond = Duration::from_nanos(1);
        let both: std::collections::BTreeSet<_> =
            (0..100).map(|_| jitter.up_to(nanosecond)).collect();
        assert_eq!(both.len(), 2, "both ends are possible");
    }
}
