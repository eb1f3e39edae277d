//! An insider with root on the log host: edits at every record of a log of 1,000.

use std::fs;
use std::path::{Path, PathBuf};

use ionvault::audit::{Report, verify};

use crate::amount;
use crate::samples::{Running, assert_sound, closed_log, copy, open, record, segments, verified};

const RECORDS: usize = 1_000;

/// A log, and a copy to tamper with.
struct Scene {
    dir: tempfile::TempDir,
    key: String,
    lines: Vec<Vec<u8>>,
}

impl Scene {
    async fn new() -> Self {
        let dir = memory_dir();
        let log = dir.path().join("log");
        let key = closed_log(&log, RECORDS as u64).await;
        assert_sound(&log, &key, RECORDS as u64);
        let text = fs::read(segment(&log)).unwrap();
        let lines: Vec<_> =
            text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        // The last piece is the zeros of the segment that is being written.
        let lines = lines[..RECORDS].to_vec();
        Self { dir, key, lines }
    }

    /// Makes a change at each record in turn; each must be found, at a place where somebody would look.
    fn detected(&self, what: &str, change: impl Fn(&mut Vec<Vec<u8>>, usize)) {
        let log = self.dir.path().join("log");
        let path = segment(&log);
        let good = fs::read(&path).unwrap();
        let (mut detected, mut located) = (0, 0);
        let positions = positions();
        for position in positions.clone() {
            let mut lines = self.lines.clone();
            change(&mut lines, position);
            fs::write(&path, lines.concat()).unwrap();
            let report = verified(&log, &self.key);
            detected += usize::from(!report.is_sound());
            located += usize::from(locates(&report, position as u64));
        }
        fs::write(&path, good).unwrap();
        assert_sound(&log, &self.key, RECORDS as u64);
        let tried = positions.count();
        println!("{what}: {detected} of {tried} detected, {located} located");
        assert_eq!((detected, located), (tried, tried), "{what}");
    }
}

/// Every record in full size; a few on a person's machine.
fn positions() -> impl Iterator<Item = usize> + Clone {
    (0..RECORDS).rev().step_by(amount(40, 1))
}

/// In memory where that can be had: thousands of logs are written, and none has to outlive a power
/// cut.
fn memory_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn segment(log: &Path) -> PathBuf {
    segments(log).remove(0)
}

/// Whether a finding names the record, or the one beside it.
fn locates(report: &Report, sequence: u64) -> bool {
    let near = |found: u64| found.abs_diff(sequence) <= 1;
    report.findings.iter().any(|finding| finding.sequence.is_some_and(near))
        || report.findings.iter().any(|finding| finding.what.contains("line at byte"))
}

#[tokio::test]
async fn every_edit_of_every_record_is_detected() {
    let scene = Scene::new().await;
    let edit = |lines: &mut Vec<Vec<u8>>, at: usize| {
        let line = String::from_utf8(lines[at].clone()).unwrap();
        lines[at] = line.replacen("credentials/erp-", "credentials/crm-", 1).into_bytes();
    };
    scene.detected("edit of a field", edit);
    let flip = |lines: &mut Vec<Vec<u8>>, at: usize| {
        let place = at % (lines[at].len() - 1);
        lines[at][place] ^= 1;
    };
    scene.detected("flip of a bit", flip);
}

#[tokio::test]
async fn every_deletion_insertion_swap_and_truncation_is_detected() {
    let scene = Scene::new().await;
    let delete = |lines: &mut Vec<Vec<u8>>, at: usize| drop(lines.remove(at));
    scene.detected("deletion", delete);
    let swap = |lines: &mut Vec<Vec<u8>>, at: usize| lines.swap(at, (at + 1) % RECORDS);
    scene.detected("swap with the next", swap);
    let again = |lines: &mut Vec<Vec<u8>>, at: usize| lines.insert(at, lines[at].clone());
    scene.detected("insertion of a copy", again);
    let invented = |lines: &mut Vec<Vec<u8>>, at: usize| {
        let line = String::from_utf8(lines[at].clone()).unwrap();
        lines.insert(
            at,
            line.replacen("\"OK\"", "\"INTERNAL\"", 1).replacen("NOT_FOUND", "OK", 1).into_bytes(),
        );
    };
    scene.detected("insertion of an invented record", invented);
    let truncate = |lines: &mut Vec<Vec<u8>>, at: usize| lines.truncate(at);
    scene.detected("truncation", truncate);
    let renumber = |lines: &mut Vec<Vec<u8>>, at: usize| {
        lines.remove(at);
        for (sequence, line) in lines.iter_mut().enumerate().skip(at) {
            let text = String::from_utf8(line.clone()).unwrap();
            let (old, new) = (sequence + 1, sequence);
            *line = text
                .replacen(&format!("\"sequence\":{old},"), &format!("\"sequence\":{new},"), 1)
                .into_bytes();
        }
    };
    scene.detected("deletion with new numbers", renumber);
}

