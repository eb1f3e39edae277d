//! Logs and records to test with.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use ionvault::audit::{AuditLog, AuditSettings, Event, OpenAuditError, Report, verify};
use ionvault::ports::{Clock, Witness};
use ionvault::secret::LockedKey;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Goes on by a second with each question.
pub(crate) struct Ticking(pub(crate) AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> SystemTime {
        at(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// So many seconds after the clock began.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

pub(crate) const ORIGIN: &str = "ionvault/00112233445566778899aabbccddeeff";

/// Short segments, and no reserve.
pub(crate) fn settings() -> AuditSettings {
    AuditSettings { segment_bytes: 0, reserve_bytes: 0, ..AuditSettings::default() }
}

pub(crate) fn open(dir: &Path) -> AuditLog {
    try_open(dir, settings()).unwrap_or_else(|error| panic!("{error:?}"))
}

/// A program that another test of this process is about to start holds all locks of this process for a
/// moment: `fork` copies descriptors, and not before `exec` they are closed. So `InUse` is believed
/// only if it lasts.
pub(crate) fn try_open(dir: &Path, settings: AuditSettings) -> Result<AuditLog, OpenAuditError> {
    let mut attempts = 0;
    loop {
        let seed = LockedKey::from_bytes(&[7; 32]).unwrap();
        let clock = Arc::new(Ticking(AtomicU64::new(0)));
        match AuditLog::open(dir, ORIGIN, seed, settings.clone(), clock) {
            Err(OpenAuditError::InUse) if attempts < IN_USE_ATTEMPTS => {
                std::thread::sleep(Duration::from_millis(10));
                attempts += 1;
            }
            opened => return opened,
        }
    }
}

const IN_USE_ATTEMPTS: u32 = 300;

pub(crate) fn event(number: u64) -> Event<'static> {
    Event {
        caller: format!("spiffe://acme.example/ns/billing/sa/invoices-{}", number % 7).into(),
        listener: "mtls".into(),
        address: "192.0.2.7:41012".into(),
        method: ["IssueToken", "GetCredential", "UploadCredential"][number as usize % 3].into(),
        resource: format!("tenants/acme/credentials/erp-{number}").into(),
        outcome: if number.is_multiple_of(5) { "NOT_FOUND" } else { "OK" }.into(),
        reason: if number.is_multiple_of(5) { "CREDENTIAL_NOT_FOUND" } else { "" }.into(),
        trace_id: format!("{number:032x}").into(),
        ..Event::default()
    }
}

/// Records that many more; returns the sequence of the last.
pub(crate) fn record(log: &AuditLog, count: u64) -> u64 {
    let mut last = 0;
    for number in 0..count {
        last = log.admit().unwrap().record(&event(number)).unwrap();
    }
    last
}

/// A log that is being committed.
pub(crate) struct Running {
    pub(crate) log: AuditLog,
    drain: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(log: AuditLog) -> Self {
        Self::witnessed(log, Vec::new())
    }

    pub(crate) fn witnessed(log: AuditLog, witnesses: Vec<Arc<dyn Witness>>) -> Self {
        let drain = CancellationToken::new();
        let (running, until) = (log.clone(), drain.clone());
        let task = tokio::spawn(async move { running.run(until, witnesses).await });
        Self { log, drain, task }
    }

    pub(crate) async fn stop(self) {
        self.drain.cancel();
        self.task.await.unwrap();
    }
}

/// Makes a closed log of so many records under a checkpoint; returns its public key.
pub(crate) async fn closed_log(dir: &Path, records: u64) -> String {
    let running = Running::start(open(dir));
    record(&running.log, records);
    let key = running.log.verifier_key().to_owned();
    running.stop().await;
    key
}

pub(crate) fn verified(dir: &Path, key: &str) -> Report {
    verify(dir, key, &[]).unwrap()
}

#[track_caller]
pub(crate) fn assert_sound(dir: &Path, key: &str, records: u64) {
    let report = verified(dir, key);
    assert!(report.is_sound(), "{:#?}", report.findings);
    assert_eq!(report.records, records);
}

/// Copies a directory of files to one that does not exist yet.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The segments, oldest first.
pub(crate) fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    segments.sort();
    segments
}
