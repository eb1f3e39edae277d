//! A kill before each single operation that changes what the directory holds, also while the log is
//! being opened after an earlier kill.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use ionvault::audit::{AuditLog, AuditSettings, Event};

use crate::samples::{Running, record, settings, try_open, verified};
use crate::{amount, child};

#[tokio::test]
async fn whichever_operation_a_kill_comes_before_the_log_opens_and_verifies() {
    if !child::works(&["strace", "-f", "-o", "/dev/null", "true"]) {
        return;
    }
    let mut kills = 0;
    for operation in OPERATIONS {
        // Until the scenario has no operation of that number.
        for number in (1..).step_by(amount(6, 1)) {
            if !survives(operation, number).await {
                break;
            }
            kills += 1;
        }
    }
    println!("kill before each operation: {kills} operations, 0 lost, 0 findings");
    assert!(kills >= amount(15, 60), "there were {kills} kills only");
}

/// Kills the scenario before that operation, and a second one over what is left, which is on its way
/// to open it or goes on with it. `false` if the first came to its end.
async fn survives(operation: &str, number: usize) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let first = run(operation, number, &log);
    if first.finished {
        return false;
    }
    let second = run(OPERATIONS[number % OPERATIONS.len()], number % 3 + 1, &log);
    let told = first.told.max(second.told);
    let opened = try_open(&log, scenario());
    let opened = opened.unwrap_or_else(|error| panic!("{operation} {number}: {error:?}"));
    let running = Running::start(opened);
    let next = record(&running.log, 3) - 2;
    assert!(next >= told, "{operation} {number}: {told} were told of, {next} are there");
    let key = running.log.verifier_key().to_owned();
    running.stop().await;
    let report = verified(&log, &key);
    assert!(report.is_sound(), "{operation} {number}: {:#?}", report.findings);
    assert_eq!(report.records, next + 3 - report.first, "{operation} {number}");
    true
}

struct Run {
    /// How many records it told of.
    told: u64,
    /// Whether it came to its end.
    finished: bool,
}

/// Runs the scenario, to be killed before that operation. The log is opened and committed on one
/// thread, whose operations of each kind are counted.
fn run(operation: &str, number: usize, log: &std::path::Path) -> Run {
    let inject = format!("inject={operation}:signal=KILL:when={number}");
    let trace = format!("trace={operation}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let mut writer = child::command(&strace, "steps::role_scenario", log).spawn().unwrap();
    let mut run = Run { told: 0, finished: false };
    for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(sequence) = line.strip_prefix("recorded ") {
            run.told = sequence.parse::<u64>().unwrap() + 1;
        }
        run.finished |= line == "finished";
    }
    writer.wait().unwrap();
    run
}

/// All that change the directory, or what is durable, save the writing of bytes: a kill before one of
/// these is a kill after the writes before it.
const OPERATIONS: [&str; 9] = [
    "rename",
    "fsync",
    "fdatasync",
    "unlink",
    "fallocate",
    "ftruncate",
    "fchmod",
    "chmod",
    "mkdir",
];

/// Everything that was recorded under the checkpoint before is old enough to go.
fn scenario() -> AuditSettings {
    AuditSettings { retention: Some(Duration::ZERO), ..settings() }
}

#[test]
#[ignore = "a role of another test"]
fn role_scenario() {
    let Some(dir) = child::dir() else { return };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().max_blocking_threads(1).build().unwrap();
    runtime.block_on(write(dir));
}

async fn write(dir: std::path::PathBuf) {
    // On the thread that will commit, too.
    let opened = tokio::task::spawn_blocking(move || try_open(&dir, scenario()).unwrap());
    let running = Running::start(opened.await.unwrap());
    for _ in 0..6 {
        large_records(&running.log, 60);
        running.log.new_checkpoint().await.unwrap();
    }
    let last = large_records(&running.log, 1);
    running.log.synced(last).await.unwrap();
    running.stop().await;
    println!("finished");
}

/// A hundred of them fill a segment.
fn large_records(log: &AuditLog, count: u64) -> u64 {
    let event = Event {
        caller: "\"".repeat(2_560).into(),
        requested_by: "\\".repeat(1_024).into(),
        ..Event::default()
    };
    let mut last = 0;
    for _ in 0..count {
        last = log.admit().unwrap().record(&event).unwrap();
        println!("recorded {last}");
    }
    last
}
