//! What a tenant notices of other tenants' hostile authorization servers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::{IssueTokenRequest, UploadCredentialRequest};
use ionvault::simulator::{App, Simulator, SimulatorConfig};
use serde_json::json;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};

use super::installation::Installation;
use crate::server::{HostileServer, Identity, Script, Then};

const GOOD: &str = "tenants/good/credentials/infor";
/// Credentials that point to each hostile server.
const CREDENTIALS: usize = 4;
/// Undisturbed and disturbed in turn, so that a busy machine disturbs both alike.
const ROUNDS: usize = 3;
const CALLS: usize = 2000;

/// Each round has servers and credentials of its own, which nobody has learned to avoid. Prints the
/// ratios of the percentiles; they are no assertion, since a busy machine would fail it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_served_while_others_point_to_hostile_servers() {
    let identity = Identity::generate();
    let mut places = Vec::new();
    for _ in 0..ROUNDS * scripts().len() {
        places.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let ports: Vec<u16> = places.iter().map(|place| place.local_addr().unwrap().port()).collect();
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let app = App::sample("ACME_TST", "good");
    simulator.add_app(app.clone()).unwrap();
    let house = Installation::initialized();
    house.approve(&simulator);
    approve(&house, &identity, &ports);
    let server = house.serve();
    let socket = house.path("admin.sock");
    upload(&socket, GOOD.to_owned(), simulator.ion_api_file(&app)).await;

    let mut good = TokenServiceClient::new(channel(&socket).await);
    let (mut undisturbed, mut arriving, mut asking) = (Vec::new(), Vec::new(), Vec::new());
    let mut asked = 0;
    let mut places = places.into_iter();
    for ports in ports.chunks(scripts().len()) {
        measure(&mut good, &mut undisturbed).await;
        let servers: Vec<_> = (scripts().into_iter().zip(&mut places))
            .map(|(script, place)| HostileServer::start_on(place, &identity, script))
            .collect();
        let refused = Arc::new(AtomicUsize::new(0));
        let mut callers = call_for_ever(&socket, ports, &refused);
        // All of them have uploaded, or the upload waits for its server.
        while servers.iter().any(|server| server.connections() == 0) {
            sleep(BETWEEN_CALLS / 10).await;
        }
        measure(&mut good, &mut arriving).await;
        // Each was refused a token once: the longest upload waits for its server for 10 seconds.
        while refused.load(Ordering::SeqCst) < ports.len() * CREDENTIALS {
            sleep(BETWEEN_CALLS / 10).await;
        }
        measure(&mut good, &mut asking).await;
        // They end by panic only.
        assert!(callers.try_join_next().is_none(), "a caller did");
        asked += servers.iter().map(HostileServer::connections).sum::<usize>();
    }
    server.stop();
    simulator.shutdown().await;
    let (median, p99) = percentiles(undisturbed);
    println!(
        "a good tenant beside {} credentials at {} hostile servers ({asked} requests to them): \
         undisturbed {median:?}, p99 {p99:?}",
        ports.len() * CREDENTIALS,
        ports.len(),
    );
    for (when, times) in [("are uploaded", arriving), ("ask for tokens", asking)] {
        let disturbed = percentiles(times);
        println!(
            "while they {when}: {:.2} x, p99 {:.2} x ({:?})",
            disturbed.0.div_duration_f64(median),
            disturbed.1.div_duration_f64(p99),
            disturbed.1,
        );
    }
}

/// Silence, floods and drips.
fn scripts() -> Vec<Script> {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    vec![
        Script::in_the_clear(b"", Then::Hang),
        Script::new(b"", Then::Hang),
        Script::new(b"HTTP/1.1 200 OK\r\n", Then::Drip(b"x: y\r\n".as_slice().into())),
        Script::new(b"HTTP/1.1 200 OK\r\n\r\n", Then::Repeat([b' '; 4096].as_slice().into())),
        Script::new(b"", Then::Repeat(b"HTTP/1.1 100 Continue\r\n\r\n".as_slice().into())),
        Script::new(chunked, Then::Repeat(b"1\r\n \r\n".as_slice().into())),
        Script::new(b"HTTP/1.1 500 Failed\r\ncontent-length: 0\r\n\r\n", Then::End),
        Script::new(b"", Then::Break),
    ]
}

fn approve(house: &Installation, identity: &Identity, ports: &[u16]) {
    house.write("hostile-ca.pem", &identity.authority_pem);
    let ca = house.path("hostile-ca.pem");
    let mut configuration = house.read("ionvault.toml");
    for port in ports {
        configuration += &format!(
            "[[egress.host]]\nhost = \"localhost\"\nport = {port}\nca = {ca:?}\n\
             private_addresses = true\n"
        );
    }
    house.write("ionvault.toml", configuration);
}

/// Callers with credentials that point to these servers, who ask again when they were refused,
/// until this is dropped.
fn call_for_ever(socket: &Path, ports: &[u16], refused: &Arc<AtomicUsize>) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for port in ports {
        for credential in 0..CREDENTIALS {
            let name = format!("tenants/p{port}/credentials/c{credential}");
            let file = json!({
                "ti": "EVIL_TST", "cn": "invented", "dt": "12",
                "ci": format!("EVIL_TST~{credential}"), "cs": "invented",
                "pu": format!("https://localhost:{port}/"), "ot": "token",
            });
            let (socket, refused) = (socket.to_owned(), Arc::clone(refused));
            callers.spawn(async move {
                upload(&socket, name.clone(), file.to_string().into()).await;
                let mut tokens = TokenServiceClient::new(channel(&socket).await);
                for calls in 0.. {
                    let answer = tokens.issue_token(issue(&name)).await;
                    assert!(answer.is_err(), "{name} gave a token");
                    refused.fetch_add(usize::from(calls == 0), Ordering::SeqCst);
                    sleep(BETWEEN_CALLS).await;
                }
            });
        }
    }
    callers
}

async fn upload(socket: &Path, name: String, ion_api_file: Vec<u8>) {
    let request = UploadCredentialRequest { name, ion_api_file, ..Default::default() };
    let mut credentials = CredentialServiceClient::new(channel(socket).await);
    credentials.upload_credential(request).await.unwrap();
}

/// Calls of somebody else, each of which must succeed.
async fn measure(tokens: &mut TokenServiceClient<Channel>, times: &mut Vec<Duration>) {
    for _ in 0..CALLS {
        let began = Instant::now();
        tokens.issue_token(issue(GOOD)).await.unwrap();
        times.push(began.elapsed());
    }
}

fn issue(name: &str) -> IssueTokenRequest {
    IssueTokenRequest { name: name.to_owned(), ..Default::default() }
}

/// The median and the 99th percentile.
fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

async fn channel(socket: &Path) -> Channel {
    let socket: PathBuf = socket.to_owned();
    let connector = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost").connect_with_connector(connector).await.unwrap()
}

/// What callers wait who are told to come back later, at the least.
const BETWEEN_CALLS: Duration = Duration::from_secs(1);
