//! `[listen.mtls]`: TLS with client certificates, which name the callers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tracing::{debug, info};

use super::bind::{BindError, tcp};
use super::callers::Callers;
use super::door::{Socket, Stranger};
use super::tls::{NamedFile, Renewal, Tls, TlsFiles};
use crate::config::{Limits, Mtls};
use crate::identity::{CertificateRules, ListenerName, Peer, UnusableIdentity};

/// The socket of `[listen.mtls]`.
pub(super) struct MtlsSocket {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) reflection: bool,
    reception: Arc<Reception>,
}

/// What it takes to receive a client.
struct Reception {
    tls: Arc<Tls>,
    rules: CertificateRules,
}

impl MtlsSocket {
    pub(super) async fn bind(config: &Mtls, limits: &Limits) -> Result<(Self, Renewal), BindError> {
        let files = TlsFiles {
            listener: ListenerName::Mtls,
            certificate: NamedFile::new("listen.mtls.certificate", &config.certificate),
            key: NamedFile::new("listen.mtls.key", &config.key),
            client_ca: Some(NamedFile::new("listen.mtls.client_ca", &config.client_ca)),
        };
        let (tls, renewal) = Tls::open(files, limits)?;
        let (listener, address) = tcp("listen.mtls.address", config.address).await?;
        info!(%address, listener = %ListenerName::Mtls, "listening for TLS");
        let rules = CertificateRules::new(config.trust_domain.clone(), config.allow_dns_san);
        let reception = Arc::new(Reception { tls, rules });
        Ok((Self { listener, address, reflection: config.reflection, reception }, renewal))
    }
}

impl Socket for MtlsSocket {
    type Stranger = TlsStranger;

    fn name(&self) -> ListenerName {
        ListenerName::Mtls
    }

    async fn accept(&self) -> io::Result<TlsStranger> {
        let (stream, address) = self.listener.accept().await?;
        Ok(TlsStranger { stream, address, reception: self.reception.clone() })
    }
}

/// A TCP connection before its handshake.
pub(super) struct TlsStranger {
    stream: TcpStream,
    address: SocketAddr,
    reception: Arc<Reception>,
}

impl Stranger for TlsStranger {
    type Channel = TlsStream<TcpStream>;

    async fn receive(self) -> Option<(Self::Channel, Callers)> {
        let Self { stream, address, reception } = self;
        let stream = reception.tls.receive(stream, address).await?;
        let caller = match stream.get_ref().1.peer_certificates() {
            Some([leaf, issuers @ ..]) => reception.rules.caller_below(issuers, leaf),
            Some([]) | None => Err(UnusableIdentity::Malformed),
        };
        match &caller {
            Ok(caller) => debug!(%address, %caller, "connected"),
            Err(reason) => reception.tls.rejections.identity(Some(address), reason),
        }
        let peer = Peer { caller, listener: ListenerName::Mtls, address: Some(address) };
        Some((stream, Callers::One(Arc::new(peer))))
    }
}
