//! The audit log: a record of every call, which nobody edits unnoticed.
//!
//! Records are lines of JSON in segments that were preallocated, and leaves of a Merkle tree whose
//! root is signed at short intervals (C2SP checkpoints). Whoever edits, reorders, removes or inserts
//! a record changes the root; whoever takes the end away contradicts a checkpoint that somebody else
//! keeps. [`verify`] tells, with nothing but copied files and the public key.
//!
//! A call follows three steps:
//!
//! 1. [`AuditLog::admit`], before it does anything: room for its record is kept.
//! 2. [`Permit::record`], before its answer leaves: the record is with the operating system, and
//!    outlives a kill of the process.
//! 3. [`AuditLog::synced`], if it changed something: the record outlives a power cut. Records that
//!    nobody waits for are synced within [`AuditSettings::commit_interval`].
//!
//! Where none of this can be had, [`AuditUnavailable`] says so, and the call must not happen.

mod appender;
mod checkpoint;
mod committer;
mod date;
mod directory;
mod history;
mod list;
mod opening;
mod proof;
mod record;
mod recovery;
mod refusals;
mod retention;
mod segment;
mod tree;
mod verification;
mod witness;

use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub use self::appender::{AuditHealth, AuditUnavailable, Permit};
pub use self::checkpoint::{
    InvalidCheckpoint, InvalidVerifierKey, NewCheckpointError, OpenCheckpointError,
    SignedCheckpoint, open_checkpoint,
};
pub use self::list::{About, Filter, Order, Page, PageQuery, ReadAuditError};
pub use self::opening::{Damage, OpenAuditError};
pub use self::proof::{Contradiction, InclusionProof, ProveError, UnprovenRecord};
pub use self::record::{Event, InvalidRecord, RECORD_BYTES_MAX, Record, Repeats};
pub use self::refusals::{Refusal, Refusals};
pub use self::verification::{Finding, Report, VerifyError, verify};

use self::appender::Appender;
use self::checkpoint::Signer;
use self::committer::Committer;
use self::directory::Directory;
use crate::ports::{Clock, Witness};
use crate::secret::LockedKey;

/// An open log. Its clones are the same log.
#[derive(Clone)]
pub struct AuditLog(Arc<Open>);

/// What an operator may decide.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// Length of a segment, at least [`SEGMENT_BYTES_MIN`]. Two are always allocated.
    pub segment_bytes: u64,
    /// How much of the disk stays free when a segment is allocated. Hashes and checkpoints live in
    /// it: a fifth of a segment at the most.
    pub reserve_bytes: u64,
    /// How long records are kept at least; `None` for ever. Whole segments are removed.
    pub retention: Option<Duration>,
    /// After that time at most, a record is synced.
    pub commit_interval: Duration,
    /// After that time at most, a record is under a signed checkpoint.
    pub checkpoint_interval: Duration,
}

struct Open {
    appender: Arc<Appender>,
    /// Held while a group is committed, by a thread that may block.
    committer: Arc<Mutex<Committer>>,
    checkpoint: watch::Receiver<Arc<SignedCheckpoint>>,
    checkpoint_wanted: AtomicBool,
    verifier_key: String,
    settings: AuditSettings,
    /// Keeps other processes out.
    _lock: File,
}

impl AuditLog {
    /// Opens the log in `dir`, or makes it. It blocks for some disk writes, and for reading the last
    /// segment. `origin` names the log in checkpoints and its key, such as `ionvault/` and the
    /// store's uid; `seed` is that of its Ed25519 key.
    ///
    /// # Errors
    ///
    /// As [`OpenAuditError`] says.
    pub fn open(
        dir: &Path,
        origin: &str,
        seed: LockedKey,
        settings: AuditSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenAuditError> {
        let settings = AuditSettings {
            segment_bytes: settings.segment_bytes.max(SEGMENT_BYTES_MIN),
            ..settings
        };
        let signer = Signer::new(origin, seed).ok_or(OpenAuditError::Origin)?;
        let verifier_key = signer.verifier_key().to_owned();
        let directory = Directory::new(dir);
        directory.make()?;
        let lock = directory.lock()?.ok_or(OpenAuditError::InUse)?;
        let committer = opening::open(directory, signer, &settings, clock)?;
        Ok(Self(Arc::new(Open {
            appender: Arc::clone(&committer.appender),
            checkpoint: committer.checkpoint.subscribe(),
            checkpoint_wanted: AtomicBool::new(false),
            committer: Arc::new(Mutex::new(committer)),
            verifier_key,
            settings,
            _lock: lock,
        })))
    }

    /// Keeps room for the record of one call. To be asked before the call does anything; it never
    /// waits.
    ///
    /// # Errors
    ///
    /// As [`AuditUnavailable`] says; the call must then be refused.
    pub fn admit(&self) -> Result<Permit, AuditUnavailable> {
        self.0.appender.admit()
    }

    /// Waits until that record outlives a power cut. [`AuditLog::run`] must be running.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable::Failed`] or [`AuditUnavailable::Closed`] if that will not be known.
    pub fn synced(
        &self,
        sequence: u64,
    ) -> impl Future<Output = Result<(), AuditUnavailable>> + Send + use<> {
        let mut standing = self.0.appender.standing.subscribe();
        if standing.borrow().synced <= sequence {
            self.0.appender.wake.notify_one();
        }
        async move {
            let reached = standing.wait_for(|now| now.synced > sequence || now.ended.is_some());
            // The sender lives as long as the log: without it, the log is closed.
            let now = *reached.await.ok().ok_or(AuditUnavailable::Closed)?;
            match now.ended {
                Some(why) if now.synced <= sequence => Err(why),
                _ => Ok(()),
            }
        }
    }

    /// Commits in groups, signs checkpoints and tells them to the witnesses, until `drain` is
    /// cancelled; then everything that was recorded is synced and signed. From then on nobody is
    /// admitted: cancel it when the calls have ended. Witnesses hold it up for five seconds at most.
    pub async fn run(&self, drain: CancellationToken, witnesses: Vec<Arc<dyn Witness>>) {
        let ended = CancellationToken::new();
        let commits = async {
            self.commit_until(drain).await;
            ended.cancel();
        };
        let Open { checkpoint, appender, .. } = &*self.0;
        tokio::join!(commits, witness::tell(witnesses, checkpoint, &appender.clock, &ended));
    }

    /// Whether it takes records.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<AuditHealth> {
        self.0.appender.health.subscribe()
    }

