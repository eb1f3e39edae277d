//! `[audit]`: where calls are recorded, and for how long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::invalid::{InvalidConfig, https_address, path, within};
use crate::audit::{AuditSettings, RECORD_BYTES_MAX};

/// Where calls are recorded, and how.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Directory of the log; made by `ionvault init`.
    pub dir: PathBuf,
    /// How it is kept.
    pub settings: AuditSettings,
    /// Who else is told its checkpoints.
    pub witnesses: Witnesses,
}

/// Where checkpoints are kept besides.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Witnesses {
    /// A directory, one file for each.
    pub directory: Option<PathBuf>,
    /// A server.
    pub server: Option<WitnessServer>,
    /// The program's own log.
    pub log: bool,
}

/// A server that keeps checkpoints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WitnessServer {
    /// Its https address.
    pub url: Url,
    /// Certificates of the only authorities that it is believed by; public ones if there is none.
    pub ca: Option<PathBuf>,
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
    witness_url: Option<String>,
    witness_ca: Option<PathBuf>,
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
            witness_url: None,
            witness_ca: None,
            witness_log: false,
        }
    }
}

impl AuditFile {
    /// `calls` is how many may be at work at the same time: just after a segment was begun, it alone
    /// has room for the records of them all.
    pub(super) fn check(self, data_dir: &Path, calls: usize) -> Result<Audit, InvalidConfig> {
        let Self {
            dir,
            retention_days,
            reserve_mib,
            checkpoint_seconds,
            witness_dir,
            witness_url,
            witness_ca,
            witness_log,
        } = self;
        let dir = match dir {
            Some(dir) => path("audit.dir", dir)?,
            None => data_dir.join("audit"),
        };
        let retention_days =
            within("audit.retention_days", retention_days, 1..=RETENTION_DAYS_MAX)?;
        let reserve_mib = within("audit.reserve_mib", reserve_mib, 16..=RESERVE_MIB_MAX)?;
        let seconds = within("audit.checkpoint_seconds", checkpoint_seconds, 1..=3600)?;
        let witnesses = Witnesses {
            directory: witness_dir.map(|dir| path("audit.witness_dir", dir)).transpose()?,
            server: server(witness_url, witness_ca)?,
            log: witness_log,
        };
        let usual = AuditSettings::default();
        let room_for_all = (calls + PERMITS_BESIDE_CALLS).saturating_mul(RECORD_BYTES_MAX);
        let settings = AuditSettings {
            segment_bytes: usual.segment_bytes.max(room_for_all as u64),
            retention: Some(Duration::from_secs(retention_days * 24 * 60 * 60)),
            reserve_bytes: reserve_mib * 1024 * 1024,
            checkpoint_interval: Duration::from_secs(seconds),
            ..usual
        };
        Ok(Audit { dir, settings, witnesses })
    }
}

/// Streams and counted refusals are recorded beside the calls at work, each in one go: no more at once
/// than there are threads.
const PERMITS_BESIDE_CALLS: usize = 256;

fn server(
    url: Option<String>,
    ca: Option<PathBuf>,
) -> Result<Option<WitnessServer>, InvalidConfig> {
    let Some(url) = url else {
        return match ca {
            None => Ok(None),
            Some(_) => {
                Err(InvalidConfig::value("audit.witness_ca", "left out without `witness_url`"))
            }
        };
    };
    let url = https_address(&url).ok_or_else(|| {
        let expected = "an https address without user name, query and fragment";
        InvalidConfig::value("audit.witness_url", expected)
    })?;
    let ca = ca.map(|ca| path("audit.witness_ca", ca)).transpose()?;
    Ok(Some(WitnessServer { url, ca }))
}

/// A hundred years: for ever, as far as a disk is concerned.
const RETENTION_DAYS_MAX: u64 = 36_500;

/// A terabyte.
const RESERVE_MIB_MAX: u64 = 1024 * 1024;
