//! A disk that is full, for real: a small file system of its own.

use std::fs;
use std::path::Path;

use ionvault::audit::{AuditHealth, AuditUnavailable, NewCheckpointError, OpenAuditError};

use crate::child;
use tokio::time::Instant;

use crate::samples::{
    Running, assert_sound, closed_log, event, open, record, segments, settings, try_open,
};

#[test]
fn on_a_full_disk_calls_are_refused_nothing_is_lost_and_it_heals() {
    let around = ["unshare", "--map-root-user", "--user", "--mount"];
    if !child::works(&[&around[..], &["mount", "-t", "tmpfs", "tmpfs", "/mnt"]].concat()) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mount = "mount -t tmpfs -o size=6m tmpfs \"$IONVAULT_TEST_AUDIT_DIR\" && exec \"$@\"";
    let around = [&around[..], &["sh", "-ec", mount, "sh"]].concat();
    let mut command = child::command(&around, "room::role_full_disk", dir.path());
    let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let told = told.lines().find(|line| line.starts_with("disk full: "));
    println!("{}", told.expect("the role did nothing"));
}

#[tokio::test]
#[ignore = "a role of another test"]
async fn role_full_disk() {
    let Some(disk) = child::dir() else { return };
    let dir = disk.join("log");
    let running = Running::start(open(&dir));
    let log = &running.log;
    let (mut recorded, mut refused, mut healed) = (0, 0, 0);
    for round in 0..3 {
        fill(&disk);
        let why = loop {
            match log.admit() {
                Ok(permit) => recorded = permit.record(&event(recorded)).unwrap() + 1,
                Err(why) => break why,
            }
            // As calls do, which leave the thread now and then.
            tokio::task::yield_now().await;
        };
        assert_eq!(why, AuditUnavailable::Full, "round {round}");
        refused += 1;
        // What was recorded is safe, full disk or not.
        log.synced(recorded - 1).await.unwrap();
        let mut health = log.health();
        health.wait_for(|health| *health == AuditHealth::Full).await.unwrap();
        assert_eq!(log.admit().err(), Some(AuditUnavailable::Full));
        // Nor is a checkpoint waited for that cannot be written.
        tokio::time::pause();
        assert_eq!(log.new_checkpoint().await.err(), Some(NewCheckpointError::TooLate));
        tokio::time::resume();
        assert_eq!(log.event(recorded - 1).await.unwrap().unwrap().event, event(recorded - 1));

        fs::remove_file(disk.join("filler")).unwrap();
        health.wait_for(|health| *health == AuditHealth::Writing).await.unwrap();
        recorded = log.admit().unwrap().record(&event(recorded)).unwrap() + 1;
        healed += 1;
    }
    let key = log.verifier_key().to_owned();
    running.stop().await;
    assert_sound(&dir, &key, recorded);
    println!(
        "disk full: {refused} times refused, {healed} times healed, {recorded} records, 0 lost"
    );
}

/// Leaves no room on the disk.
fn fill(disk: &Path) {
    use std::io::Write;

    let mut filler = fs::File::create(disk.join("filler")).unwrap();
    while filler.write_all(&[1; 4_096]).is_ok() {}
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_that_nobody_signs_is_waited_for_ten_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    record(&log, 1);
    let begun = Instant::now();
    assert_eq!(log.new_checkpoint().await.err(), Some(NewCheckpointError::TooLate));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

/// Runs a role under these faults of the operating system; `false` if that cannot be done here.
fn under(faults: &[&str], role: &str, dir: &Path) -> bool {
    if !child::works(&["strace", "-f", "-o", "/dev/null", "true"]) {
        return false;
    }
    let mut around = vec!["strace", "-f", "-qq", "-o", "/dev/null"];
    around.extend(faults.iter().flat_map(|fault| ["-e", fault]));
    let mut command = child::command(&around, role, dir);
    let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("role done"), "{told}");
    true
}

#[test]
fn a_file_system_that_promises_no_room_is_refused_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let fault = "inject=fallocate:error=EOPNOTSUPP";
    under(&["trace=fallocate", fault], "room::role_without_fallocate", dir.path());
}

#[test]
#[ignore = "a role of another test"]
fn role_without_fallocate() {
    let Some(dir) = child::dir() else { return };
    let refused = try_open(&dir.join("log"), settings()).err().unwrap();
    assert!(matches!(refused, OpenAuditError::NoPreallocation), "{refused:?}");
    assert!(refused.to_string().contains("(fallocate)"), "{refused}");
    println!("role done");
}

/// On each thread the first renames fail: the segments that are begun on one, and on the other the
/// checkpoints that are replaced and what the committer tries again.
#[tokio::test]
async fn a_segment_that_could_not_be_named_on_a_full_disk_is_named_later() {
    let dir = tempfile::tempdir().unwrap();
    let key = closed_log(&dir.path().join("log"), 1).await;
    let fault = "inject=rename:error=ENOSPC:when=1..3";
    if under(&["trace=rename", fault], "room::role_unnamed_segment", dir.path()) {
        let kept = fs::read_to_string(dir.path().join("records")).unwrap();
        assert_sound(&dir.path().join("log"), &key, kept.parse().unwrap());
    }
}

#[test]
#[ignore = "a role of another test"]
fn role_unnamed_segment() {
    let Some(dir) = child::dir() else { return };
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let running = Running::start(open(&dir.join("log")));
        let log = &running.log;
        let mut health = log.health();
        let (mut kept, mut unrecorded, mut begun) = (1, 0, 1);
        while begun < 5 {
            match log.admit() {
                Ok(permit) => match permit.record(&event(kept)) {
                    Ok(sequence) => {
                        assert_eq!(sequence, kept, "without a gap");
                        kept += 1;
                    }
                    Err(why) => {
                        assert_eq!(why, AuditUnavailable::Full);
                        unrecorded += 1;
                        // Who comes next is not let in before it is known that it can be recorded.
                        assert_eq!(log.admit().err(), Some(AuditUnavailable::Full));
                    }
                },
                Err(AuditUnavailable::Full | AuditUnavailable::Busy) => {
                    health.wait_for(|health| *health == AuditHealth::Writing).await.unwrap();
                }
                Err(why) => panic!("{why}"),
            }
            begun = segments(&dir.join("log")).len();
            tokio::task::yield_now().await;
        }
        assert!(unrecorded > 0, "no rename failed");
        running.stop().await;
        fs::write(dir.join("records"), kept.to_string()).unwrap();
        println!("role done: {unrecorded} calls could not be recorded, {kept} were");
    });
}