    /// The public key of its checkpoints, in C2SP's form. An auditor should get it from a person,
    /// once, and not with the log.
    #[must_use]
    pub fn verifier_key(&self) -> &str {
        &self.0.verifier_key
    }

    /// The last checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> Arc<SignedCheckpoint> {
        Arc::clone(&self.0.checkpoint.borrow())
    }

    /// Waits for a checkpoint that covers everything that was recorded before, ten seconds at most.
    /// [`AuditLog::run`] must be running.
    ///
    /// # Errors
    ///
    /// As [`NewCheckpointError`] says.
    pub async fn new_checkpoint(&self) -> Result<Arc<SignedCheckpoint>, NewCheckpointError> {
        match timeout(CHECKPOINT_TIME_MAX, self.checkpoint_of_now()).await {
            Ok(checkpoint) => Ok(checkpoint?),
            Err(_elapsed) => Err(NewCheckpointError::TooLate),
        }
    }

    async fn checkpoint_of_now(&self) -> Result<Arc<SignedCheckpoint>, AuditUnavailable> {
        let records = self.0.appender.tail().next;
        let (mut checkpoint, mut standing) =
            (self.0.checkpoint.clone(), self.0.appender.standing.subscribe());
        if checkpoint.borrow().size < records {
            self.0.checkpoint_wanted.store(true, Ordering::Release);
            self.0.appender.wake.notify_one();
        }
        tokio::select! {
            biased;
            reached = checkpoint.wait_for(|checkpoint| checkpoint.size >= records) => {
                Ok(Arc::clone(&*reached.ok().ok_or(AuditUnavailable::Closed)?))
            }
            ended = standing.wait_for(|standing| standing.ended.is_some()) => {
                Err(ended.ok().and_then(|standing| standing.ended).unwrap_or(AuditUnavailable::Closed))
            }
        }
    }

    async fn commit_until(&self, drain: CancellationToken) {
        let Open { appender, checkpoint_wanted, settings, .. } = &*self.0;
        let mut health = appender.health.subscribe();
        let mut signed = Instant::now();
        while *health.borrow_and_update() != AuditHealth::Failed {
            let next = Instant::now() + settings.commit_interval;
            tokio::select! {
                biased;
                () = drain.cancelled() => break,
                () = appender.wake.notified() => {}
                () = sleep_until(next) => {}
            }
            let wanted = checkpoint_wanted.swap(false, Ordering::AcqRel);
            let sign = wanted || signed.elapsed() >= settings.checkpoint_interval;
            self.commit(sign).await;
            if sign {
                signed = Instant::now();
            }
        }
        appender.close();
        if *health.borrow_and_update() != AuditHealth::Failed {
            self.commit(true).await;
        }
        appender.note_end(AuditUnavailable::Closed);
    }

    async fn commit(&self, sign: bool) {
        let committer = Arc::clone(&self.0.committer);
        let done = tokio::task::spawn_blocking(move || {
            committer.lock().unwrap_or_else(PoisonError::into_inner).commit(sign);
        });
        if let Err(error) = done.await {
            self.0.appender.fail("the committer stopped", &error);
        }
    }
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self {
            segment_bytes: 32 * 1_024 * 1_024,
            reserve_bytes: 64 * 1_024 * 1_024,
            retention: None,
            commit_interval: Duration::from_secs(1),
            checkpoint_interval: Duration::from_secs(10),
        }
    }
}

/// How long a new checkpoint is waited for. It takes a few syncs of the disk; where it takes longer,
/// the disk is full, and whoever asks should hear of it before its own patience ends.
const CHECKPOINT_TIME_MAX: Duration = Duration::from_secs(10);

/// Shortest segment: room for a hundred records of the longest kind. Just after a segment was begun, no
/// more calls can be in flight than it has room for; the configuration sees to that.
pub const SEGMENT_BYTES_MIN: u64 = 100 * RECORD_BYTES_MAX as u64;
