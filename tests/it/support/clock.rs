//! A wall clock that stands still until it is moved.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use ionvault::ports::Clock;

pub(crate) struct ManualClock(Mutex<SystemTime>);

impl ManualClock {
    /// Some moment in 2026.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)))
    }

    /// Moves it.
    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}