/// The whole directory as it was earlier, at every record: only a checkpoint that was kept elsewhere
/// tells, and it always does.
#[tokio::test]
async fn every_older_copy_is_detected_by_a_witnessed_checkpoint() {
    let dir = memory_dir();
    let (log, older) = (dir.path().join("log"), dir.path().join("older"));
    let running = Running::start(open(&log));
    let mut copies = Vec::new();
    for number in 0..amount(50, RECORDS) {
        let checkpoint = running.log.new_checkpoint().await.unwrap();
        let copy = dir.path().join(format!("copy-{number}"));
        copy_small(&log, &copy);
        copies.push((copy, checkpoint.size));
        record(&running.log, 1);
    }
    let witnessed = running.log.new_checkpoint().await.unwrap().note.clone();
    let key = running.log.verifier_key().to_owned();
    running.stop().await;
    let (tried, mut detected) = (copies.len(), 0);
    for (copy, size) in copies {
        fs::rename(&copy, &older).unwrap();
        // By itself it is sound.
        assert_sound(&older, &key, size);
        let report = verify(&older, &key, std::slice::from_ref(&witnessed)).unwrap();
        detected += usize::from(!report.is_sound());
        fs::remove_dir_all(&older).unwrap();
    }
    println!("replay of an older copy: {detected} of {tried} detected");
    assert_eq!(detected, tried);
}

/// A copy without the zeros that fill a segment, and without the spare.
fn copy_small(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "spare" {
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        if name.ends_with(".jsonl") {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            bytes.truncate(end);
        }
        fs::write(to.join(name), bytes).unwrap();
    }
}

#[tokio::test]
async fn hashes_that_were_changed_are_told_from_records_that_were() {
    let scene = Scene::new().await;
    let log = scene.dir.path().join("log");
    let path = log.join("hashes");
    let good = fs::read(&path).unwrap();
    let hashes = (0..good.len() / 32).step_by(amount(40, 1));
    let tried = hashes.len();
    for hash in hashes {
        let mut bad = good.clone();
        bad[hash * 32 + hash % 32] ^= 1;
        fs::write(&path, bad).unwrap();
        let report = verified(&log, &scene.key);
        assert!(!report.is_sound(), "hash {hash}");
        assert!(report.findings.iter().any(|finding| finding.file == "hashes"
            || finding.what.contains("the records are")), "{:#?}", report.findings);
    }
    println!("change of a hash: {tried} of {tried} detected");
    fs::remove_file(&path).unwrap();
    assert!(!verified(&log, &scene.key).is_sound());
}

/// Who has no key can take nothing for removed by retention.
#[tokio::test]
async fn segments_that_were_removed_without_the_key_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let running = Running::start(open(&log));
    for _ in 0..8 {
        let last = record(&running.log, 1_000);
        running.log.synced(last).await.unwrap();
    }
    let key = running.log.verifier_key().to_owned();
    running.stop().await;
    let segments = segments(&log);
    assert!(segments.len() > 2);
    for (position, segment) in segments.iter().enumerate() {
        let copied = dir.path().join(format!("without-{position}"));
        copy(&log, &copied);
        fs::remove_file(copied.join(segment.file_name().unwrap())).unwrap();
        let report = verified(&copied, &key);
        assert!(
            report.findings.iter().any(|finding| finding.what.contains("missing")),
            "{report:#?}"
        );
    }
}

#[tokio::test]
async fn a_forged_missing_or_foreign_checkpoint_is_found() {
    let scene = Scene::new().await;
    let log = scene.dir.path().join("log");
    let path = log.join("checkpoint");
    let good = fs::read_to_string(&path).unwrap();
    for bad in [
        good.replacen("\n1000\n", "\n999\n", 1),
        good.replacen("kept-from 0", "kept-from 9", 1),
        good.replacen("ionvault/00", "ionvault/11", 2),
        String::new(),
    ] {
        assert_ne!(bad, good);
        fs::write(&path, bad).unwrap();
        assert!(!verified(&log, &scene.key).is_sound());
    }
    fs::remove_file(&path).unwrap();
    assert!(!verified(&log, &scene.key).is_sound());
    fs::write(&path, &good).unwrap();
    // The key of another log.
    let other = closed_log_of(8, &scene.dir.path().join("other")).await;
    assert!(!verified(&log, &other).is_sound());
    assert!(verify(&log, "no key", &[]).is_err());
}

async fn closed_log_of(seed: u8, dir: &Path) -> String {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use crate::samples::{ORIGIN, Ticking, settings};
    let seed = ionvault::secret::LockedKey::from_bytes(&[seed; 32]).unwrap();
    let clock = Arc::new(Ticking(AtomicU64::new(0)));
    let log = ionvault::audit::AuditLog::open(dir, ORIGIN, seed, settings(), clock).unwrap();
    log.verifier_key().to_owned()
}
