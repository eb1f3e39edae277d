//! What a tenant notices of other tenants' hostile authorization servers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::simulator::{App, Simulator, SimulatorConfig};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use super::clients::{channel, issue, upload};
use super::installation::Installation;
use crate::server::{HostileServer, Identity, Script, Then};

const GOOD: &str = "tenants/good/credentials/infor";
/// Credentials that point to each hostile server.
const CREDENTIALS: usize = 4;
/// Undisturbed and disturbed in turn, so that a busy machine disturbs both alike.
const ROUNDS: usize = 3;
const CALLS: usize = 2000;

/// Each round has neighbours of its own, whose servers nobody has learned to avoid: first as many at
/// good servers, since a crowd that uploads costs something wherever its files point to, then those
/// at hostile ones. Prints the ratios of the percentiles; they are no assertion, since a busy machine
/// would fail it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_served_while_others_point_to_hostile_servers() {
    let identity = Identity::generate();
    let mut places = Vec::new();
    for _ in 0..ROUNDS * scripts().len() {
        places.push(TcpListener::bind("127.0.0.1:0").await.unwrap());
    }
    let ports: Vec<u16> = places.iter().map(|place| place.local_addr().unwrap().port()).collect();
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let house = Installation::initialized();
    house.approve(&simulator);
    approve(&house, &identity, &ports);
    // One caller asks for one tenant's tokens as fast as it can.
    let configuration = house.read("ionvault.toml");
    let limits = "[limits]\ncalls_per_second_per_caller = 1000000\n\
                  calls_per_second_per_tenant = 1000000\n";
    house.write("ionvault.toml", configuration + limits);
    let server = house.serve();
    let socket = house.path("admin.sock");
    upload(&socket, GOOD.to_owned(), good_file(&simulator, "ACME_TST")).await;

    let mut good = TokenServiceClient::new(channel(&socket).await);
    let [mut alone, mut good_uploads, mut uploads, mut requests] = [const { Vec::new() }; 4];
    let mut asked = 0;
    let mut places = places.into_iter();
    for ports in ports.chunks(scripts().len()) {
        measure(&mut good, &mut alone).await;
        let mut neighbours = Neighbours::arrive(&socket, at_good_servers(&simulator, ports), true);
        measure(&mut good, &mut good_uploads).await;
        neighbours.have_been_answered().await;
        drop(neighbours);
        let servers: Vec<_> = (scripts().into_iter().zip(&mut places))
            .map(|(script, place)| HostileServer::start_on(place, &identity, script))
            .collect();
        let mut neighbours = Neighbours::arrive(&socket, at_hostile_servers(ports), false);
        measure(&mut good, &mut uploads).await;
        // Who waits longest is the one whose upload waits 10 seconds for its server, then asks.
        neighbours.have_been_answered().await;
        measure(&mut good, &mut requests).await;
        asked += servers.iter().map(HostileServer::connections).sum::<usize>();
    }
    server.stop();
    simulator.shutdown().await;
    let alone = percentiles(alone);
    println!(
        "a good tenant, alone: median {:?}, p99 {:?}; beside {} credentials at {} hostile servers, \
         to which {asked} requests went:",
        alone.0,
        alone.1,
        ports.len() * CREDENTIALS,
        ports.len(),
    );
    for (when, times) in [
        ("as many files for good servers are uploaded", good_uploads),
        ("their files are uploaded", uploads),
        ("they ask for tokens", requests),
    ] {
        let (median, p99) = percentiles(times);
        println!(
            "while {when}: median {:.2} x, p99 {:.2} x ({p99:?})",
            median.div_duration_f64(alone.0),
            p99.div_duration_f64(alone.1),
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

/// Credentials that share the vault with the good tenant's, and a caller for each.
struct Neighbours {
    callers: JoinSet<()>,
    count: usize,
    answered: Arc<AtomicUsize>,
}

impl Neighbours {
    /// All upload their files at once, then ask for a token each second, until this is dropped. They
    /// get one if they are `served`.
    fn arrive(socket: &Path, files: Vec<(String, Vec<u8>)>, served: bool) -> Self {
        let (count, answered) = (files.len(), Arc::new(AtomicUsize::new(0)));
        let mut callers = JoinSet::new();
        for (name, file) in files {
            let (socket, answered) = (socket.to_owned(), Arc::clone(&answered));
            callers.spawn(async move {
                upload(&socket, name.clone(), file).await;
                let mut tokens = TokenServiceClient::new(channel(&socket).await);
                for call in 0.. {
                    let answer = tokens.issue_token(issue(&name)).await;
                    assert_eq!(answer.is_ok(), served, "{name}");
                    answered.fetch_add(usize::from(call == 0), Ordering::SeqCst);
                    sleep(BETWEEN_CALLS).await;
                }
            });
        }
        Self { callers, count, answered }
    }

    /// Waits until each caller was answered once.
    async fn have_been_answered(&mut self) {
        while self.answered.load(Ordering::SeqCst) < self.count {
            // They end by panic only.
            assert!(self.callers.try_join_next().is_none(), "a caller ended");
            sleep(BETWEEN_CALLS / 10).await;
        }
    }
}

fn at_hostile_servers(ports: &[u16]) -> Vec<(String, Vec<u8>)> {
    let files = |port: u16| {
        (0..CREDENTIALS).map(move |credential| {
            let file = json!({
                "ti": "EVIL_TST", "cn": "invented", "dt": "12",
                "ci": format!("EVIL_TST~{credential}"), "cs": "invented",
                "pu": format!("https://localhost:{port}/"), "ot": "token",
            });
            (format!("tenants/p{port}/credentials/c{credential}"), file.to_string().into())
        })
    };
    ports.iter().copied().flat_map(files).collect()
}

/// As many, each of an Infor tenant of its own, since each has limits of its own.
fn at_good_servers(simulator: &Simulator, ports: &[u16]) -> Vec<(String, Vec<u8>)> {
    let file = |port: u16, credential: usize| {
        let file = good_file(simulator, &format!("GOOD{port}X{credential}_TST"));
        (format!("tenants/g{port}/credentials/c{credential}"), file)
    };
    let of_port = |port: u16| (0..CREDENTIALS).map(move |credential| file(port, credential));
    ports.iter().copied().flat_map(of_port).collect()
}

fn good_file(simulator: &Simulator, infor_tenant: &str) -> Vec<u8> {
    let app = App::sample(infor_tenant, "good");
    simulator.add_app(app.clone()).unwrap();
    simulator.ion_api_file(&app)
}

/// Calls of somebody else, each of which must succeed.
async fn measure(tokens: &mut TokenServiceClient<Channel>, times: &mut Vec<Duration>) {
    for _ in 0..CALLS {
        let began = Instant::now();
        tokens.issue_token(issue(GOOD)).await.unwrap();
        times.push(began.elapsed());
    }
}

/// The median and the 99th percentile.
fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// What callers wait who are told to come back later, at the least.
const BETWEEN_CALLS: Duration = Duration::from_secs(1);
