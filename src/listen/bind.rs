//! Why a listener could not be opened.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::net::TcpListener;

use crate::config::ReadCertificatesError;

/// Why a listener could not be opened. Each names the key of the configuration to look at.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program has the port.
    #[error(
        "{key}: the address {address} is in use; stop the other program or choose another port"
    )]
    AddressInUse {
        /// The key, such as `listen.mtls.address`.
        key: &'static str,
        /// What it says.
        address: SocketAddr,
    },
    /// The system refuses the address: not one of this machine's, a port below 1024, …
    #[error("{key}: cannot listen on {address}")]
    Address {
        /// The key, such as `listen.mtls.address`.
        key: &'static str,
        /// What it says.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A file of certificates is missing or holds none.
    #[error("{key} is of no use")]
    Certificates {
        /// The key, such as `listen.mtls.certificate`.
        key: &'static str,
        /// What is wrong with the file.
        source: ReadCertificatesError,
    },
    /// A certificate in the file cannot be used.
    #[error("{key}: the file {path} holds a certificate that cannot be used", path = path.display())]
    UnusableCertificate {
        /// The key, such as `listen.mtls.client_ca`.
        key: &'static str,
        /// What it says.
        path: PathBuf,
    },
    /// The key file cannot be read.
    #[error("{key}: the file {path} cannot be read", path = path.display())]
    ReadKey {
        /// The key, such as `listen.mtls.key`.
        key: &'static str,
        /// What it says.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key file holds no private key that TLS can use.
    #[error(
        "{key}: the file {path} holds no usable PEM private key (RSA, ECDSA, Ed25519)",
        path = path.display()
    )]
    UnusableKey {
        /// The key, such as `listen.mtls.key`.
        key: &'static str,
        /// What it says.
        path: PathBuf,
    },
    /// The private key belongs to another certificate.
    #[error(
        "{key}: {path} is not the key of the first certificate in {certificate}",
        path = path.display(), certificate = certificate.display()
    )]
    KeyMismatch {
        /// The key, such as `listen.mtls.key`.
        key: &'static str,
        /// What it says.
        path: PathBuf,
        /// What the key of the certificate says.
        certificate: PathBuf,
    },
    /// Another process answers on the Unix socket.
    #[error(
        "{key}: another process listens on {path}; stop it or choose another path",
        path = path.display()
    )]
    SocketInUse {
        /// The key, such as `listen.admin.socket`.
        key: &'static str,
        /// What it says.
        path: PathBuf,
    },
    /// There is a file that this program did not make.
    #[error(
        "{key}: {path} exists and is not a socket; choose another path",
        path = path.display()
    )]
    NotASocket {
        /// The key, such as `listen.admin.socket`.
        key: &'static str,
        /// What it says.
        path: PathBuf,
    },
    /// The system refuses the path: the directory is missing, not writable, …
    #[error("{key}: cannot make the socket {path}", path = path.display())]
    Socket {
        /// The key, such as `listen.admin.socket`.
        key: &'static str,
        /// What it says.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A listening socket and its address, with the port that was taken.
pub(super) async fn tcp(
    key: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let bound = TcpListener::bind(address).await;
    let bound = bound.and_then(|listener| listener.local_addr().map(|taken| (listener, taken)));
    bound.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            BindError::AddressInUse { key, address }
        } else {
            BindError::Address { key, address, source }
        }
    })
}
