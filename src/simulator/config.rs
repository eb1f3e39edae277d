//! How a simulator behaves.

use std::time::Duration;

use super::certificates::Authority;
use super::limits::Limits;

/// How a simulator behaves.
pub struct SimulatorConfig {
    /// The port on 127.0.0.1; 0 takes a free one. A fixed port keeps `.ionapi` files valid from
    /// one run to the next.
    pub port: u16,
    /// Who vouches for the server; `None` makes a new authority. Keep one to keep files valid.
    pub authority: Option<Authority>,
    /// `expires_in` of access tokens; Infor's default is two hours. Whole seconds. An
    /// [`App`](super::App) may have a life of its own.
    pub token_life: Duration,
    /// What becomes of a refresh token that is used.
    pub refresh: RefreshPolicy,
    /// How many tokens and log-ins there are; none by default.
    pub limits: Limits,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            port: 0,
            authority: None,
            token_life: Duration::from_secs(2 * 60 * 60),
            refresh: RefreshPolicy::Keep,
            limits: Limits::NONE,
        }
    }
}

/// What becomes of a refresh token that is used. Infor documents none of these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefreshPolicy {
    /// It stays good, and the answer holds no other.
    Keep,
    /// The answer holds a new one, and the old one is dead.
    Rotate,
    /// As [`Self::Rotate`]; whoever then uses the old one kills the new one too (RFC 9700,
    /// section 4.14.2).
    RotateAndRevokeFamily,
    /// The answer holds a new one; for this long since its first use the old one is granted again,
    /// each time with another new one. Later it kills its family. Such servers exist for clients
    /// that lose an answer.
    RotateWithGrace(Duration),
}
