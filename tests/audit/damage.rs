//! Opening a log that was tampered with, or that a kill or power cut left.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use ionvault::audit::{Damage, OpenAuditError};

use crate::samples::{
    Running, assert_sound, closed_log, copy, open, record, segments, settings, try_open,
};

/// What opening a copy says, after something was done to it.
fn opened(log: &Path, change: impl FnOnce(&Path)) -> Result<(), OpenAuditError> {
    let dir = tempfile::tempdir().unwrap();
    let copied = dir.path().join("copied");
    copy(log, &copied);
    change(&copied);
    try_open(&copied, settings()).map(drop)
}

#[tokio::test]
async fn a_log_without_what_was_signed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    closed_log(&log, 100).await;
    let flip = |path: &Path, at: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let cut = |path: &Path, records: usize| {
        let bytes = fs::read(path).unwrap();
        let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        fs::write(path, lines[..records].concat()).unwrap();
    };
    let remove = |path: &Path| fs::remove_file(path).unwrap();
    type Change<'a> = Box<dyn FnOnce(&Path) + 'a>;
    let cases: Vec<(Change<'_>, &str)> = vec![
        (Box::new(|dir| flip(&segments(dir)[0], 2)), "Missing(0)"),
        (Box::new(|dir| flip(&segments(dir)[0], 150)), "Changed(0)"),
        (Box::new(|dir| cut(&segments(dir)[0], 99)), "Missing(99)"),
        (Box::new(|dir| remove(&segments(dir)[0])), "Missing(0)"),
        (Box::new(|dir| flip(&dir.join("hashes"), 196 * 32)), "Hashes(100)"),
        (Box::new(|dir| flip(&dir.join("hashes"), 3 * 32)), "Changed(2)"),
        (Box::new(|dir| remove(&dir.join("hashes"))), "Hashes(100)"),
        (Box::new(|dir| remove(&dir.join("checkpoint"))), "NoCheckpoint"),
        (Box::new(|dir| flip(&dir.join("checkpoint"), 42)), "Checkpoint(Forged)"),
        (Box::new(|dir| fs::write(dir.join("checkpoint"), "").unwrap()), "Checkpoint(Shape)"),
    ];
    for (change, expected) in cases {
        match opened(&log, change) {
            Err(OpenAuditError::Damaged(damage)) => assert_eq!(format!("{damage:?}"), expected),
            other => panic!("{other:?} instead of {expected}"),
        }
    }
    assert!(opened(&log, |_| ()).is_ok());
}

#[tokio::test]
async fn a_record_that_was_hashed_and_not_signed_must_be_there_too() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let running = Running::start(open(&log));
    let last = record(&running.log, 50);
    running.log.synced(last).await.unwrap();
    // Hashed in the same round, or the one before this.
    let last = record(&running.log, 1);
    running.log.synced(last).await.unwrap();
    let result = opened(&log, |dir| {
        let path = segments(dir).remove(0);
        let bytes = fs::read(&path).unwrap();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap();
        let lines: Vec<_> = bytes[..end].split_inclusive(|byte| *byte == b'\n').collect();
        fs::write(&path, lines[..20].concat()).unwrap();
    });
    assert!(matches!(result, Err(OpenAuditError::Damaged(Damage::Missing(20)))), "{result:?}");
    running.stop().await;
}

#[tokio::test]
async fn a_torn_line_is_removed_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let key = closed_log(&log, 30).await;
    let path = segments(&log).remove(0);
    let end = fs::read(&path).unwrap().iter().position(|byte| *byte == 0).unwrap() as u64;
    let segment = OpenOptions::new().write(true).open(&path).unwrap();
    segment.write_all_at(b"{\"v\":1,\"sequence\":30,\"ti", end).unwrap();
    // A page that a power cut left, behind one that it took.
    segment.write_all_at(b"\"}\n{\"v\":1}\n", end + 9_000).unwrap();
    let running = Running::start(open(&log));
    assert_eq!(record(&running.log, 5), 34);
    running.stop().await;
    assert_sound(&log, &key, 35);
}

#[tokio::test]
async fn records_of_a_newer_version_are_not_taken_for_torn() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    closed_log(&log, 30).await;
    let path = segments(&log).remove(0);
    let end = fs::read(&path).unwrap().iter().position(|byte| *byte == 0).unwrap() as u64;
    let segment = OpenOptions::new().write(true).open(&path).unwrap();
    segment.write_all_at(b"{\"v\":2,\"sequence\":30}\n", end).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = try_open(&log, settings()).map(drop);
    assert!(matches!(refused, Err(OpenAuditError::Newer(30))), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}
