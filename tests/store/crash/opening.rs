//! A kill at each write-like system call of opening.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use ionvault::adapters::SledStore;

use super::history::{Counts, check};
use super::{amount, copy, roles};
use crate::samples::new_sled;

/// What changes files, or makes changes durable.
const CALLS: &str = "write,pwrite64,writev,pwritev,copy_file_range,sendfile,rename,renameat,\
                     renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,fsync,fdatasync,\
                     sync_file_range,openat";

#[tokio::test]
async fn a_kill_while_opening_leaves_a_store_that_opens() {
    if !roles::strace_works() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let used = dir.path().join("used");
    let counts = used_and_killed(&used).await;
    let (mut kills, mut runs) = (0, 0);
    // strace counts the calls of each thread by itself. Taken together, the calls of the opening
    // thread are met one by one; taken one by one, those of sled's threads are, too.
    // In short, only what leaves sled's unfinished snapshot is met at each call.
    let alone = CALLS.split(',').filter(|call| amount(0, 1) == 1 || *call == "rename");
    for calls in std::iter::once(CALLS).chain(alone) {
        let step = if calls == CALLS { amount(7, 1) } else { 1 };
        let mut at = 1;
        while killed_at(&used, &dir.path().join("store"), calls, at, &counts).await {
            (kills, at) = (kills + 1, at + step);
        }
        runs += 1;
    }
    assert!(kills > runs);
    println!("opening: killed {kills} times at a call of {runs} kinds, {kills} recovered");
}

/// Opens a copy, kills it at a call, and opens it again; `false` if it made no such call.
async fn killed_at(used: &Path, path: &Path, calls: &str, at: usize, counts: &Counts) -> bool {
    copy(used, path);
    let tracing = [
        ["-o", "/dev/null"].map(str::to_owned),
        ["-e".to_owned(), format!("trace={calls}")],
        ["-e".to_owned(), format!("inject={calls}:signal=SIGKILL:when={at}")],
    ];
    let output = roles::command("open", path, 0, &tracing.concat()).output().unwrap();
    let killed = output.status.signal() == Some(9);
    if !killed {
        assert!(String::from_utf8_lossy(&output.stdout).contains("opened"));
    }
    let place = format!("{calls} {at}");
    let store = SledStore::open(path).unwrap_or_else(|error| panic!("{place}: {error}"));
    let found = check(&store, counts).await.unwrap_or_else(|lost| panic!("{place}: {lost}"));
    assert_eq!(found, *counts);
    store.close().await.unwrap();
    fs::remove_dir_all(path).unwrap();
    killed
}

/// A store with a history, whose process was killed, so that opening has something to recover.
async fn used_and_killed(path: &Path) -> Counts {
    use std::io::{BufRead, BufReader};
    new_sled(path).close().await.unwrap();
    let mut counts = Counts::default();
    let mut writer =
        roles::command("write", path, usize::MAX, &[]).stderr(Stdio::null()).spawn().unwrap();
    let mut acknowledged = 0;
    for line in BufReader::new(writer.stdout.take().unwrap()).lines() {
        acknowledged += u32::from(roles::count(&mut counts, &line.unwrap()));
        if acknowledged > 100 {
            writer.kill().unwrap();
        }
    }
    writer.wait().unwrap();
    // A copy is opened, for opening would tidy the store up.
    let copied = path.with_extension("copy");
    copy(path, &copied);
    let store = SledStore::open(&copied).unwrap();
    let counts = check(&store, &counts).await.unwrap();
    store.close().await.unwrap();
    counts
}
