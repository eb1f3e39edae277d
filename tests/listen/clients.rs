//! Clients: one that speaks gRPC, and one that sees the bare HTTP/2.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ionvault::identity::Peer;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::authority::Leaf;
use crate::house::Open;

impl Open {
    pub fn good(&self) -> Leaf {
        self.authority.client(&[crate::authority::INVOICES])
    }

    /// The handshake as far as the client sees it: with TLS 1.3 it learns only afterwards what the
    /// server thinks of its certificate.
    pub async fn handshake(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        handshake(self.mtls, config).await
    }

    /// To the listener for tokens, without a certificate.
    pub async fn without_certificate(&self) -> Channel {
        let config = self.authority.trusting(None, &[&rustls::version::TLS13]);
        channel(handshake(self.jwt.unwrap(), config).await.unwrap()).await
    }

    pub async fn channel(&self, leaf: &Leaf) -> Channel {
        let config = self.authority.trusting(Some(leaf), &[&rustls::version::TLS13]);
        channel(self.handshake(config).await.unwrap()).await
    }

    pub async fn raw(&self, leaf: &Leaf) -> Raw {
        let config = self.authority.trusting(Some(leaf), &[&rustls::version::TLS13]);
        Raw::over(self.handshake(config).await.unwrap()).await
    }

    /// Calls the health service with this certificate; whom the server took it for.
    pub async fn known_as(&self, leaf: &Leaf) -> Peer {
        check(self.channel(leaf).await).await.unwrap();
        self.last_peer()
    }
}

async fn handshake(to: SocketAddr, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(to).await?).await
}

pub async fn local(socket: &Path) -> io::Result<Channel> {
    Ok(channel(UnixStream::connect(socket).await?).await)
}

/// A channel over this one stream, which is not replaced once it ends.
pub async fn channel<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> Channel {
    let mut stream = Some(TokioIo::new(stream));
    let only = tower::service_fn(move |_| {
        let stream = stream.take().ok_or(io::Error::other("the only connection ended"));
        async { stream }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(only).await.unwrap()
}

pub async fn plain(address: SocketAddr) -> Channel {
    channel(TcpStream::connect(address).await.unwrap()).await
}

/// Calls the health service with these headers.
pub async fn check_with(
    channel: Channel,
    headers: &[(&'static str, &str)],
) -> Result<(), tonic::Status> {
    let mut request = tonic::Request::new(HealthCheckRequest { service: String::new() });
    for (name, value) in headers {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    HealthClient::new(channel).check(request).await.map(|_| ())
}

pub async fn check(channel: Channel) -> Result<(), tonic::Status> {
    check_with(channel, &[]).await
}

/// Bare HTTP/2.
pub struct Raw {
    pub sender: SendRequest<Empty<hyper::body::Bytes>>,
    pub connection: JoinHandle<hyper::Result<()>>,
}

/// An answer's status, and what gRPC says in its headers or trailers.
#[derive(Debug, Eq, PartialEq)]
pub struct Answer {
    pub http_status: u16,
    pub grpc_status: Option<String>,
    pub details: Vec<u8>,
}

impl Raw {
    async fn over<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> Self {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { sender, connection: tokio::spawn(connection) }
    }

    /// Calls the service that holds its calls.
    pub fn call_held(
        &self,
        headers: &[(&'static str, String)],
    ) -> impl Future<Output = hyper::Result<Answer>> + Send + use<> {
        let mut request = http::Request::post("http://localhost/test.Held/Call")
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(Empty::new()).unwrap();
        let mut sender = self.sender.clone();
        async move {
            sender.ready().await?;
            let (parts, body) = sender.send_request(request).await?.into_parts();
            let trailers = body.collect().await?.trailers().cloned().unwrap_or_default();
            let said = |name: &str| {
                let value = parts.headers.get(name).or(trailers.get(name))?;
                Some(value.to_str().unwrap().to_owned())
            };
            let details = said("grpc-status-details-bin").unwrap_or_default();
            Ok(Answer {
                http_status: parts.status.as_u16(),
                grpc_status: said("grpc-status"),
                details: data_encoding::BASE64_NOPAD.decode(details.as_bytes()).unwrap(),
            })
        }
    }
}
