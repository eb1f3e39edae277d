//! What happens to records after they were written: they are synced, hashed and put under a signed
//! checkpoint, in groups; full segments are sealed, and there is always a spare one.
//!
//! The order is what recovery relies on. A hash is stored only for a record that is synced; a
//! checkpoint is written only after the hashes under it are; a segment is removed only after a
//! checkpoint says so.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use metrics::gauge;
use tokio::sync::watch;

use super::appender::{Appender, Sealed, Segment};
use super::checkpoint::{SignedCheckpoint, Signer};
use super::directory::{CHECKPOINT, HISTORY, is_full, segment_name};
use super::history::History;
use super::retention;
use super::segment::Lines;
use super::tree::{Peaks, hash_bytes, leaf};

/// Works for one log. Everything it does blocks.
pub(super) struct Committer {
    pub(super) appender: Arc<Appender>,
    pub(super) signer: Signer,
    pub(super) reserve_bytes: u64,
    pub(super) retention: Option<Duration>,
    /// The file of hashes; right up to the size of the tree.
    pub(super) hashes: File,
    pub(super) peaks: Peaks,
    /// Where the first record lies that is not in the tree: the first sequence of its segment, and
    /// the offset.
    pub(super) cursor: (u64, u64),
    /// The newest segment whose name is durable.
    pub(super) named: u64,
    pub(super) history: History,
    pub(super) checkpoint: watch::Sender<Arc<SignedCheckpoint>>,
}

/// Why a group was not committed.
enum CommitError {
    /// It passes.
    Full,
    /// It does not.
    Failed(&'static str, io::Error),
}

impl Committer {
    /// Commits what was recorded so far, and signs a checkpoint of it if that is wanted. A failure
    /// is told to everybody by the appender.
    pub(super) fn commit(&mut self, sign: bool) {
        let spare = self.keep_spare();
        let done = self.sync_and_hash().and_then(|()| if sign { self.sign() } else { Ok(()) });
        match spare.and(done) {
            Ok(()) => self.appender.note_room(true),
            Err(CommitError::Full) => self.appender.note_room(false),
            Err(CommitError::Failed(what, error)) => self.appender.fail(what, &error),
        }
    }

    /// Preallocates the next segment, if there is none. One that could not take over is tried again
    /// first: only then is anybody let in who will need it.
    fn keep_spare(&self) -> Result<(), CommitError> {
        {
            let mut tail = self.appender.tail();
            if tail.stuck && tail.spare.is_some() {
                let begun = self.appender.rotate(&mut tail);
                begun.map_err(failed("the next segment could not be begun"))?;
            }
            if tail.spare.is_some() {
                return Ok(());
            }
        }
        let (bytes, reserve) = (self.appender.segment_bytes, self.reserve_bytes);
        let spare = self.appender.directory.preallocate_spare(bytes, reserve);
        let spare = spare.map_err(failed("the next segment could not be made"))?;
        self.appender.tail().spare = Some(spare);
        Ok(())
    }

