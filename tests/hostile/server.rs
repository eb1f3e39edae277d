//! A server on loopback that follows a script, whatever HTTP and TLS say.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::server::{ServerConfig, StoresServerSessions};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::certificates::leaf;

/// Who the server is, and who vouches for it.
pub(crate) struct Identity {
    tls: Arc<ServerConfig>,
    flooding: Arc<ServerConfig>,
    pub(crate) authority_pem: String,
}

/// What the server does with each connection.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) tls: Tls,
    /// Said first: after the request, or without TLS after the client's first bytes.
    pub(crate) first: Arc<[u8]>,
    pub(crate) then: Then,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Tls {
    Good,
    /// More session tickets than anybody needs, after the handshake.
    Tickets,
    /// None: what is said is said in the clear.
    Never,
}

#[derive(Clone)]
pub(crate) enum Then {
    /// The connection ends in order.
    End,
    /// It ends without the word that TLS has for it.
    Break,
    /// Nothing follows.
    Hang,
    /// These bytes follow for as long as the client reads.
    Repeat(Arc<[u8]>),
    /// One of these bytes follows each second, from the first again after the last.
    Drip(Arc<[u8]>),
}

impl Script {
    pub(crate) fn say(first: Vec<u8>) -> Self {
        Self::new(&first, Then::End)
    }

    pub(crate) fn new(first: &[u8], then: Then) -> Self {
        Self { tls: Tls::Good, first: first.into(), then }
    }

    pub(crate) fn in_the_clear(first: &[u8], then: Then) -> Self {
        Self { tls: Tls::Never, ..Self::new(first, then) }
    }
}

/// Dropping it cuts its connections.
pub(crate) struct HostileServer {
    port: u16,
    connections: Arc<AtomicUsize>,
    talking: watch::Receiver<bool>,
    accepting: JoinHandle<()>,
}

impl HostileServer {
    pub(crate) async fn start(identity: &Identity, script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::start_on(listener, identity, script)
    }

    /// At a port that was taken before, so that a file could name it.
    pub(crate) fn start_on(listener: TcpListener, identity: &Identity, script: Script) -> Self {
        let port = listener.local_addr().unwrap().port();
        let tls = if script.tls == Tls::Tickets { &identity.flooding } else { &identity.tls };
        let tls = TlsAcceptor::from(Arc::clone(tls));
        let (talks, talking) = watch::channel(false);
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            let mut serving = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                serving.spawn(serve(stream, tls.clone(), script.clone(), talks.clone()));
            }
        });
        Self { port, connections, talking, accepting }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}/token", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Resolves when the client has sent what the script waits for.
    pub(crate) async fn talks(&self) {
        self.talking.clone().wait_for(|talking| *talking).await.unwrap();
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, tls: TlsAcceptor, script: Script, talks: watch::Sender<bool>) {
    if script.tls == Tls::Never {
        stream.readable().await.unwrap();
        follow(stream, &script, &talks).await;
    } else if let Ok(mut stream) = tls.accept(stream).await {
        let mut request = [0; 4096];
        if matches!(stream.read(&mut request).await, Ok(1..)) {
            follow(stream, &script, &talks).await;
        }
    }
}

/// Ends when the client has had enough.
async fn follow(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Script,
    talks: &watch::Sender<bool>,
) {
    talks.send_replace(true);
    let mut open = say(&mut stream, &script.first).await;
    match &script.then {
        Then::End => open = stream.shutdown().await.is_err(),
        Then::Break => open = false,
        Then::Hang => {}
        Then::Repeat(bytes) => {
            while open {
                open = say(&mut stream, bytes).await;
            }
        }
        Then::Drip(bytes) => {
            for byte in bytes.iter().cycle() {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if !say(&mut stream, &[*byte]).await {
                    return;
                }
            }
        }
    }
    let mut ignored = [0; 1024];
    while open && matches!(stream.read(&mut ignored).await, Ok(1..)) {}
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
}

impl Identity {
    /// A server at `localhost`.
    pub(crate) fn generate() -> Self {
        let (identity, authority_pem) = leaf("localhost", 2020, 2120);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.unwrap()], key)
            .unwrap();
        let mut flooding = tls.clone();
        // Some 290 KB, which lie in this process's memory, too, until they are sent.
        flooding.send_tls13_tickets = 1250;
        flooding.session_storage = Arc::new(Forgetful);
        Self { tls: Arc::new(tls), flooding: Arc::new(flooding), authority_pem }
    }
}

/// Keeps no session: its tickets are words only.
#[derive(Debug)]
struct Forgetful;

impl StoresServerSessions for Forgetful {
    fn put(&self, _: Vec<u8>, _: Vec<u8>) -> bool {
        true
    }

    fn get(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn can_cache(&self) -> bool {
        true
    }
}
