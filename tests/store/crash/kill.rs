//! kill -9 under load.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use ionvault::adapters::SledStore;

use super::history::{Counts, check};
use super::{amount, roles, scramble};
use crate::samples::new_sled;

#[tokio::test]
async fn what_was_acknowledged_before_a_kill_is_found_after_it() {
    let rounds = amount(6, 200);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    new_sled(&path).close().await.unwrap();
    let (mut counts, mut acknowledged) = (Counts::default(), 0);
    for round in 0..rounds {
        let mut writer =
            roles::command("write", &path, usize::MAX, &[]).stderr(Stdio::null()).spawn().unwrap();
        let mut left = scramble(round as u64) % 150;
        for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
            if roles::count(&mut counts, &line.unwrap()) {
                acknowledged += 1;
                left = left.saturating_sub(1);
            }
            // What is still in the pipe then was acknowledged before the kill, and is read, too.
            if left == 0 {
                writer.kill().unwrap();
            }
        }
        writer.wait().unwrap();
        let store = SledStore::open(&path).unwrap_or_else(|error| panic!("round {round}: {error}"));
        counts =
            check(&store, &counts).await.unwrap_or_else(|lost| panic!("round {round}: {lost}"));
        assert_eq!(store.blob_files().unwrap(), 0);
        store.close().await.unwrap();
    }
    assert!(acknowledged > rounds);
    println!("kill -9: {rounds} rounds, {acknowledged} acknowledged, 0 lost, 0 unopenable");
}
