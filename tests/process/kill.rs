//! kill -9 of a vault that many call: what was answered is in the audit log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ionvault::audit::verify;
use rustix::process::Signal;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::clients::channel;
use super::installation::{Installation, Server};
use super::load::{Answered, Caller, serve_with_token, until_an_error};
use super::program::{Ended, Program};
use super::records::Records;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_that_was_answered_before_a_kill_is_in_the_audit_log() {
    let full_size = std::env::var_os("IONVAULT_TEST_FULL").is_some_and(|value| value == "1");
    let rounds = if full_size { 100 } else { 10 };
    let (house, key) = Installation::initialized_with_key();
    house.replace("ionvault.toml", "[store]", "[audit]\ncheckpoint_seconds = 1\n[store]");
    let (simulator, mut server) = serve_with_token(&house).await;
    let log = house.path("data/audit");
    let (mut records, mut answered, mut witnessed) = (Records::new(log.clone()), vec![], vec![]);
    let (mut began, mut starts_killed) = (Duration::ZERO, 0);
    for round in 0..rounds {
        let at = answered.len();
        load_and_kill(&house, server, round, &mut answered).await;
        records.read();
        let missing = records.missing(&answered[at..]);
        assert!(missing.is_empty(), "round {round}: {missing:#?}");
        witnessed.push(house.read("data/audit/checkpoint"));
        if round % KILLED_STARTS == 1 {
            kill_while_it_starts(&house, began.mul_f64(random(100) as f64 / 100.0)).await;
            starts_killed += 1;
        }
        let now = Instant::now();
        server = house.serve();
        began = now.elapsed();
        if round % VERIFIED == 1 {
            verified(&log, &key, &witnessed);
        }
    }
    server.stop();
    // All of it again, as the last recovery left it.
    let mut records = Records::new(log.clone());
    records.read();
    let missing = records.missing(&answered);
    assert!(missing.is_empty(), "{missing:#?}");
    verified(&log, &key, &witnessed);
    said_sound(&house, &key, &witnessed);
    println!(
        "kill -9: {rounds} rounds and {starts_killed} starts, {} calls answered, 0 not in the log, 0 \
         findings",
        answered.len()
    );
    simulator.shutdown().await;
}

/// Some callers, and the kill when so many of their calls were answered. There are others in
/// flight then.
async fn load_and_kill(
    house: &Installation,
    server: Server,
    round: u64,
    answered: &mut Vec<Answered>,
) {
    let mut callers = Vec::new();
    for number in 1..=CALLERS {
        let channel = channel(&house.path("admin.sock")).await;
        callers.push(Caller::new(channel, round << 8 | number, 8));
    }
    let count = Arc::new(watch::Sender::new(0));
    let mut calling = until_an_error(callers, &count);
    let calls = 1 + random(ANSWERS_MAX);
    let mut counted = count.subscribe();
    tokio::select! {
        enough = counted.wait_for(|count| *count >= calls) => drop(enough.unwrap()),
        ended = calling.join_next() => panic!("{:?}", ended.unwrap().unwrap().error),
    }
    server.program.signal(Signal::KILL);
    while let Some(ended) = calling.join_next().await {
        let ended = ended.unwrap();
        let reason = ended.error.get_details_error_info();
        assert!(reason.is_none(), "the vault answered, though not well: {:?}", ended.error);
        assert_ne!(ended.error.code(), Code::Ok);
        answered.extend(ended.answered);
    }
    died(tokio::task::block_in_place(|| server.program.end()));
}

/// Kills it on its way; nothing hangs on how far it comes.
async fn kill_while_it_starts(house: &Installation, after: Duration) {
    let program = Program::spawn(house.command(&["serve"]));
    tokio::time::sleep(after).await;
    program.signal(Signal::KILL);
    died(tokio::task::block_in_place(|| program.end()));
}

fn died(ended: Ended) {
    assert_eq!(ended.code, None, "it ended by itself: {ended:#?}");
}

fn verified(log: &Path, key: &str, witnessed: &[String]) {
    let report = verify(log, key, witnessed).unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
}

/// What the program says, with the checkpoints before each kill.
fn said_sound(house: &Installation, key: &str, witnessed: &[String]) {
    let mut words = vec!["audit".to_owned(), "verify".to_owned()];
    words.push(house.path("data/audit").display().to_string());
    words.extend(["--verifier-key".to_owned(), key.to_owned(), "--checkpoint".to_owned()]);
    for (number, note) in witnessed.iter().enumerate() {
        let name = format!("{number}.checkpoint");
        house.write(&name, note);
        words.push(house.path(&name).display().to_string());
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ended = house.run(&words);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.stdout.starts_with("Sound: "), "{ended:#?}");
}

/// A number below that.
fn random(below: usize) -> usize {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes) as usize % below
}

const CALLERS: u64 = 4;

/// Up to so many answers come before a kill.
const ANSWERS_MAX: usize = 120;

/// Each so many rounds a start is killed, too.
const KILLED_STARTS: u64 = 10;

/// Each so many rounds everything is verified.
const VERIFIED: u64 = 10;
