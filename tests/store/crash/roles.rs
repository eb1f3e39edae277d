//! The processes that are made to crash: this test binary, started again to play one role.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use ionvault::adapters::{SledStore, StoreHealth};
use ionvault::ports::Store as _;

use super::history::{Counts, KEYRING, WRITERS, Writer, found, keyring, keyring_number};
use crate::samples::put;

const DIR: &str = "IONVAULT_TEST_STORE_DIR";
const COMMITS: &str = "IONVAULT_TEST_STORE_COMMITS";

/// The command that plays a role on the store in `dir`, under strace with `tracing` if there is
/// any. A writer makes `commits` commits.
pub(super) fn command(role: &str, dir: &Path, commits: usize, tracing: &[String]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match tracing {
        [] => Command::new(program),
        tracing => {
            let mut command = Command::new("strace");
            command.args(["-f", "-qq"]).args(tracing).arg(program);
            command
        }
    };
    command
        .args(["--exact", &format!("crash::roles::{role}"), "--ignored", "--nocapture"])
        .env(DIR, dir)
        .env(COMMITS, commits.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Whether strace works here. In CI it must.
pub(super) fn strace_works() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=none", "true"])
        .stderr(Stdio::null())
        .status();
    if tried.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "CI needs a working strace");
    eprintln!("SKIPPED: strace is missing, or may not trace here");
    false
}

/// What a line of a role's output acknowledges.
pub(super) fn acknowledgement(line: &str) -> Option<(usize, u64)> {
    // The harness may have left words of its own before it on the line.
    let (_, words) = line.split_once("ack ")?;
    let (writer, number) = words.split_once(' ')?;
    Some((writer.parse().ok()?, number.trim_end().parse().ok()?))
}

/// Takes note of an acknowledgement, if the line is one.
pub(super) fn count(counts: &mut Counts, line: &str) -> bool {
    let Some((writer, number)) = acknowledgement(line) else { return false };
    counts[writer] = number;
    true
}

/// Acknowledges to the other process, and remembers it.
fn tell(told: &Mutex<Counts>, writer: usize, number: u64) {
    told.lock().unwrap()[writer] = number;
    say(&format!("ack {writer} {number}"));
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(format!("{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

async fn replace_keyrings(store: Arc<SledStore>, told: Arc<Mutex<Counts>>, times: usize) {
    let mut number = keyring_number(&*store).await.unwrap();
    for _ in 0..times {
        number += 1;
        if store.replace_keyring(keyring(number)).await.is_err() {
            return;
        }
        tell(&told, KEYRING, number);
    }
}

/// The parameters; `None` if nobody plays, as when all ignored tests are run.
fn parameters() -> Option<(std::path::PathBuf, usize)> {
    let dir = std::env::var_os(DIR)?;
    Some((dir.into(), std::env::var(COMMITS).unwrap().parse().unwrap()))
}

/// Opens the store, and closes it.
#[tokio::test]
#[ignore = "a process of other tests"]
async fn open() {
    let Some((dir, _)) = parameters() else { return };
    if let Ok(store) = SledStore::open(&dir) {
        say("opened");
        store.close().await.unwrap();
    }
}

/// Opens the store, writes, and closes it. If its disk fails, shows that it behaves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process of other tests"]
async fn write() {
    let Some((dir, commits)) = parameters() else { return };
    let store = match SledStore::open(&dir) {
        Ok(store) => Arc::new(store),
        Err(_) => return say("refused"),
    };
    say("opened");
    let told = Arc::new(Mutex::new(found(&*store).await.unwrap()));
    let mut tasks: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (store, told) = (Arc::clone(&store), Arc::clone(&told));
            tokio::spawn(async move {
                let mut writer = Writer::resume(&*store, number).await;
                for _ in 0..commits {
                    let Ok(done) = writer.commit(&*store).await else { return };
                    tell(&told, number as usize, done);
                }
            })
        })
        .collect();
    tasks.push(tokio::spawn(replace_keyrings(Arc::clone(&store), Arc::clone(&told), commits / 4)));
    for task in tasks {
        task.await.unwrap();
    }
    if *store.health().borrow() == StoreHealth::Working {
        let closed = store.close().await;
        // Whatever came of closing, there is nothing to read any more.
        assert!(store.keyring().await.is_err() && store.scan(b"", None, 1).await.is_err());
        assert_eq!(closed.is_ok(), *store.health().borrow() == StoreHealth::Working);
        return say(if closed.is_ok() { "done" } else { "failed well" });
    }
    // Writes are over, and reads go on: of what was acknowledged, and of nothing else.
    for _ in 0..3 {
        assert!(store.commit(vec![], vec![put([0xfe, 0], 200, 1)]).await.is_err());
    }
    assert!(store.replace_keyring(vec![1]).await.is_err());
    let told = *told.lock().unwrap();
    match found(&*store).await {
        Ok(found) if found[..KEYRING] == told[..KEYRING] => say("failed well"),
        other => say(&format!("failed badly: {told:?} {other:?}")),
    }
    // As the program does; nothing is tidied up.
    std::process::exit(0);
}
