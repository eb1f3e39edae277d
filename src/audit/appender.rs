//! Where records enter the log.
//!
//! One lock, held for the time of one `pwrite`, keeps the order of the sequences that of the bytes.
//! (Writers of one file wait for each other in the kernel anyway.) Room comes first: a permit stands
//! for [`RECORD_BYTES_MAX`] bytes of preallocated segments, so a call that was let in can be
//! recorded, however full the disk is by then.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{Counter, counter};
use tokio::sync::{Notify, watch};

use super::directory::{Directory, is_full};
use super::record::{Encoded, Event, RECORD_BYTES_MAX};
use crate::ports::Clock;

/// Why a call cannot be recorded, and therefore must not happen.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuditUnavailable {
    /// The disk has no room for another segment. It passes when there is room again.
    #[error("the audit log has no room: the disk is full")]
    Full,
    /// More calls are in flight than there is room for. It passes.
    #[error("the audit log has no room for another call at the same time")]
    Busy,
    /// A write or sync failed. It lasts until the process was started again.
    #[error("the audit log failed, and the process must be started again")]
    Failed,
    /// The process is ending.
    #[error("the audit log is closed")]
    Closed,
}

/// Whether the log can be relied on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuditHealth {
    /// It takes records.
    Writing,
    /// The disk has no room for another segment; once the present one is full, calls are refused.
    Full,
    /// A write or sync failed. Calls are refused until the process was started again.
    Failed,
}

/// A segment that is being written, or waits to be sealed.
#[derive(Clone)]
pub(super) struct Segment {
    /// The sequence of its first record.
    pub(super) first: u64,
    pub(super) file: Arc<File>,
    /// Where its lines end.
    pub(super) end: u64,
}

/// A segment that is sealed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sealed {
    pub(super) first: u64,
    pub(super) bytes: u64,
}

/// What the lock protects.
pub(super) struct Tail {
    /// Oldest first.
    pub(super) sealed: Vec<Sealed>,
    /// Full, and not sealed yet; oldest first.
    pub(super) full: Vec<Segment>,
    pub(super) active: Segment,
    /// How long the active segment may become.
    pub(super) active_bytes: u64,
    /// Takes over when the active one is full.
    pub(super) spare: Option<File>,
    /// The sequence of the next record.
    pub(super) next: u64,
    /// Whether the spare could not take over, because the disk was full. Nobody is let in until it
    /// did.
    pub(super) stuck: bool,
    /// Permits that were given out and not used yet.
    pub(super) permits: u64,
    pub(super) stopped: Option<AuditUnavailable>,
}

/// The writing end of a log.
pub(super) struct Appender {
    pub(super) directory: Directory,
    pub(super) segment_bytes: u64,
    pub(super) clock: Arc<dyn Clock>,
    tail: Mutex<Tail>,
    pub(super) health: watch::Sender<AuditHealth>,
    /// Wakes the committer.
    pub(super) wake: Notify,
    pub(super) standing: watch::Sender<Standing>,
    /// How many records are synced, for those who cannot wait.
    synced: AtomicU64,
    /// Looked up once: a look-up for each record would cost as much as its bytes.
    records: Counter,
    bytes: Counter,
}

/// What those learn who wait for records to be synced.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// How many records are.
    pub(super) synced: u64,
    /// Why there will be no more.
    pub(super) ended: Option<AuditUnavailable>,
}

impl Appender {
    pub(super) fn new(
        directory: Directory,
        segment_bytes: u64,
        clock: Arc<dyn Clock>,
        tail: Tail,
        synced: u64,
    ) -> Self {
        let full = tail.spare.is_none();
        let health = if full { AuditHealth::Full } else { AuditHealth::Writing };
        Self {
            directory,
            segment_bytes,
            clock,
            standing: watch::Sender::new(Standing { synced, ended: None }),
            synced: AtomicU64::new(synced),
            tail: Mutex::new(tail),
            health: watch::Sender::new(health),
            wake: Notify::new(),
            records: counter!("ionvault_audit_records_total"),
            bytes: counter!("ionvault_audit_bytes_total"),
        }
    }

