//! TLS 1.3 on the listeners that end it themselves.

mod files;
mod renewal;

pub(super) use files::{NamedFile, TlsFiles};
pub(super) use renewal::Renewal;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::bind::BindError;
use super::handshake::{Rejection, Rejections};
use crate::config::Limits;
use crate::file_watch::FileWatch;

/// The handshakes of one listener.
pub(super) struct Tls {
    files: TlsFiles,
    /// What the files held when they could last be used.
    config: ArcSwap<ServerConfig>,
    pub(super) rejections: Rejections,
    handshakes: Semaphore,
    duration_max: Duration,
}

impl Tls {
    /// Reads the files; the [`Renewal`] reads them again.
    pub(super) fn open(
        files: TlsFiles,
        limits: &Limits,
    ) -> Result<(Arc<Self>, Renewal), BindError> {
        let watch = FileWatch::new(files.paths());
        let tls = Arc::new(Self {
            config: ArcSwap::new(files.read()?),
            rejections: Rejections::new(files.listener),
            handshakes: Semaphore::new(limits.handshakes),
            duration_max: limits.handshake,
            files,
        });
        Ok((tls.clone(), Renewal { tls, watch }))
    }

    /// The connection after its handshake. `None`: it failed, which was logged and counted.
    pub(super) async fn receive(
        &self,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Option<TlsStream<TcpStream>> {
        // Waiting for a turn counts: whoever gives up would not see the end of it anyway.
        match timeout(self.duration_max, self.greet(stream)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => {
                self.rejections.handshake(address, Rejection::of(&error), Some(&error));
            }
            Err(_elapsed) => self.rejections.handshake(address, Rejection::Slow, None),
        }
        None
    }

    /// The handshake, and the wait for the first bytes after it: a client that proves who it is
    /// and then says nothing must not hold a connection either.
    async fn greet(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        // Without it Nagle's algorithm and delayed acknowledgements add 40 ms to an answer.
        stream.set_nodelay(true)?;
        let turn = self.handshakes.acquire().await.map_err(io::Error::other)?;
        let mut stream = TlsAcceptor::from(self.config.load_full()).accept(stream).await?;
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
