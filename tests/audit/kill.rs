//! kill -9 of a process that writes: every record that it told of must be found.

use std::io::{BufRead, BufReader};

use ionvault::audit::{AuditLog, Filter, Order, PageQuery};

use crate::samples::{Running, assert_sound, event, open};
use crate::{amount, child};

#[tokio::test]
async fn what_was_recorded_before_a_kill_is_found_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let rounds = amount(10, 100);
    let (mut told, mut checked) = (0, 0);
    for round in 0..rounds {
        let mut writer = child::command(&[], "kill::role_writer", &log).spawn().unwrap();
        let (mut left, before) = (40 + round * 7919 % 700, told);
        for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
            let Some(sequence) = line.unwrap().strip_prefix("recorded ").map(str::to_owned) else {
                continue;
            };
            told = sequence.parse::<u64>().unwrap() + 1;
            left = left.saturating_sub(1);
            // What is still in the pipe then was told before the kill, and is read, too.
            if left == 0 {
                writer.kill().unwrap();
            }
        }
        writer.wait().unwrap();
        assert!(told > before, "round {round}: nothing was written");
        let found = open(&log);
        checked = check(&found, checked).await;
        assert!(checked >= told, "round {round}: {told} records were told of, {checked} are there");
        told = checked;
    }
    let running = Running::start(open(&log));
    let key = running.log.verifier_key().to_owned();
    running.stop().await;
    assert_sound(&log, &key, checked);
    println!("kill -9: {rounds} rounds, {checked} records, 0 lost, 0 findings");
}

/// Compares the records from that one on with what was written; returns how many there are.
async fn check(log: &AuditLog, from: u64) -> u64 {
    let mut from = Some(from);
    let mut count = 0;
    while let Some(next) = from {
        count = count.max(next);
        let query = PageQuery { order: Order::OldestFirst, from, records_max: 1_000 };
        let page = log.list(Filter::default(), query).await.unwrap();
        for record in page.records {
            assert_eq!(record.event, event(record.sequence));
            count = record.sequence + 1;
        }
        from = page.next;
    }
    count
}

/// Writes until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a role of another test"]
async fn role_writer() {
    let Some(dir) = child::dir() else { return };
    let running = Running::start(open(&dir));
    let mut number = check(&running.log, 0).await;
    loop {
        let sequence = running.log.admit().unwrap().record(&event(number)).unwrap();
        assert_eq!(sequence, number);
        println!("recorded {sequence}");
        number += 1;
        if number.is_multiple_of(100) {
            running.log.new_checkpoint().await.unwrap();
        }
    }
}
