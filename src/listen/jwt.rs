//! `[listen.jwt]`: TLS without client certificates; the token of each request names the caller.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tracing::info;

use super::bind::{BindError, tcp};
use super::callers::{Callers, Reader};
use super::door::{Socket, Stranger};
use super::handshake::Rejections;
use super::tls::{NamedFile, Renewal, Tls, TlsFiles};
use crate::config::{Jwt, Limits};
use crate::identity::{HeaderRule, Issuers, ListenerName};

/// The socket of `[listen.jwt]`.
pub(super) struct JwtSocket {
    listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) reflection: bool,
    tls: Arc<Tls>,
    reader: Arc<Reader>,
}

impl JwtSocket {
    pub(super) async fn bind(
        config: &Jwt,
        issuers: Arc<Issuers>,
        limits: &Limits,
    ) -> Result<(Self, Renewal), BindError> {
        let name = ListenerName::Jwt;
        let files = TlsFiles {
            listener: name,
            certificate: NamedFile::new("listen.jwt.certificate", &config.certificate),
            key: NamedFile::new("listen.jwt.key", &config.key),
            client_ca: None,
        };
        let (tls, renewal) = Tls::open(files, limits)?;
        let (listener, address) = tcp("listen.jwt.address", config.address).await?;
        info!(%address, listener = %name, "listening for TLS");
        let (rule, rejections) = (HeaderRule::Token(issuers), Rejections::new(name));
        let reader = Arc::new(Reader { listener: name, rule, rejections });
        Ok((Self { listener, address, reflection: config.reflection, tls, reader }, renewal))
    }
}

impl Socket for JwtSocket {
    type Stranger = JwtStranger;

    fn name(&self) -> ListenerName {
        ListenerName::Jwt
    }

    async fn accept(&self) -> io::Result<JwtStranger> {
        let (stream, address) = self.listener.accept().await?;
        let (tls, reader) = (self.tls.clone(), self.reader.clone());
        Ok(JwtStranger { stream, address, tls, reader })
    }
}

/// A TCP connection before its handshake.
pub(super) struct JwtStranger {
    stream: TcpStream,
    address: SocketAddr,
    tls: Arc<Tls>,
    reader: Arc<Reader>,
}

impl Stranger for JwtStranger {
    type Channel = TlsStream<TcpStream>;

    async fn receive(self) -> Option<(Self::Channel, Callers)> {
        let Self { stream, address, tls, reader } = self;
        let stream = tls.receive(stream, address).await?;
        Some((stream, Callers::Each { reader, address: Some(address) }))
    }
}
