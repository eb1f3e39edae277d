//! Callers on the admin socket, and over mTLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper_util::rt::TokioIo;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::{IssueTokenRequest, UploadCredentialRequest};
use ionvault::simulator::certificates::Identity;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

pub(crate) async fn channel(socket: &Path) -> Channel {
    let socket: PathBuf = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.unwrap()
}

/// A connection with a client certificate.
pub(crate) async fn over_tls(address: SocketAddr, ca_pem: &str, client: &Identity) -> Channel {
    let identity =
        tonic::transport::Identity::from_pem(&client.certificate_pem, client.key_pem.as_bytes());
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(ca_pem))
        .domain_name("localhost")
        .identity(identity);
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

pub(crate) async fn upload(socket: &Path, name: String, ion_api_file: Vec<u8>) {
    let request = UploadCredentialRequest { name, ion_api_file, ..Default::default() };
    let mut credentials = CredentialServiceClient::new(channel(socket).await);
    credentials.upload_credential(request).await.unwrap();
}

pub(crate) fn issue(name: &str) -> IssueTokenRequest {
    IssueTokenRequest { name: name.to_owned(), ..Default::default() }
}
