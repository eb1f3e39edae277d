//! The audit log: made with the store, opened before it, and closed after the last call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::adapters::SystemClock;
use crate::audit::{AuditLog, OpenAuditError};
use crate::config::Audit;
use crate::grpc::Entrance;
use crate::ports::Witness;
use crate::sealing::Keyring;

/// Why there is no audit log. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenRecordingError {
    /// The directory is not there: perhaps it is on a disk that is not mounted. A log that began by
    /// itself would hide that the old one is gone.
    #[error(
        "audit.dir: there is no audit log at {path}: restore it, or make an empty directory there to \
         begin a new one",
        path = .0.display()
    )]
    Missing(PathBuf),
    /// The directory of a log that is to be made has something in it.
    #[error("audit.dir: {path} is not empty: name another one, or move away what is there", path = .0.display())]
    NotEmpty(PathBuf),
    /// The directory cannot be looked at.
    #[error("audit.dir: {path} cannot be read", path = path.display())]
    Read {
        /// Which directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is there and does not open.
    #[error("audit.dir: the audit log at {path} cannot be opened", path = path.display())]
    Open {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: OpenAuditError,
    },
}

/// That there is no log yet where one is to be made.
pub(super) fn vacant(dir: &Path) -> Result<(), OpenRecordingError> {
    let path = || dir.to_owned();
    match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenRecordingError::NotEmpty(path())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(OpenRecordingError::Read { path: path(), source }),
    }
}

/// Makes the log of a new store. Blocks.
pub(super) fn make(audit: &Audit, keyring: &Keyring) -> Result<AuditLog, OpenRecordingError> {
    let origin = format!("ionvault/{}", keyring.store_id());
    let seed = keyring.audit_signing_seed(SIGNING_EPOCH);
    let clock = Arc::new(SystemClock);
    AuditLog::open(&audit.dir, &origin, seed, audit.settings.clone(), clock)
        .map_err(|source| OpenRecordingError::Open { path: audit.dir.clone(), source })
}

/// Opens the log that was made with the store, or is to begin anew. Blocks.
pub(super) fn open(audit: &Audit, keyring: &Keyring) -> Result<AuditLog, OpenRecordingError> {
    if audit.dir.is_dir() {
        make(audit, keyring)
    } else {
        Err(OpenRecordingError::Missing(audit.dir.clone()))
    }
}

/// What keeps the log while calls come in.
pub(super) struct Recording {
    task: JoinHandle<()>,
    calls_ended: CancellationToken,
}

impl Recording {
    pub(super) fn start(
        log: AuditLog,
        entrance: Entrance,
        witnesses: Vec<Arc<dyn Witness>>,
    ) -> Self {
        let calls_ended = CancellationToken::new();
        let ended = calls_ended.clone();
        let task = tokio::spawn(async move {
            let counted = CancellationToken::new();
            let entrance = async {
                entrance.run(ended).await;
                counted.cancel();
            };
            tokio::join!(entrance, log.run(counted.clone(), witnesses));
        });
        Self { task, calls_ended }
    }

    /// Records what was counted, syncs and signs everything, tells the witnesses, and closes. To be
    /// called when the last call has ended.
    pub(super) async fn end(self) {
        self.calls_ended.cancel();
        if self.task.await.is_err() {
            tracing::error!("the audit log was not closed");
        }
    }
}

/// Keys of the log are counted from 1; there was one so far.
const SIGNING_EPOCH: u32 = 1;
