//! The wall clock.

use std::time::SystemTime;

/// Tells the date, for what is stored or shown. Waiting and expiry inside the process use
/// `tokio::time::Instant`, which tests can pause and NTP cannot move.
pub trait Clock: Send + Sync {
    /// Now, by this machine.
    fn now(&self) -> SystemTime;
}
