//! Checkpoints that are told to somebody else.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ionvault::adapters::WitnessDirectory;
use ionvault::audit::{AuditSettings, verify};
use ionvault::ports::{CheckpointNote, NotWitnessed, Witness};
use metrics_exporter_prometheus::PrometheusBuilder;
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use tokio::time::{Instant, sleep};

use crate::samples::{Running, closed_log, copy, open, record, settings, try_open};

fn directory(dir: &Path) -> Vec<Arc<dyn Witness>> {
    vec![Arc::new(WitnessDirectory::new(dir.to_owned()))]
}

#[tokio::test]
async fn what_a_witness_was_told_contradicts_a_log_whose_end_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let (log, witness) = (dir.path().join("log"), dir.path().join("witness"));
    fs::create_dir(&witness).unwrap();
    let start = || Running::witnessed(open(&log), directory(&witness));
    let running = start();
    let key = running.log.verifier_key().to_owned();
    record(&running.log, 10);
    running.stop().await;
    copy(&log, &dir.path().join("older"));
    let running = start();
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
    let away = directory(&dir.path().join("away"));
    let running = Running::witnessed(open(&dir.path().join("log")), away);
    let last = record(&running.log, 10);
    running.log.synced(last).await.unwrap();
    assert_eq!(running.log.new_checkpoint().await.unwrap().size, 10);
    running.stop().await;
}

/// What it was told, and when; it takes nothing the first times, or never answers.
struct Scripted {
    name: &'static str,
    begun: Instant,
    told: Mutex<Vec<(u64, u64)>>,
    failures: usize,
    silent: bool,
}

impl Scripted {
    fn new(name: &'static str, failures: usize, silent: bool) -> Arc<Self> {
        Arc::new(Self { name, begun: Instant::now(), told: Mutex::default(), failures, silent })
    }

    /// Seconds since the beginning, and how many records.
    fn told(&self) -> Vec<(u64, u64)> {
        self.told.lock().unwrap().clone()
    }
}

#[async_trait]
impl Witness for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn tell(&self, checkpoint: CheckpointNote<'_>) -> Result<(), NotWitnessed> {
        let told = {
            let mut told = self.told.lock().unwrap();
            told.push((self.begun.elapsed().as_secs(), checkpoint.size));
            told.len()
        };
        if self.silent {
            std::future::pending::<()>().await;
        }
        if told <= self.failures { Err(NotWitnessed::Refused(503)) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_witness_that_fails_is_asked_less_and_less_often_and_then_told_the_newest_checkpoint() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let dir = tempfile::tempdir().unwrap();
    let witness = Scripted::new("failing", 9, false);
    let log = try_open(
        dir.path(),
        AuditSettings { checkpoint_interval: Duration::from_secs(1), ..settings() },
    );
    let running = Running::witnessed(log.unwrap(), vec![witness.clone()]);
    for _ in 0..300 {
        record(&running.log, 1);
        sleep(Duration::from_secs(1)).await;
    }
    let told = witness.told();
    let times: Vec<_> = told.iter().map(|(time, _)| *time).collect();
    assert_eq!(times[..10], [0, 1, 3, 7, 15, 31, 63, 123, 183, 243], "pauses from 1 s to a minute");
    // Nothing was queued: each try is about what was newest, give or take the second.
    for (time, size) in &told {
        assert!((*time..=time + 2).contains(&(size + 1)), "{size} after {time} s");
    }
    let seen = |name: &str| {
        let page = metrics.render();
        let line = page.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{page}"))
    };
    assert_eq!(seen("ionvault_audit_witness_failures_total{witness=\"failing\"} "), "9");
    running.stop().await;
    assert_eq!(seen("ionvault_audit_witness_size{witness=\"failing\"} "), "300");
    assert!(seen("ionvault_audit_witness_time_seconds{witness=\"failing\"} ").starts_with("18"));
    assert_eq!(witness.told().last().unwrap().1, 300);
}

#[tokio::test(start_paused = true)]
async fn a_silent_witness_holds_up_neither_records_nor_other_witnesses_nor_the_end_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let (silent, good) = (Scripted::new("silent", 0, true), Scripted::new("good", 0, false));
    let failing = Scripted::new("failing", 1, false);
    let all: Vec<Arc<dyn Witness>> = vec![silent.clone(), good.clone(), failing.clone()];
    let running = Running::witnessed(open(dir.path()), all);
    let last = record(&running.log, 10);
    running.log.synced(last).await.unwrap();
    assert_eq!(running.log.new_checkpoint().await.unwrap().size, 10);
    record(&running.log, 10);
    let begun = Instant::now();
    running.stop().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    assert_eq!(silent.told().len(), 1);
    assert_eq!(good.told().last().unwrap().1, 20);
    // One that is being left alone has a last try.
    assert_eq!(failing.told().last().unwrap().1, 20);
    assert_eq!(failing.told().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_hangs_holds_up_the_end_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let (log, witness) = (dir.path().join("log"), dir.path().join("witness"));
    closed_log(&log, 10).await;
    // What the next start tells first, to a file whose opening waits for a reader.
    let checkpoint = open(&log).checkpoint();
    let root = data_encoding::HEXLOWER.encode(&checkpoint.root);
    let file = witness.join(format!("{:020}-{root}.checkpoint.new", checkpoint.size));
    fs::create_dir(&witness).unwrap();
    mknodat(CWD, &file, FileType::Fifo, Mode::RWXU, 0).unwrap();

    let running = Running::witnessed(open(&log), directory(&witness));
    let last = record(&running.log, 10);
    running.log.synced(last).await.unwrap();
    let begun = Instant::now();
    running.stop().await;
    assert_eq!(begun.elapsed().as_secs(), 5);
    // Lets the thread go that waits.
    let reader = i32::try_from(OFlags::NONBLOCK.bits()).unwrap();
    fs::OpenOptions::new().read(true).custom_flags(reader).open(&file).unwrap();
}
