//! SIGTERM while a call waits for Infor.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use ionvault::simulator::{App, Simulator, SimulatorConfig};
use rustix::process::Signal;

use super::installation::{Installation, Server};
use super::program::Program;

/// A vault with one credential, whose next token Infor withholds until it is released.
struct Waiting {
    house: Installation,
    simulator: Simulator,
    server: Server,
    call: Program,
}

async fn waiting(drain_seconds: u64) -> Waiting {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let app = App::sample("ACME_TST", "DocBits");
    simulator.add_app(app.clone()).unwrap();
    let house = Installation::initialized();
    house.approve(&simulator);
    house.replace("ionvault.toml", "[store]", &format!("drain_seconds = {drain_seconds}\n[store]"));
    let server = house.serve();
    house.write("DocBits.ionapi", simulator.ion_api_file(&app));
    let file = house.path("DocBits.ionapi").display().to_string();
    assert_eq!(house.run(&["upload", "acme/infor", &file, "--verification", "skip"]).code, Some(0));
    simulator.hold();
    let call = Program::spawn(house.command(&["token", "acme/infor", "--output", "json"]));
    simulator.held(1).await;
    Waiting { house, simulator, server, call }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_in_flight_finishes_and_new_ones_are_refused() {
    let Waiting { house, simulator, mut server, call } = waiting(60).await;
    server.program.signal(Signal::TERM);
    server.program.says("SIGTERM: draining");
    // One line for each of the two listeners.
    for _ in 0..2 {
        server.program.says("closed; calls in flight may finish");
    }
    assert!(TcpStream::connect(server.mtls).is_err());
    assert!(UnixStream::connect(house.path("admin.sock")).is_err());
    assert_eq!((server.probe("/livez"), server.probe("/readyz")), (200, 503));
    // The supervisor said it once, and a second time changes nothing.
    server.program.signal(Signal::TERM);

    simulator.release();
    let ended = call.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let token: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(token["inforTenant"], "ACME_TST");
    server.stopped();
    assert_eq!(simulator.requests().password, 1);

    // What was acknowledged is there, and the store needs no repair.
    let server = house.serve();
    let shown = house.run(&["show", "acme/infor", "--output", "json"]);
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    server.stop();
    simulator.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_call_that_outlasts_the_grace_is_cut_and_the_exit_code_says_so() {
    let Waiting { house: _house, simulator, server, call } = waiting(1).await;
    server.program.signal(Signal::TERM);
    let cut = call.end();
    assert_eq!(cut.code, Some(6), "{cut:#?}");
    simulator.release();
    let ended = server.program.end();
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let report = ended.said.last().unwrap();
    assert_eq!(
        report,
        "error: 1 connections were still at work when the time of grace was over, and were cut"
    );
    simulator.shutdown().await;
}

/// A watcher would never leave by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_watcher_is_sent_away_and_holds_nobody_up() {
    let Waiting { house, simulator, server, call } = waiting(600).await;
    let mut watcher = Program::spawn(house.command(&["watch", "acme/infor", "--output", "json"]));
    simulator.release();
    assert_eq!(call.end().code, Some(0));
    // It has its stream and its token: the next that it hears is the end.
    let event = watcher.prints();
    let event: serde_json::Value = serde_json::from_str(&event).unwrap();
    assert_eq!(event["token"]["inforTenant"], "ACME_TST");
    server.program.signal(Signal::TERM);
    watcher.says("this connection is about to end: call again, on another; watching again in");
    // With exit code 0: no connection was cut.
    server.stopped();
    let left = watcher.end();
    assert_eq!(left.code, Some(6), "the vault is gone: {left:#?}");
    simulator.shutdown().await;
}
