//! Checkpoints that are told to somebody else.

use std::fs;

use ionvault::audit::{AuditSettings, Witnesses, verify};

use crate::samples::{Running, copy, record, settings, try_open};

#[tokio::test]
async fn what_a_witness_was_told_contradicts_a_log_whose_end_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let (log, witness) = (dir.path().join("log"), dir.path().join("witness"));
    fs::create_dir(&witness).unwrap();
    let witnesses = Witnesses { directory: Some(witness.clone()), log: false };
    let settings = AuditSettings { witnesses, ..settings() };
    let running = Running::start(try_open(&log, settings.clone()).unwrap());
    let key = running.log.verifier_key().to_owned();
    record(&running.log, 10);
    running.stop().await;
    copy(&log, &dir.path().join("older"));
    let running = Running::start(try_open(&log, settings).unwrap());
    record(&running.log, 10);
    running.stop().await;

    let mut told: Vec<_> =
        fs::read_dir(&witness).unwrap().map(|entry| entry.unwrap().path()).collect();
    told.sort();
    let sizes: Vec<_> =
        told.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert!(sizes.last().unwrap().starts_with("00000000000000000020-"), "{sizes:?}");
    let notes: Vec<_> = told.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert!(verify(&log, &key, &notes).unwrap().is_sound());
    let report = verify(&dir.path().join("older"), &key, &notes).unwrap();
    let finding = report.findings.last().unwrap();
    assert_eq!(finding.sequence, Some(10), "{finding}");
    assert!(finding.what.contains("20 records were signed"), "{finding}");
}

#[tokio::test]
async fn a_witness_that_is_away_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let witnesses = Witnesses { directory: Some(dir.path().join("away")), log: false };
    let settings = AuditSettings { witnesses, ..settings() };
    let running = Running::start(try_open(&dir.path().join("log"), settings).unwrap());
    let last = record(&running.log, 10);
    running.log.synced(last).await.unwrap();
    assert_eq!(running.log.new_checkpoint().await.unwrap().size, 10);
    running.stop().await;
}
