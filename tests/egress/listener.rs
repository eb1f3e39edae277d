//! A listener at every address of the namespace.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::certificates::leaf;

/// Accepts whatever comes, tells where it was reached, and answers over TLS.
pub(crate) struct Listener {
    reached: Arc<Mutex<Vec<SocketAddr>>>,
    answer: Arc<Mutex<Vec<u8>>>,
    authority: CertificateDer<'static>,
}

/// The names that its certificate is for; what is not below them is not to be reached anyway.
pub(crate) const DOMAIN: &str = "front.example";

/// HTTPS, the usual ports of Infor OS, and some that others use.
const PORTS: [u16; 8] = [443, 80, 7443, 8443, 9443, 22, 6379, 3128];

impl Listener {
    pub(crate) fn start() -> Self {
        let (tls, authority) = tls();
        let reached = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(Vec::new()));
        for port in PORTS {
            let socket = TcpSocket::new_v6().unwrap();
            // Both families: an IPv4 connection shows as a mapped address.
            socket.bind(SocketAddr::new("::".parse().unwrap(), port)).unwrap();
            let listener = socket.listen(1024).unwrap();
            tokio::spawn(accept(listener, tls.clone(), reached.clone(), answer.clone()));
        }
        Self { reached, answer, authority }
    }

    /// Where it was reached since the last time this was asked.
    pub(crate) fn reached(&self) -> Vec<SocketAddr> {
        std::mem::take(&mut *self.reached.lock().unwrap())
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, head: &str, body: &str) {
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
        *self.answer.lock().unwrap() = (head + body).into_bytes();
    }

    /// Who vouches for it.
    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone()
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    reached: Arc<Mutex<Vec<SocketAddr>>>,
    answer: Arc<Mutex<Vec<u8>>>,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let at = stream.local_addr().unwrap();
        let address = match at.ip() {
            IpAddr::V6(address) => address.to_canonical(),
            IpAddr::V4(address) => IpAddr::V4(address),
        };
        reached.lock().unwrap().push(SocketAddr::new(address, at.port()));
        tokio::spawn(serve(stream, tls.clone(), answer.clone()));
    }
}

/// Nobody is answered in the clear, and a client that gives up ends this.
async fn serve(stream: TcpStream, tls: TlsAcceptor, answer: Arc<Mutex<Vec<u8>>>) {
    let Ok(mut stream) = tls.accept(stream).await else { return };
    let mut request = [0; 4096];
    let Ok(1..) = stream.read(&mut request).await else { return };
    let answer = answer.lock().unwrap().clone();
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

fn tls() -> (TlsAcceptor, CertificateDer<'static>) {
    let (identity, authority_pem) = leaf(&format!("*.{DOMAIN}"), 2020, 2120);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let leaf = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf], key)
        .unwrap();
    let authority = CertificateDer::from_pem_slice(authority_pem.as_bytes()).unwrap();
    (TlsAcceptor::from(Arc::new(tls)), authority)
}
