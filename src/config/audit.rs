//! `[audit]`: where calls are recorded, and for how long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::invalid::{InvalidConfig, path, within};
use crate::audit::{AuditSettings, RECORD_BYTES_MAX, Witnesses};

/// Where calls are recorded, and how.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Directory of the log; made by `ionvault init`.
    pub dir: PathBuf,
    /// How it is kept.
    pub settings: AuditSettings,
}

/// `[audit]`
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AuditFile {
    dir: Option<PathBuf>,
    retention_days: u64,
    reserve_mib: u64,
    checkpoint_seconds: u64,
    witness_dir: Option<PathBuf>,
    witness_log: bool,
}

impl Default for AuditFile {
    fn default() -> Self {
        Self {
            dir: None,
            retention_days: 400,
            reserve_mib: 64,
            checkpoint_seconds: 10,
            witness_dir: None,
            witness_log: false,
        }
    }
}

impl AuditFile {
    /// `calls` is how many may be at work at the same time: just after a segment was begun, it alone
    /// has room for the records of them all.
    pub(super) fn check(self, data_dir: &Path, calls: usize) -> Result<Audit, InvalidConfig> {
        let Self { dir, retention_days, reserve_mib, checkpoint_seconds, witness_dir, witness_log } =
            self;
        let dir = match dir {
            Some(dir) => path("audit.dir", dir)?,
            None => data_dir.join("audit"),
        };
        let retention_days =
            within("audit.retention_days", retention_days, 1..=RETENTION_DAYS_MAX)?;
        let reserve_mib = within("audit.reserve_mib", reserve_mib, 16..=RESERVE_MIB_MAX)?;
        let seconds = within("audit.checkpoint_seconds", checkpoint_seconds, 1..=3600)?;
        let directory = witness_dir.map(|dir| path("audit.witness_dir", dir)).transpose()?;
        let usual = AuditSettings::default();
        let room_for_all = (calls + PERMITS_BESIDE_CALLS).saturating_mul(RECORD_BYTES_MAX);
        let settings = AuditSettings {
            segment_bytes: usual.segment_bytes.max(room_for_all as u64),
            retention: Some(Duration::from_secs(retention_days * 24 * 60 * 60)),
            reserve_bytes: reserve_mib * 1024 * 1024,
            checkpoint_interval: Duration::from_secs(seconds),
            witnesses: Witnesses { directory, log: witness_log },
            ..usual
        };
        Ok(Audit { dir, settings })
    }
}

/// Streams and counted refusals are recorded beside the calls at work, each in one go: no more at once
/// than there are threads.
const PERMITS_BESIDE_CALLS: usize = 256;

/// A hundred years: for ever, as far as a disk is concerned.
const RETENTION_DAYS_MAX: u64 = 36_500;

/// A terabyte.
const RESERVE_MIB_MAX: u64 = 1024 * 1024;
