//! Envoy 1.40 with the very `deploy/envoy.yaml`, in front of `[listen.mesh]`: who a client's
//! certificate says it is, is whom the policy sees, whatever the client's headers say.
#![allow(clippy::print_stderr, reason = "each step is told as it passes")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use ionvault::pb::v1::ListCredentialsRequest;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::simulator::certificates::{Authority, Identity as Client};
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Error, Identity};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::installation::{ADMIN, Installation, Server, address};
use super::program::Program;
use crate::installed::installed;

const STRANGER: &str = "spiffe://prod.example.org/stranger";
const EXAMPLE: &str = include_str!("../../deploy/envoy.yaml");

/// What a client may write to be taken for the administrator.
const FORGED: [(&str, &str); 4] = [
    ("x-forwarded-client-cert", "URI=spiffe://prod.example.org/admin"),
    ("x-forwarded-client-cert", "Hash=00;URI=spiffe://prod.example.org/admin,By=a"),
    ("x-forwarded-client-cert", "Hash=\""),
    ("l5d-client-id", "admin.prod.example.org"),
];

/// An Envoy that forwards to the vault.
struct Envoy {
    _program: Program,
    address: SocketAddr,
}

impl Envoy {
    fn start(program: &Path, house: &Installation, mesh: SocketAddr) -> Self {
        let mut example = EXAMPLE.to_owned();
        for (from, to) in [
            (
                "{ address: 0.0.0.0, port_value: 8443 }",
                "{ address: 127.0.0.1, port_value: 0 }".to_owned(),
            ),
            ("port_value: 8081", format!("port_value: {}", mesh.port())),
            ("/etc/envoy/", format!("{}/", house.dir().display())),
        ] {
            assert!(example.contains(from), "deploy/envoy.yaml has no {from:?}");
            example = example.replace(from, &to);
        }
        house.write("envoy.yaml", example);
        let mut command = Command::new(program);
        command.env_clear().args(["--disable-hot-restart", "--concurrency", "1", "-c"]);
        command.arg(house.path("envoy.yaml")).arg("--config-yaml");
        command
            .arg("admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }");
        command.arg("--admin-address-path").arg(house.path("envoy.admin"));
        let mut envoy = Program::spawn(command);
        envoy.says("starting workers");
        let listeners = page(house.read("envoy.admin").parse().unwrap(), "/listeners");
        let (_, rest) = listeners.split_once("callers::").unwrap_or_else(|| panic!("{listeners}"));
        let address = rest.lines().next().unwrap().parse().unwrap();
        Self { _program: envoy, address }
    }
}

/// A page of Envoy's administration.
fn page(admin: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(ANSWER_TIME_MAX)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn over_tls(
    house: &Installation,
    address: SocketAddr,
    client: Option<&Client>,
) -> Result<Channel, Error> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(house.authority.certificate_pem()))
        .domain_name("localhost");
    if let Some(client) = client {
        tls = tls.identity(Identity::from_pem(&client.certificate_pem, client.key_pem.as_str()));
    }
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await
}

async fn over_the_admin_socket(house: &Installation) -> Channel {
    let path = house.path("admin.sock");
    let connect = tower::service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connect).await.unwrap()
}

/// What only an administrator may.
async fn list(channel: &Channel, headers: &[(&'static str, &str)]) -> Result<(), Status> {
    let message =
        ListCredentialsRequest { parent: "tenants/acme".to_owned(), ..Default::default() };
    let mut request = Request::new(message);
    for (name, value) in headers {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    CredentialServiceClient::new(channel.clone()).list_credentials(request).await.map(|_| ())
}

#[track_caller]
fn is_denied(answer: Result<(), Status>) {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CALLER_DENIED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn behind_envoy_the_certificate_decides_and_no_header_of_the_client() {
    let Some(program) = installed("python/bin/envoy") else { return };
    let house = Installation::initialized();
    house.replace(
        "ionvault.toml",
        "[listen.admin]",
        "[listen.mesh]\naddress = \"127.0.0.1:0\"\nidentity_header = \"x-forwarded-client-cert\"\n\
         trust_domain = \"prod.example.org\"\n[listen.admin]",
    );
    let server = house.serve();
    let mesh = address(server.program.said("listening behind a sidecar"));
    let envoy = Envoy::start(&program, &house, mesh);
    let [admin, stranger] = [ADMIN, STRANGER].map(|id| house.authority.client(id).unwrap());

    let through = over_tls(&house, envoy.address, Some(&admin)).await.unwrap();
    list(&through, &[]).await.unwrap();
    list(&through, &[FORGED[2]]).await.unwrap();
    eprintln!("passed: the administrator's certificate, through Envoy");
    let through = over_tls(&house, envoy.address, Some(&stranger)).await.unwrap();
    is_denied(list(&through, &[]).await);
    for forged in FORGED {
        is_denied(list(&through, &[forged]).await);
    }
    is_denied(list(&through, &FORGED).await);
    eprintln!("passed: {} forged headers, through Envoy", FORGED.len());
    turned_away_by_envoy(&house, &envoy).await;
    past_envoy(&house, &server, mesh, &stranger).await;
    server.stop();
}

/// Who does not get through Envoy at all.
async fn turned_away_by_envoy(house: &Installation, envoy: &Envoy) {
    let id = |id: &str| house.authority.client(id).unwrap();
    let elsewhere = Authority::generate().unwrap().client(ADMIN).unwrap();
    for (client, why) in [
        (None, "no certificate"),
        (Some(elsewhere), "another authority"),
        (Some(id("spiffe://test.example.org/admin")), "another trust domain"),
        (Some(id("spiffe://prod.example.org.evil.example/admin")), "a longer trust domain"),
        // Envoy would write it into the header as it is.
        (Some(id(&format!("{STRANGER},URI={ADMIN}"))), "a name with an element of its own"),
        (Some(id(&format!("{STRANGER};URI={ADMIN}"))), "a name with a pair of its own"),
    ] {
        // With TLS 1.3 a client may learn it only with its first call.
        if let Ok(channel) = over_tls(house, envoy.address, client.as_ref()).await {
            let status = list(&channel, &[]).await.unwrap_err();
            // Whatever the vault answers has a reason: this did not come from there.
            assert!(status.get_error_details().error_info().is_none(), "{why}: {status:?}");
        }
        eprintln!("passed: turned away by Envoy: {why}");
    }
}

/// The same headers, sent to the vault itself.
async fn past_envoy(house: &Installation, server: &Server, mesh: SocketAddr, stranger: &Client) {
    let mtls = over_tls(house, server.mtls, Some(stranger)).await.unwrap();
    let socket = over_the_admin_socket(house).await;
    let theirs = [("x-forwarded-client-cert", "URI=spiffe://prod.example.org/stranger")];
    for forged in FORGED {
        is_denied(list(&mtls, &[forged]).await);
    }
    is_denied(list(&mtls, &FORGED).await);
    list(&socket, &theirs).await.unwrap();
    list(&socket, &FORGED).await.unwrap();
    eprintln!("passed: forged headers at [listen.mtls] and [listen.admin]");
    let bare = Endpoint::from_shared(format!("http://{mesh}")).unwrap().connect().await.unwrap();
    let status = list(&bare, &[]).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "CALLER_UNKNOWN");
    eprintln!("passed: no header at [listen.mesh]");
}

/// Only an Envoy that hangs takes so long, however busy the machine.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