    pub(super) fn tail(&self) -> MutexGuard<'_, Tail> {
        // Nothing panics between two changes that belong together.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps room for one record.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Permit, AuditUnavailable> {
        let admitted = self.tail().admit(self.segment_bytes);
        match admitted {
            Ok(()) => Ok(Permit { appender: Arc::clone(self), used: false }),
            Err(why) => {
                let why_label = match why {
                    AuditUnavailable::Full => "full",
                    AuditUnavailable::Busy => "busy",
                    AuditUnavailable::Failed => "failed",
                    AuditUnavailable::Closed => "closed",
                };
                counter!("ionvault_audit_refusals_total", "reason" => why_label).increment(1);
                Err(why)
            }
        }
    }

    /// Stops all writing for good, and says why once.
    pub(super) fn fail(&self, what: &'static str, cause: &dyn std::fmt::Display) {
        self.tail().stopped = Some(AuditUnavailable::Failed);
        self.note_failure(what, cause);
    }

    /// Lets nobody in any more; who is in can be recorded.
    pub(super) fn close(&self) {
        self.tail().stopped.get_or_insert(AuditUnavailable::Closed);
    }

    /// Tells those who wait that so many records are synced.
    pub(super) fn note_synced(&self, records: u64) {
        self.synced.store(records, Ordering::Relaxed);
        self.standing.send_modify(|standing| standing.synced = records);
    }

    /// Tells those who wait that there is nothing to wait for.
    pub(super) fn note_end(&self, why: AuditUnavailable) {
        self.standing.send_modify(|standing| {
            standing.ended.get_or_insert(why);
        });
    }

    /// Notes whether there is room for another segment.
    pub(super) fn note_room(&self, room: bool) {
        let new = if room { AuditHealth::Writing } else { AuditHealth::Full };
        self.health.send_if_modified(|health| {
            if *health == AuditHealth::Failed || *health == new {
                return false;
            }
            if room {
                tracing::info!("the audit log has room again");
            } else {
                tracing::error!("the audit log has no room for another segment: the disk is full");
            }
            *health = new;
            true
        });
    }

    fn note_failure(&self, what: &'static str, cause: &dyn std::fmt::Display) {
        self.health.send_if_modified(|health| {
            if *health == AuditHealth::Failed {
                return false;
            }
            tracing::error!(%cause, "the audit log failed and takes no more records: {what}");
            *health = AuditHealth::Failed;
            true
        });
        self.note_end(AuditUnavailable::Failed);
    }

    fn record(&self, event: &Event<'_>) -> Result<u64, AuditUnavailable> {
        let mut encoded = Encoded::of(event);
        let mut tail = self.tail();
        tail.permits = tail.permits.saturating_sub(1);
        if tail.stopped == Some(AuditUnavailable::Failed) {
            return Err(AuditUnavailable::Failed);
        }
        let sequence = tail.next;
        // Asked while the log is held, so that dates grow with the sequence.
        let line = encoded.line(sequence, self.clock.now());
        let length = line.len() as u64;
        let fits = tail.active.end + length <= tail.active_bytes;
        match if fits { Ok(()) } else { self.rotate(&mut tail) } {
            // Nothing was written: the committer tries again.
            Err(error) if is_full(&error) => {
                drop(tail);
                self.note_room(false);
                self.wake.notify_one();
                return Err(AuditUnavailable::Full);
            }
            Err(error) => {
                drop(tail);
                self.fail("the next segment could not be begun", &error);
                return Err(AuditUnavailable::Failed);
            }
            Ok(()) => {}
        }
        if let Err(error) = tail.active.file.write_all_at(line, tail.active.end) {
            // What is in the segment now is not known.
            tail.stopped = Some(AuditUnavailable::Failed);
            drop(tail);
            self.note_failure("a record could not be written", &error);
            return Err(AuditUnavailable::Failed);
        }
        tail.active.end += length;
        tail.next += 1;
        let waiting = tail.next.saturating_sub(self.synced.load(Ordering::Relaxed));
        drop(tail);
        if waiting.is_multiple_of(COMMIT_RECORDS) {
            self.wake.notify_one();
        }
        self.records.increment(1);
        self.bytes.increment(length);
        Ok(sequence)
    }

    /// Goes on in the spare. An error for which [`is_full`] holds changes nothing.
    pub(super) fn rotate(&self, tail: &mut Tail) -> std::io::Result<()> {
        tail.stuck = true;
        if tail.spare.is_some() {
            self.directory.name_spare(tail.next)?;
        }
        let spare = tail.spare.take().ok_or(std::io::ErrorKind::StorageFull)?;
        tail.stuck = false;
        let next = Segment { first: tail.next, file: Arc::new(spare), end: 0 };
        let full = std::mem::replace(&mut tail.active, next);
        tail.active_bytes = self.segment_bytes;
        tail.full.push(full);
        // There must be a new spare, soon.
        self.wake.notify_one();
        Ok(())
    }
}

impl Tail {
    fn admit(&mut self, segment_bytes: u64) -> Result<(), AuditUnavailable> {
        if let Some(why) = self.stopped {
            return Err(why);
        }
        if self.stuck {
            return Err(AuditUnavailable::Full);
        }
        let spare = if self.spare.is_some() { segment_bytes } else { 0 };
        let room = self.active_bytes.saturating_sub(self.active.end) + spare;
        // One more: what is left at the end of the active segment can be too short for a record.
        let needed = (self.permits + 2).saturating_mul(RECORD_BYTES_MAX as u64);
        if needed > room {
            let full = self.spare.is_none();
            return Err(if full { AuditUnavailable::Full } else { AuditUnavailable::Busy });
        }
        self.permits += 1;
        Ok(())
    }
}

/// Room for one record. Dropped unused, it gives the room back.
#[must_use = "what was let in is to be recorded"]
pub struct Permit {
    appender: Arc<Appender>,
    used: bool,
}

impl Permit {
    /// Records what became of the call; returns the record's sequence. When this returns, the
    /// record is with the operating system: a kill of the process loses it no more, a power cut may,
    /// until [`AuditLog::synced`](super::AuditLog::synced) says otherwise.
    ///
    /// It takes one system call, and waits for no task.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable::Failed`] if it could not be written, or an earlier one could not;
    /// [`AuditUnavailable::Full`] if the disk was too full even to name the segment that was kept.
    pub fn record(mut self, event: &Event<'_>) -> Result<u64, AuditUnavailable> {
        self.used = true;
        self.appender.record(event)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.used {
            let mut tail = self.appender.tail();
            tail.permits = tail.permits.saturating_sub(1);
        }
    }
}

/// After so many records the committer is woken before its interval ends: it bounds what a power
/// cut can take, and what there is to hash at a time.
const COMMIT_RECORDS: u64 = 8_192;
