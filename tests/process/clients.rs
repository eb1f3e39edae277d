//! Callers on the admin socket.

use std::path::{Path, PathBuf};

use hyper_util::rt::TokioIo;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::{IssueTokenRequest, UploadCredentialRequest};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

pub(crate) async fn channel(socket: &Path) -> Channel {
    let socket: PathBuf = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.unwrap()
}

pub(crate) async fn upload(socket: &Path, name: String, ion_api_file: Vec<u8>) {
    let request = UploadCredentialRequest { name, ion_api_file, ..Default::default() };
    let mut credentials = CredentialServiceClient::new(channel(socket).await);
    credentials.upload_credential(request).await.unwrap();
}

pub(crate) fn issue(name: &str) -> IssueTokenRequest {
    IssueTokenRequest { name: name.to_owned(), ..Default::default() }
}
