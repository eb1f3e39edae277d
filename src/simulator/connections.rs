//! Sockets, TLS and HTTP/1.1; every connection is owned by [`accept`] and drained at the end.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::certificates::Identity;
use super::{World, endpoints};

/// TLS 1.2 and 1.3 with this certificate.
pub(super) fn tls(identity: &Identity) -> Result<TlsAcceptor, rustls::Error> {
    let unreadable = |_| rustls::Error::General("the certificate's PEM cannot be read".to_owned());
    let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes());
    let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.map_err(unreadable)?], key.map_err(unreadable)?)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

/// Serves until `stop`, then lets connections finish their request.
pub(super) async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    world: Arc<World>,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((socket, _)) => {
                    let (tls, world, stop) = (tls.clone(), Arc::clone(&world), stop.clone());
                    connections.spawn(serve(socket, tls, world, stop));
                }
                // Out of descriptors, or a connection that was gone at once: neither ends the server.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // What has not finished by then is cut off as the set is dropped.
    let _ = timeout(DRAIN_TIME_MAX, drained).await;
}

async fn serve(socket: TcpStream, tls: TlsAcceptor, world: Arc<World>, stop: CancellationToken) {
    // Kept beside the stream, to have a say in how it ends.
    let Ok(same_socket) = socket.as_fd().try_clone_to_owned() else { return };
    let handshake = async { timeout(HANDSHAKE_TIME_MAX, tls.accept(socket)).await };
    let stream = tokio::select! {
        () = stop.cancelled() => return,
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => stream,
            // The client learns it from the alert, or from the closed connection.
            Ok(Err(_)) | Err(_) => return,
        },
    };
    let service = service_fn(move |request| {
        let world = Arc::clone(&world);
        async move { endpoints::answer(&world, request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Any other error is the client's, which sees a broken connection.
    if ended.is_err_and(|error| error.is_user()) {
        // Closed without lingering, a socket is reset. Where it is closed already, so much the
        // better.
        let _ = rustix::net::sockopt::set_socket_linger(&same_socket, Some(Duration::ZERO));
    }
}

/// Bounds memory. A client that waits for a free connection waits in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;

/// More than any client sends.
const HEADERS_MAX: usize = 64;

const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(5);

/// Also how long an idle connection is kept.
const HEADER_TIME_MAX: Duration = Duration::from_secs(30);

const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Keeps a full table of descriptors from becoming a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
