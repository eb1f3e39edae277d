//! Who calls: what a listener knows about the other end of a connection becomes a [`Caller`].
//!
//! It is established once per connection and travels with each request as an `Arc<`[`Peer`]`>`
//! among its extensions. Nothing that a request says about its sender is believed.

mod certificate;
mod unusable;

pub use certificate::CertificateRules;
pub use unusable::UnusableIdentity;

use std::fmt;
use std::net::SocketAddr;

use crate::model::Caller;

/// The other end of a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Who it is; an unusable identity is answered `CALLER_UNKNOWN`, whatever is asked.
    pub caller: Result<Caller, UnusableIdentity>,
    /// Where it came in.
    pub listener: ListenerName,
    /// Its address, for logs and the audit; none on a Unix socket.
    pub address: Option<SocketAddr>,
}

/// The sections of the configuration that callers come in by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ListenerName {
    /// `[listen.mtls]`
    Mtls,
    /// `[listen.admin]`
    Admin,
}

impl ListenerName {
    /// As metrics, logs and the audit name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
