//! Who calls: what a listener knows about the other end becomes a [`Caller`].
//!
//! Where a certificate or the kernel tells, it is established once per connection. A listener whose
//! [`HeaderRule`] names a header reads it from each request, and nobody else does: no request
//! reaches the services with a header that could name a caller ([`strip_identity`]). Either way it
//! travels with each request as an `Arc<`[`Peer`]`>` among its extensions.

mod certificate;
mod forwarded_certificate;
mod header;
mod jwt;
mod linkerd_client;
mod unusable;
mod workload;

pub use certificate::{CertificateRules, not_after};
pub use forwarded_certificate::ForwardedCertificate;
pub use header::{HeaderRule, strip_identity};
pub use jwt::{
    Algorithm, InvalidKeySet, InvalidToken, Issuers, KEYS_MAX, KeySet, LoadKeysError,
    TOKEN_BYTES_MAX, TokenRules, UnknownAlgorithm,
};
pub use linkerd_client::LinkerdClient;
pub use unusable::UnusableIdentity;

use std::fmt;
use std::net::SocketAddr;

use crate::model::Caller;

/// The other end of a call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Who it is; an unusable identity is answered `CALLER_UNKNOWN`, whatever is asked.
    pub caller: Result<Caller, UnusableIdentity>,
    /// Where it came in.
    pub listener: ListenerName,
    /// The address that the connection comes from, for logs and the audit; none on a Unix socket.
    pub address: Option<SocketAddr>,
}

/// The sections of the configuration that callers come in by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ListenerName {
    /// `[listen.mtls]`
    Mtls,
    /// `[listen.mesh]`
    Mesh,
    /// `[listen.jwt]`
    Jwt,
    /// `[listen.admin]`
    Admin,
}

impl ListenerName {
    /// As metrics, logs and the audit name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mtls => "mtls",
            Self::Mesh => "mesh",
            Self::Jwt => "jwt",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
