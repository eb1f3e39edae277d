//! A TLS server on loopback that says exactly what it is told to, well-formed or not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ionvault::simulator::certificates::Identity;
use rustls::SupportedProtocolVersion;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What becomes of each connection.
#[derive(Clone)]
pub(crate) enum Then {
    /// The request is read, these bytes are written, the connection ends in order.
    Say(Vec<u8>),
    /// As [`Then::Say`], the first connection gets the first of these, and the last one all further ones.
    SayInTurn(Vec<Vec<u8>>),
    /// As [`Then::Say`], but these bytes follow for as long as the client reads.
    SayForEver(Vec<u8>, Vec<u8>),
    /// The request is read, these bytes are written, and nothing follows.
    SayAndHang(Vec<u8>),
    /// The connection is reset after the handshake, without a look at the request.
    Reset,
    /// TCP is accepted, TLS never answered.
    NoHandshake,
}

pub(crate) struct RawServer {
    port: u16,
    connections: Arc<AtomicUsize>,
    requests: watch::Receiver<Vec<Vec<u8>>>,
    accepting: JoinHandle<()>,
}

impl RawServer {
    pub(crate) async fn start(identity: &Identity, then: Then) -> Self {
        Self::start_with(identity, then, rustls::ALL_VERSIONS).await
    }

    /// With these versions of TLS only.
    pub(crate) async fn start_with(
        identity: &Identity,
        then: Then,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = acceptor(identity, versions);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let (seen, requests) = watch::channel(Vec::new());
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let turn = counted.fetch_add(1, Ordering::SeqCst);
                let then = match &then {
                    Then::SayInTurn(all) => Then::Say(all[turn.min(all.len() - 1)].clone()),
                    Then::Say(_)
                    | Then::SayForEver(..)
                    | Then::SayAndHang(_)
                    | Then::Reset
                    | Then::NoHandshake => then.clone(),
                };
                // One at a time: the client under test makes one connection per exchange.
                serve(socket, &tls, then, &seen).await;
            }
        });
        Self { port, connections, requests, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/token", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.borrow().clone()
    }

    /// Resolves when that many requests have arrived.
    pub(crate) async fn arrived_times(&self, times: usize) {
        self.requests.clone().wait_for(|requests| requests.len() >= times).await.unwrap();
    }

    /// Resolves when a request (or, without a handshake, a connection) has arrived.
    pub(crate) async fn arrived(&self) -> Vec<u8> {
        let mut requests = self.requests.clone();
        let requests = requests.wait_for(|requests| !requests.is_empty()).await.unwrap();
        requests[0].clone()
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    socket: TcpStream,
    tls: &TlsAcceptor,
    then: Then,
    seen: &watch::Sender<Vec<Vec<u8>>>,
) {
    if matches!(then, Then::NoHandshake) {
        seen.send_modify(|seen| seen.push(Vec::new()));
        return wait_for_end(socket).await;
    }
    // A client that refuses the certificate ends here.
    let Ok(mut stream) = tls.accept(socket).await else { return };
    if matches!(then, Then::Reset) {
        stream.get_ref().0.set_zero_linger().unwrap();
        return;
    }
    let Some(request) = read_request(&mut stream).await else { return };
    seen.send_modify(|seen| seen.push(request));
    let (Then::Say(bytes) | Then::SayForEver(bytes, _) | Then::SayAndHang(bytes)) = &then else {
        return;
    };
    if stream.write_all(bytes).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    match then {
        Then::SayForEver(_, more) => while stream.write_all(&more).await.is_ok() {},
        Then::SayAndHang(_) => wait_for_end(stream).await,
        Then::Say(_) | Then::SayInTurn(_) | Then::Reset | Then::NoHandshake => {
            let _ = stream.shutdown().await;
        }
    }
}

async fn wait_for_end(mut stream: impl AsyncReadExt + Unpin) {
    let mut buffer = [0; 1024];
    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
}

/// Head and body of one request, by its `content-length`; a question for a document has no body.
async fn read_request(stream: &mut TlsStream<TcpStream>) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length = length.map_or(0, |length| length.parse::<usize>().unwrap());
            if body.len() >= length && (length > 0 || text.starts_with("get ")) {
                return Some(request);
            }
        }
        match stream.read(&mut buffer).await {
            Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
            Ok(0) | Err(_) => return None,
        }
    }
}

fn acceptor(identity: &Identity, versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(tls))
}
