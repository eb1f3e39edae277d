//! The machine's clock.

use std::time::SystemTime;

use crate::ports::Clock;

/// Tells the date as the operating system has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the port's one real clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}
