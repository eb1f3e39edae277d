//! `[listen.mesh]`: plain HTTP/2 behind a sidecar, which ended the TLS and says who calls.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{self, RecvFlags};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_util::either::Either;
use tracing::{debug, info, warn};

use super::bind::{BindError, tcp};
use super::callers::{Callers, Reader};
use super::door::{Socket, Stranger};
use super::handshake::Rejections;
use super::unix_socket::UnixSocket;
use crate::config::{IdentityHeader, Limits, Mesh, MeshPlace};
use crate::identity::{ForwardedCertificate, HeaderRule, LinkerdClient, ListenerName};

/// The socket of `[listen.mesh]`.
pub(super) struct MeshSocket {
    listener: Listener,
    pub(super) reflection: bool,
    reader: Arc<Reader>,
    silence_max: Duration,
}

enum Listener {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixSocket),
}

impl MeshSocket {
    pub(super) async fn bind(config: &Mesh, limits: &Limits) -> Result<Self, BindError> {
        let listener = match &config.place {
            MeshPlace::Address(address) => {
                let (listener, address) = tcp("listen.mesh.address", *address).await?;
                info!(%address, "listening behind a sidecar");
                if !address.ip().to_canonical().is_loopback() {
                    warn!(%address, "whoever reaches `listen.mesh.address` is believed who it is");
                }
                Listener::Tcp(listener, address)
            }
            MeshPlace::Socket { path, mode } => {
                let listener = UnixSocket::bind("listen.mesh.address", path, *mode)?;
                info!(path = %path.display(), "listening behind a sidecar");
                Listener::Unix(listener)
            }
        };
        let trust_domain = config.trust_domain.clone();
        let rule = match config.identity_header {
            IdentityHeader::ForwardedClientCert => {
                HeaderRule::ForwardedCertificate(ForwardedCertificate::new(trust_domain))
            }
            IdentityHeader::LinkerdClientId => {
                HeaderRule::LinkerdClient(LinkerdClient::new(&trust_domain))
            }
        };
        let (listen, rejections) = (ListenerName::Mesh, Rejections::new(ListenerName::Mesh));
        Ok(Self {
            listener,
            reflection: config.reflection,
            reader: Arc::new(Reader { listener: listen, rule, rejections }),
            silence_max: limits.handshake,
        })
    }

    /// Where it listens, with the port that was taken; none on a Unix socket.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Tcp(_, address) => Some(*address),
            Listener::Unix(_) => None,
        }
    }
}

impl Socket for MeshSocket {
    type Stranger = Sidecar;

    fn name(&self) -> ListenerName {
        ListenerName::Mesh
    }

    async fn accept(&self) -> io::Result<Sidecar> {
        let (stream, address) = match &self.listener {
            Listener::Tcp(listener, _) => {
                let (stream, address) = listener.accept().await?;
                (Either::Left(stream), Some(address))
            }
            Listener::Unix(listener) => (Either::Right(listener.accept().await?), None),
        };
        let (reader, silence_max) = (self.reader.clone(), self.silence_max);
        Ok(Sidecar { stream, address, reader, silence_max })
    }
}

/// A connection of whoever reaches the socket, which is said to be a sidecar.
pub(super) struct Sidecar {
    stream: Either<TcpStream, UnixStream>,
    address: Option<SocketAddr>,
    reader: Arc<Reader>,
    silence_max: Duration,
}

impl Stranger for Sidecar {
    type Channel = Either<TcpStream, UnixStream>;

    async fn receive(self) -> Option<(Self::Channel, Callers)> {
        let Self { stream, address, reader, silence_max } = self;
        let first_byte = async {
            match &stream {
                Either::Left(stream) => {
                    // Without it Nagle's algorithm and delayed acknowledgements add 40 ms.
                    stream.set_nodelay(true)?;
                    stream.async_io(Interest::READABLE, || has_byte(stream)).await
                }
                Either::Right(stream) => {
                    stream.async_io(Interest::READABLE, || has_byte(stream)).await
                }
            }
        };
        match timeout(silence_max, first_byte).await {
            Ok(Ok(true)) => Some((stream, Callers::Each { reader, address })),
            Ok(Ok(false) | Err(_)) => {
                debug!("a sidecar left before it said anything");
                None
            }
            Err(_elapsed) => {
                debug!("a sidecar said nothing in time");
                None
            }
        }
    }
}

/// Whether there is a byte to be read, which stays there; or the client has said all it will.
fn has_byte(stream: impl AsFd) -> io::Result<bool> {
    let mut byte = [0_u8; 1];
    let (_, found) = net::recv(stream, &mut byte, RecvFlags::PEEK)?;
    Ok(found > 0)
}
