//! Clients that were turned away before their first call, or whose calls name nobody: a counter for
//! each, and a line for as many as anybody would read.

mod lines;

use std::io;
use std::net::SocketAddr;

use metrics::counter;
use rustls::{CertificateError, Error as TlsError, PeerIncompatible};
use tracing::{info, warn};

use crate::identity::{ListenerName, UnusableIdentity};
use lines::Lines;

/// Why a TLS handshake failed, in the words of logs and metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rejection {
    NoCertificate,
    Expired,
    NotYetValid,
    UnknownIssuer,
    BadSignature,
    NotForClients,
    BadCertificate,
    OldTls,
    NotTls,
    NoHttp2,
    RefusedByClient,
    Slow,
    Gone,
    Other,
}

impl Rejection {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NoCertificate => "no client certificate",
            Self::Expired => "certificate expired",
            Self::NotYetValid => "certificate not yet valid",
            Self::UnknownIssuer => "unknown issuer",
            Self::BadSignature => "bad signature",
            Self::NotForClients => "certificate not for clients",
            Self::BadCertificate => "certificate unusable",
            Self::OldTls => "no TLS 1.3",
            Self::NotTls => "not TLS",
            Self::NoHttp2 => "no HTTP/2",
            Self::RefusedByClient => "refused by the client",
            Self::Slow => "too slow",
            Self::Gone => "connection lost",
            Self::Other => "other",
        }
    }

    /// What the TLS library saw.
    pub(super) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>());
        inner.map_or(Self::Gone, Self::of_tls)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's errors grow with it, and each is some failed handshake"
    )]
    fn of_tls(error: &TlsError) -> Self {
        match error {
            TlsError::NoCertificatesPresented => Self::NoCertificate,
            TlsError::InvalidCertificate(error) => Self::of_certificate(error),
            TlsError::InvalidMessage(_) => Self::NotTls,
            TlsError::NoApplicationProtocol => Self::NoHttp2,
            TlsError::AlertReceived(_) => Self::RefusedByClient,
            TlsError::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::OldTls,
            _ => Self::Other,
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library's errors grow with it, and each is some unusable certificate"
    )]
    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::UnknownIssuer => Self::UnknownIssuer,
            CertificateError::BadSignature => Self::BadSignature,
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::NotForClients
            }
            _ => Self::BadCertificate,
        }
    }
}

/// Records who was turned away at one listener.
pub(super) struct Rejections {
    listener: ListenerName,
    lines: Lines,
}

impl Rejections {
    pub(super) fn new(listener: ListenerName) -> Self {
        Self { listener, lines: Lines::default() }
    }

    /// A TLS handshake that failed. `detail` is the library's own text, if there is one; it names
    /// nothing secret.
    pub(super) fn handshake(
        &self,
        address: SocketAddr,
        rejection: Rejection,
        detail: Option<&io::Error>,
    ) {
        let (listener, reason) = (self.listener.as_str(), rejection.as_str());
        let labels = [("listener", listener), ("reason", reason)];
        counter!("ionvault_tls_handshake_failures_total", &labels).increment(1);
        let Some(unwritten) = self.lines.take() else { return };
        let detail = detail.map(tracing::field::display);
        warn!(listener, %address, reason, detail, unwritten, "a TLS handshake failed");
    }

    /// A local process whose user may not use the admin socket.
    pub(super) fn user(&self, uid: u32) {
        let listener = self.listener.as_str();
        counter!("ionvault_users_refused_total", "listener" => listener).increment(1);
        let Some(unwritten) = self.lines.take() else { return };
        warn!(listener, uid, unwritten, "the user is not among `listen.admin.allowed_uids`");
    }

    /// A channel or a request that names nobody: it is answered `CALLER_UNKNOWN`.
    pub(super) fn identity(&self, address: Option<SocketAddr>, reason: &UnusableIdentity) {
        let listener = self.listener.as_str();
        counter!("ionvault_unusable_identities_total", "listener" => listener).increment(1);
        let Some(unwritten) = self.lines.take() else { return };
        let address = address.map(tracing::field::display);
        let detail = std::error::Error::source(reason).map(tracing::field::display);
        info!(
            listener,
            address,
            %reason,
            detail,
            unwritten,
            "nobody is named by what a client presents"
        );
    }
}
