//! Removing old segments.

use std::time::Duration;

use ionvault::audit::{AuditSettings, Filter, Order, PageQuery, verify};

use crate::samples::{Running, record, segments, settings, try_open, verified};

#[tokio::test]
async fn old_segments_go_and_what_is_left_still_verifies_and_is_proven() {
    let dir = tempfile::tempdir().unwrap();
    // The clock goes on by a second with each record.
    let kept = AuditSettings { retention: Some(Duration::from_secs(6_000)), ..settings() };
    let running = Running::start(try_open(dir.path(), kept.clone()).unwrap());
    let log = &running.log;
    let mut witnessed = Vec::new();
    for _ in 0..20 {
        record(log, 1_000);
        witnessed.push(log.new_checkpoint().await.unwrap().note.clone());
    }
    let key = log.verifier_key().to_owned();
    let first = log.checkpoint().kept_from;
    assert!(first > 8_000, "{first}");
    assert_eq!(log.event(first - 1).await.unwrap(), None);
    assert_eq!(log.event(first).await.unwrap().unwrap().sequence, first);
    let query = PageQuery { order: Order::OldestFirst, from: Some(3), records_max: 1 };
    let page = log.list(Filter::default(), query).await.unwrap();
    assert_eq!(page.records[0].sequence, first);
    let proof = log.prove(3, log.checkpoint().size).await.unwrap();
    assert!(proof.line.is_empty() && !proof.hashes.is_empty());
    running.stop().await;

    let report = verify(dir.path(), &key, &witnessed).unwrap();
    assert!(report.is_sound(), "{:#?}", report.findings);
    assert_eq!(report.records, 20_000 - report.first);

    // It opens again, goes on, and one segment too many is still missed.
    let running = Running::start(try_open(dir.path(), kept).unwrap());
    record(&running.log, 10);
    running.stop().await;
    let report = verified(dir.path(), &key);
    assert!(report.is_sound(), "{:#?}", report.findings);
    std::fs::remove_file(&segments(dir.path())[0]).unwrap();
    assert!(!verified(dir.path(), &key).is_sound());
}

#[tokio::test]
async fn the_newest_records_stay_however_old_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let kept = AuditSettings { retention: Some(Duration::ZERO), ..settings() };
    let running = Running::start(try_open(dir.path(), kept).unwrap());
    for _ in 0..10 {
        record(&running.log, 1_000);
        let checkpoint = running.log.new_checkpoint().await.unwrap();
        let last = running.log.event(checkpoint.size - 1).await.unwrap();
        assert_eq!(last.unwrap().sequence, checkpoint.size - 1);
    }
    running.stop().await;
}
