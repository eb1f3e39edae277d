//! The audit log of a vault, and the task that keeps it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ionvault::adapters::SystemClock;
use ionvault::audit::{AuditLog, AuditSettings, Filter, Order, PageQuery, Record};
use ionvault::sealing::Keyring;
use tokio_util::sync::CancellationToken;

/// A new log in a directory of its own, so that a vault that was stopped keeps nobody out; and what
/// closes it.
pub(super) fn open(dir: &Path, keyring: &Keyring) -> (AuditLog, PathBuf, CancellationToken) {
    let dir = tempfile::Builder::new().prefix("audit-").tempdir_in(dir).unwrap().keep();
    let origin = format!("ionvault/{}", keyring.store_id());
    let seed = keyring.audit_signing_seed(1);
    let settings = AuditSettings::default();
    let log = AuditLog::open(&dir, &origin, seed, settings, Arc::new(SystemClock)).unwrap();
    let (kept, ends) = (log.clone(), CancellationToken::new());
    let until = ends.clone();
    tokio::spawn(async move { kept.run(until, Vec::new()).await });
    (log, dir, ends)
}

/// All records, the oldest first.
pub(super) async fn all(log: &AuditLog) -> Vec<Record> {
    let (mut records, mut from) = (Vec::new(), None);
    loop {
        let query = PageQuery { order: Order::OldestFirst, from, records_max: 1_000 };
        let page = log.list(Filter::default(), query).await.unwrap();
        records.extend(page.records);
        from = page.next;
        if from.is_none() {
            return records;
        }
    }
}
