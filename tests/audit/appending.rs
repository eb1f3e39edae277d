//! Writing records, and getting them to the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use ionvault::audit::{AuditUnavailable, OpenAuditError, Record};

use crate::samples::{Running, assert_sound, event, open, record, segments, settings, try_open};

#[tokio::test]
async fn a_record_is_in_the_file_when_the_call_may_be_answered() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let sequence = log.admit().unwrap().record(&event(3)).unwrap();
    let text = fs::read(&segments(dir.path())[0]).unwrap();
    let line = text.split(|byte| *byte == b'\n').next().unwrap();
    let read = Record::parse(line).unwrap();
    assert_eq!((read.sequence, read.event), (sequence, event(3)));
}

#[tokio::test]
async fn what_is_synced_and_signed_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    let last = record(&running.log, 100);
    running.log.synced(last).await.unwrap();
    let checkpoint = running.log.new_checkpoint().await.unwrap();
    assert_eq!(checkpoint.size, 100);
    let key = running.log.verifier_key().to_owned();
    assert_sound(dir.path(), &key, 100);
    record(&running.log, 11);
    running.stop().await;
    assert_sound(dir.path(), &key, 111);
    let running = Running::start(open(dir.path()));
    assert_eq!(record(&running.log, 9), 119);
    assert_eq!(running.log.verifier_key(), key);
    running.stop().await;
    assert_sound(dir.path(), &key, 120);
}

#[tokio::test]
async fn full_segments_are_sealed_and_the_next_is_there_before() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    let mut last = 0;
    for _ in 0..10 {
        last = record(&running.log, 1_000);
        running.log.synced(last).await.unwrap();
    }
    let key = running.log.verifier_key().to_owned();
    running.stop().await;
    let segments = segments(dir.path());
    assert!(segments.len() > 2, "{segments:?}");
    for sealed in &segments[..segments.len() - 1] {
        assert_eq!(fs::metadata(sealed).unwrap().permissions().mode() & 0o777, 0o400);
        assert_eq!(fs::read(sealed).unwrap().last(), Some(&b'\n'));
    }
    assert!(dir.path().join("spare").exists());
    assert_sound(dir.path(), &key, last + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_that_write_at_once_share_one_order() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    let log = Arc::new(running.log.clone());
    let writers = (0..4).map(|_| {
        let log = Arc::clone(&log);
        std::thread::spawn(move || record(&log, 500))
    });
    let writers: Vec<_> = writers.collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let key = log.verifier_key().to_owned();
    running.stop().await;
    assert_sound(dir.path(), &key, 2_000);
}

#[tokio::test]
async fn who_is_in_is_recorded_and_nobody_is_let_in_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    let (log, permit) = (running.log.clone(), running.log.admit().unwrap());
    running.stop().await;
    assert_eq!(log.admit().err(), Some(AuditUnavailable::Closed));
    let late = permit.record(&event(1)).unwrap();
    assert_eq!(log.synced(late).await, Err(AuditUnavailable::Closed));
}

#[tokio::test]
async fn no_more_are_let_in_than_there_is_room_for() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let mut permits = Vec::new();
    let refused = loop {
        match log.admit() {
            Ok(permit) => permits.push(permit),
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused, AuditUnavailable::Busy);
    // An unused permit makes room for another, and all that were let in can be recorded, each with
    // the longest record.
    drop(permits.pop());
    permits.push(log.admit().unwrap());
    let mut longest = event(1);
    longest.caller = "\"".repeat(5_000).into();
    longest.requested_by = "\\".repeat(5_000).into();
    let count = permits.len();
    for permit in permits {
        permit.record(&longest).unwrap();
    }
    println!("{count} permits of two short segments");
    assert!(count > 190);
}

#[tokio::test]
async fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    assert!(matches!(try_open(dir.path(), settings()), Err(OpenAuditError::InUse)));
    drop(log);
    open(dir.path());
}
