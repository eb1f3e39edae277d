//! TLS 1.3: `[listen.mtls]` with client certificates, `[listen.jwt]` without.

mod server_config;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::AsyncBufReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info};

use super::bind::{BindError, tcp};
use super::callers::{Callers, Reader};
use super::door::{Socket, Stranger};
use super::handshake::{Rejection, Rejections};
use crate::config::{Jwt, Limits, Mtls};
use crate::identity::{
    CertificateRules, HeaderRule, Issuers, ListenerName, Peer, UnusableIdentity,
};

/// The socket of `[listen.mtls]` or `[listen.jwt]`.
pub(super) struct TlsSocket {
    name: ListenerName,
    listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) reflection: bool,
    reception: Arc<Reception>,
}

/// What it takes to receive a client.
struct Reception {
    acceptor: TlsAcceptor,
    recognition: Recognition,
    rejections: Rejections,
    handshakes: Semaphore,
    duration_max: Duration,
}

/// What names a caller.
enum Recognition {
    /// The certificate of the client, once per connection.
    Certificate(CertificateRules),
    /// The token of each request.
    Token(Arc<Reader>),
}

impl TlsSocket {
    /// The socket of `[listen.mtls]`.
    pub(super) async fn for_certificates(
        config: &Mtls,
        limits: &Limits,
    ) -> Result<Self, BindError> {
        let server = server_config::with_clients(config)?;
        let rules = CertificateRules::new(config.trust_domain.clone(), config.allow_dns_san);
        let bound = tcp("listen.mtls.address", config.address).await?;
        let recognition = Recognition::Certificate(rules);
        Ok(Self::new(ListenerName::Mtls, bound, server, recognition, limits, config.reflection))
    }

    /// The socket of `[listen.jwt]`.
    pub(super) async fn for_tokens(
        config: &Jwt,
        issuers: Arc<Issuers>,
        limits: &Limits,
    ) -> Result<Self, BindError> {
        let server = server_config::without_clients(config)?;
        let listener = ListenerName::Jwt;
        let rejections = Rejections::new(listener);
        let reader = Reader { listener, rule: HeaderRule::Token(issuers), rejections };
        let bound = tcp("listen.jwt.address", config.address).await?;
        let recognition = Recognition::Token(Arc::new(reader));
        Ok(Self::new(listener, bound, server, recognition, limits, config.reflection))
    }

    fn new(
        name: ListenerName,
        (listener, address): (TcpListener, SocketAddr),
        server: ServerConfig,
        recognition: Recognition,
        limits: &Limits,
        reflection: bool,
    ) -> Self {
        info!(%address, listener = %name, "listening for TLS");
        let reception = Arc::new(Reception {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            recognition,
            rejections: Rejections::new(name),
            handshakes: Semaphore::new(limits.handshakes),
            duration_max: limits.handshake,
        });
        Self { name, listener, address, reflection, reception }
    }
}

impl Socket for TlsSocket {
    type Stranger = TlsStranger;

    fn name(&self) -> ListenerName {
        self.name
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
        let callers = match &reception.recognition {
            Recognition::Certificate(rules) => {
                let peer = reception.certified(rules, &stream, address);
                Callers::One(Arc::new(peer))
            }
            Recognition::Token(reader) => {
                Callers::Each { reader: reader.clone(), address: Some(address) }
            }
        };
        Some((stream, callers))
    }
}

impl Reception {
    /// Whom the certificate of a client names.
    fn certified(
        &self,
        rules: &CertificateRules,
        stream: &TlsStream<TcpStream>,
        address: SocketAddr,
    ) -> Peer {
        let caller = match stream.get_ref().1.peer_certificates() {
            Some([leaf, ..]) => rules.caller(leaf),
            Some([]) | None => Err(UnusableIdentity::Malformed),
        };
        match &caller {
            Ok(caller) => debug!(%address, %caller, "connected"),
            Err(reason) => self.rejections.identity(Some(address), reason),
        }
        Peer { caller, listener: ListenerName::Mtls, address: Some(address) }
    }

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
