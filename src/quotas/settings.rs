//! The rates that an operator chooses.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

/// How often something may happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// On average.
    per_second: NonZeroU32,
    /// At once, after a pause that was long enough.
    burst: NonZeroU32,
}

impl Rate {
    /// What an average may be. The most is beyond what one process answers.
    pub const PER_SECOND: RangeInclusive<u32> = 1..=1_000_000;

    /// What may come at once.
    pub const BURST: RangeInclusive<u32> = 1..=1_000_000;

    /// A rate; numbers outside of [`Rate::PER_SECOND`] and [`Rate::BURST`] become the nearest
    /// inside.
    #[must_use]
    pub const fn of(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: clamped(per_second, &Self::PER_SECOND),
            burst: clamped(burst, &Self::BURST),
        }
    }

    /// On average.
    #[must_use]
    pub const fn per_second(self) -> NonZeroU32 {
        self.per_second
    }

    /// At once.
    #[must_use]
    pub const fn burst(self) -> NonZeroU32 {
        self.burst
    }
}

const fn clamped(number: u32, range: &RangeInclusive<u32>) -> NonZeroU32 {
    let most = *range.end();
    match NonZeroU32::new(if number > most { most } else { number }) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a second, and {} at once", self.per_second, self.burst)
    }
}

/// The rates of the whole vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QuotaSettings {
    /// All calls of one caller.
    pub caller_calls: Rate,
    /// Changes by one caller.
    pub caller_changes: Rate,
    /// All calls about one tenant.
    pub tenant_calls: Rate,
    /// Changes in one tenant.
    pub tenant_changes: Rate,
}

/// For dozens of services that make some thousand calls a second together.
impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            // Twice what all services together are expected to need, since all replicas of a
            // service are one caller; and a tenth of what one core answers. At once: a batch of
            // documents that begins.
            caller_calls: Rate::of(2_000, 4_000),
            // A change is a sync of the disk, and an upload may wait ten seconds for Infor: 20 a
            // second of those are 200 of the 512 changes that may be under way. At once: a folder
            // of files.
            caller_changes: Rate::of(20, 100),
            // A quarter of a caller's, so that one customer's load leaves a service three quarters
            // for the others.
            tenant_calls: Rate::of(500, 1_000),
            // Half of a caller's. Changes of one tenant wait for each other.
            tenant_changes: Rate::of(10, 50),
        }
    }
}