    fn sync_and_hash(&mut self) -> Result<(), CommitError> {
        let (full, active, next) = {
            let tail = self.appender.tail();
            (tail.full.clone(), tail.active.clone(), tail.next)
        };
        let synced = self.appender.standing.borrow().synced;
        if next > synced {
            if active.first != self.named {
                let named = self.appender.directory.sync();
                named.map_err(fatal("the directory could not be synced"))?;
                self.named = active.first;
            }
            for segment in full.iter().chain([&active]) {
                segment.file.sync_data().map_err(fatal("a segment could not be synced"))?;
            }
            self.appender.note_synced(next);
        }
        for segment in full.iter().chain([&active]) {
            self.hash(segment)?;
        }
        for segment in full {
            self.seal(&segment).map_err(fatal("a segment could not be sealed"))?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        gauge!("ionvault_audit_unsynced_records").set((self.appender.tail().next - next) as f64);
        Ok(())
    }

    /// Adds to the tree what a segment has more.
    fn hash(&mut self, segment: &Segment) -> Result<(), CommitError> {
        if segment.first > self.cursor.0 {
            self.cursor = (segment.first, 0);
        }
        if segment.first < self.cursor.0 {
            return Ok(());
        }
        let mut lines = Lines::new(&segment.file, self.cursor.1, segment.end);
        while lines.offset() < segment.end {
            let (mut peaks, mut stored) = (self.peaks.clone(), Vec::new());
            for _ in 0..HASHED_AT_ONCE {
                let unreadable = "what was recorded could not be read back";
                let Some(line) = lines.next().map_err(fatal(unreadable))? else {
                    if lines.offset() < segment.end {
                        return Err(fatal(unreadable)(io::ErrorKind::InvalidData.into()));
                    }
                    break;
                };
                let new = peaks.push(leaf(line.bytes));
                let new = new.map_err(|error| fatal("the tree")(io::Error::other(error)))?;
                stored.extend(new.iter().flat_map(|hash| hash.0));
            }
            let written = self.hashes.write_all_at(&stored, hash_bytes(self.peaks.size()));
            written.map_err(failed("the hashes could not be written"))?;
            (self.peaks, self.cursor.1) = (peaks, lines.offset());
        }
        Ok(())
    }

    /// Cuts off what a full segment has behind its lines, and makes it read-only.
    fn seal(&self, segment: &Segment) -> io::Result<()> {
        seal(&segment.file, segment.end)?;
        let mut tail = self.appender.tail();
        tail.full.retain(|full| full.first != segment.first);
        tail.sealed.push(Sealed { first: segment.first, bytes: segment.end });
        Ok(())
    }

    /// Signs the tree as it is, if that is news; then removes what retention lets go.
    fn sign(&mut self) -> Result<(), CommitError> {
        let last = Arc::clone(&self.checkpoint.borrow());
        let (size, now) = (self.peaks.size(), self.appender.clock.now());
        let kept_from = self.kept_from(&last, now)?;
        if (size, kept_from) == (last.size, last.kept_from) {
            return Ok(());
        }
        self.hashes.sync_data().map_err(fatal("the hashes could not be synced"))?;
        let signed =
            self.peaks.root().ok().and_then(|root| self.signer.sign(size, root, kept_from));
        let unsigned = || fatal("a checkpoint could not be signed")(io::Error::other("malformed"));
        let signed = Arc::new(signed.ok_or_else(unsigned)?);
        let directory = &self.appender.directory;
        let replaced = directory.replace(CHECKPOINT, signed.note.as_bytes());
        replaced.map_err(failed("a checkpoint could not be written"))?;
        self.history.add(&signed.note);
        let replaced = directory.replace(HISTORY, self.history.text().as_bytes());
        replaced.map_err(failed("the history of checkpoints could not be written"))?;
        note_checkpoint(size, now);
        self.checkpoint.send_replace(signed);
        self.remove_before(kept_from).map_err(fatal("an old segment could not be removed"))
    }

    /// The first record to keep.
    fn kept_from(&self, last: &SignedCheckpoint, now: SystemTime) -> Result<u64, CommitError> {
        let before = self.retention.and_then(|retention| now.checked_sub(retention));
        let Some(before) = before else { return Ok(last.kept_from) };
        let sealed = self.appender.tail().sealed.clone();
        let kept_from = retention::kept_from(&self.appender.directory, &sealed, before);
        let kept_from = kept_from.map_err(fatal("an old segment could not be read"))?;
        Ok(kept_from.unwrap_or(last.kept_from).max(last.kept_from))
    }

    fn remove_before(&self, kept_from: u64) -> io::Result<()> {
        let old: Vec<_> = {
            let mut tail = self.appender.tail();
            let kept = tail.sealed.partition_point(|segment| segment.first < kept_from);
            tail.sealed.drain(..kept).collect()
        };
        for segment in &old {
            self.appender.directory.remove(&segment_name(segment.first))?;
        }
        if old.is_empty() { Ok(()) } else { self.appender.directory.sync() }
    }
}

/// Cuts a segment off where its lines end, makes it read-only, and all that durable.
pub(super) fn seal(file: &File, end: u64) -> io::Result<()> {
    file.set_len(end)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o400))?;
    file.sync_all()
}

pub(super) fn note_checkpoint(size: u64, now: SystemTime) {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    let (size, seconds) = (size as f64, seconds as f64);
    gauge!("ionvault_audit_checkpoint_size").set(size);
    gauge!("ionvault_audit_checkpoint_time_seconds").set(seconds);
}

/// What cannot pass: after a failed sync nobody knows what is on the disk.
fn fatal(what: &'static str) -> impl Fn(io::Error) -> CommitError {
    move |error| CommitError::Failed(what, error)
}

/// What passes if it is the disk that is full.
fn failed(what: &'static str) -> impl Fn(io::Error) -> CommitError {
    move |error| if is_full(&error) { CommitError::Full } else { CommitError::Failed(what, error) }
}

/// Bounds the memory of hashes that are not written yet: 64 bytes for each record.
const HASHED_AT_ONCE: usize = 4_096;
