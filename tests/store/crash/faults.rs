//! Disks that fail: every write and sync of the files that matter, one after the other.

use std::process::Output;

use ionvault::adapters::SledStore;

use super::history::{Counts, check};
use super::{amount, roles};
use crate::samples::new_sled;

/// Which calls fail, and how. `+`: from then on all of them, as on a full disk.
const FAULTS: [(&str, &str, &str); 10] = [
    ("pwrite64", "ENOSPC", "+"),
    ("pwrite64", "ENOSPC", ""),
    ("pwrite64", "EIO", ""),
    ("fdatasync", "EIO", ""),
    ("fdatasync", "ENOSPC", "+"),
    ("sync_file_range", "EIO", ""),
    ("sync_file_range", "ENOSPC", "+"),
    ("fsync", "EIO", "+"),
    ("write", "ENOSPC", ""),
    ("rename", "EIO", ""),
];

#[tokio::test]
async fn a_failing_disk_loses_nothing_that_was_acknowledged() {
    if !roles::strace_works() {
        return;
    }
    let (mut runs, mut failed, mut refused) = (0, 0, 0);
    for (call, error, from_then_on) in FAULTS {
        let mut at = 1;
        loop {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("store");
            new_sled(&path).close().await.unwrap();
            let inject = format!("inject={call}:error={error}:when={at}{from_then_on}");
            let output = run(&path, call, &inject);
            let text = String::from_utf8_lossy(&output.stdout);
            let mut counts = Counts::default();
            for line in text.lines() {
                roles::count(&mut counts, line);
            }
            let store = SledStore::open(&path).unwrap_or_else(|error| panic!("{inject}: {error}"));
            check(&store, &counts).await.unwrap_or_else(|lost| panic!("{inject}: {lost}"));
            store.close().await.unwrap();
            runs += 1;
            failed += usize::from(text.contains("failed well"));
            refused += usize::from(text.contains("refused"));
            let done = text.contains("done");
            assert!(
                done || text.contains("failed well") || text.contains("refused"),
                "{inject}: it neither worked nor failed well: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            // sled ignores a failure of its own `fsync`; it is not relied on.
            if done && (call != "fsync" || at > amount(8, 30)) {
                break;
            }
            at += if call == "fsync" { 1 } else { amount(7, 1) };
        }
    }
    assert!(failed > 0 && refused > 0);
    println!(
        "disk faults: {runs} runs, {failed} failed while writing, {refused} while opening, 0 lost"
    );
}

/// Writes a little while one kind of call fails on the files that matter.
fn run(path: &std::path::Path, call: &str, inject: &str) -> Output {
    let mut tracing = vec!["-o".to_owned(), "/dev/null".to_owned()];
    for file in ["db/db", "db.trial/db", "progress", "store.json.new", "keyring.new", "."] {
        let file = if file == "." { path.to_owned() } else { path.join(file) };
        tracing.extend(["-P".to_owned(), file.to_str().unwrap().to_owned()]);
    }
    tracing.extend(["-e".to_owned(), format!("trace={call}"), "-e".to_owned(), inject.to_owned()]);
    roles::command("write", path, 6, &tracing).output().unwrap()
}
