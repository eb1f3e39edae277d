//! Who calls.

use std::fmt;

/// The identity behind a call, as the listener it came in by established it.
///
/// `Display` is the form that policies, logs and the audit use: `spiffe://trust.domain/path`,
/// `dns:name` or `uid:1000`. The three cannot be confused with each other.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Caller {
    /// A workload with a SPIFFE id; the whole URI.
    Spiffe(String),
    /// A client certificate without SPIFFE id; its one DNS name.
    Dns(String),
    /// A local process on the admin socket; its effective user id.
    LocalUser(u32),
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(uri) => f.write_str(uri),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::LocalUser(uid) => write!(f, "uid:{uid}"),
        }
    }
}
