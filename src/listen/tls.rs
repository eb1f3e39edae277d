//! `[listen.mtls]`: TLS 1.3 with client certificates.

mod server_config;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncBufReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info};

use super::bind::{BindError, tcp};
use super::callers::Callers;
use super::door::{Socket, Stranger};
use super::handshake::{Rejection, Rejections};
use crate::config::{Limits, Mtls};
use crate::identity::{CertificateRules, ListenerName, Peer, UnusableIdentity};

/// The socket of `[listen.mtls]`.
pub(super) struct TlsSocket {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) reflection: bool,
    reception: Arc<Reception>,
}

/// What it takes to receive a client.
struct Reception {
    acceptor: TlsAcceptor,
    rules: CertificateRules,
    rejections: Rejections,
    handshakes: Semaphore,
    duration_max: Duration,
}

impl TlsSocket {
    pub(super) async fn bind(config: &Mtls, limits: &Limits) -> Result<Self, BindError> {
        let acceptor = TlsAcceptor::from(Arc::new(server_config::read(config)?));
        let (listener, address) = tcp("listen.mtls.address", config.address).await?;
        info!(%address, "listening for TLS");
        let reception = Arc::new(Reception {
            acceptor,
            rules: CertificateRules::new(config.trust_domain.clone(), config.allow_dns_san),
            rejections: Rejections::new(ListenerName::Mtls),
            handshakes: Semaphore::new(limits.handshakes),
            duration_max: limits.handshake,
        });
        Ok(Self { listener, address, reflection: config.reflection, reception })
    }
}

impl Socket for TlsSocket {
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
        // Waiting for a turn counts: whoever gives up would not see the end of it anyway.
        let greeted = timeout(reception.duration_max, reception.greet(stream)).await;
        let stream = match greeted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let rejection = Rejection::of(&error);
                reception.rejections.handshake(address, rejection, Some(&error));
                return None;
            }
            Err(_elapsed) => {
                reception.rejections.handshake(address, Rejection::Slow, None);
                return None;
            }
        };
        let caller = match stream.get_ref().1.peer_certificates() {
            Some([leaf, ..]) => reception.rules.caller(leaf),
            Some([]) | None => Err(UnusableIdentity::Malformed),
        };
        match &caller {
            Ok(caller) => debug!(%address, %caller, "connected"),
            Err(reason) => reception.rejections.identity(Some(address), reason),
        }
        let peer = Peer { caller, listener: ListenerName::Mtls, address: Some(address) };
        Some((stream, Callers::One(Arc::new(peer))))
    }
}

impl Reception {
    /// The handshake, and the wait for the first bytes after it: a client that proves who it is
    /// and then says nothing must not hold a connection either.
    async fn greet(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        // Without it Nagle's algorithm and delayed acknowledgements add 40 ms to an answer.
        stream.set_nodelay(true)?;
        let turn = self.handshakes.acquire().await.map_err(io::Error::other)?;
        let mut stream = self.acceptor.accept(stream).await?;
        drop(turn);
        // The library lets a client pass that names no protocol at all.
        if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other(rustls::Error::NoApplicationProtocol));
        }
        if stream.fill_buf().await?.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(stream)
    }
}
