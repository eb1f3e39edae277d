//! The time that quotas count by: it does not jump, and tests can pause it.

use governor::clock::Clock;
use governor::nanos::Nanos;
use tokio::time::Instant;

/// Nanoseconds since it was made.
#[derive(Clone)]
pub(super) struct Elapsed(Instant);

impl Elapsed {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Elapsed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}
