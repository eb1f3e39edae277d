//! What a kill or power cut left of the segments.
//!
//! What a checkpoint covers was synced before: if it is not there, or is something else, the log is
//! refused. Behind that, the records up to the first that is torn or missing are kept, and the rest
//! was promised to nobody. A record that has a hash was synced, too, and must be there.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::sync::Arc;

use super::AuditSettings;
use super::appender::{Sealed, Segment, Tail};
use super::checkpoint::SignedCheckpoint;
use super::directory::{Directory, is_full, segment_name};
use super::opening::{Damage, OpenAuditError};
use super::record::{InvalidRecord, Record};
use super::segment::{Lines, content_end, line_before};
use super::tree::{HashFile, hash_bytes, leaf};

/// What there is.
pub(super) struct Recovered {
    pub(super) tail: Tail,
    /// Where the first record lies that is not under the checkpoint.
    pub(super) cursor: (u64, u64),
}

pub(super) fn recover(
    directory: &Directory,
    checkpoint: &SignedCheckpoint,
    hashes: &File,
    settings: &AuditSettings,
) -> Result<Recovered, OpenAuditError> {
    let firsts = kept_segments(directory, checkpoint)?;
    let hash_bytes = hashes.metadata()?.len();
    let covered = checkpoint.size;
    let mut scan = Scan { directory, covered, hashes, hash_bytes, cursor: (0, 0) };
    let (mut sealed, mut full, mut last) = (Vec::new(), Vec::new(), None);
    for (position, first) in firsts.iter().copied().enumerate() {
        let next = firsts.get(position + 1).copied();
        if let Some(next) = next.filter(|next| *next <= checkpoint.size) {
            match scan.covered_segment(first, next)? {
                Old::Sealed(segment) => sealed.push(segment),
                Old::Full(segment) => full.push(segment),
            }
            continue;
        }
        let (segment, end) = scan.segment(first)?;
        if next == Some(end) {
            full.push(segment);
            continue;
        }
        scan.check_end(end)?;
        // Later segments began behind records that a power cut took.
        for later in firsts.iter().skip(position + 1) {
            tracing::warn!(segment = later, "unsynced records of the audit log were lost");
            directory.remove(&segment_name(*later))?;
        }
        last = Some((segment, end));
        break;
    }
    let spare = directory.preallocate_spare(settings.segment_bytes, settings.reserve_bytes);
    let mut spare = match spare {
        Err(error) if is_full(&error) => None,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {
            return Err(OpenAuditError::NoPreallocation);
        }
        spare => Some(spare?),
    };
    let (active, next) = match last {
        Some(last) => last,
        // A log without records; `kept_segments` has made sure of it.
        None => {
            let file = Arc::new(spare.take().ok_or(OpenAuditError::Full)?);
            directory.name_spare(0)?;
            (Segment { first: 0, file, end: 0 }, 0)
        }
    };
    let active_bytes = active.file.metadata()?.len();
    let tail = Tail {
        sealed,
        full,
        active,
        active_bytes,
        spare,
        next,
        stuck: false,
        permits: 0,
        stopped: None,
    };
    Ok(Recovered { tail, cursor: scan.cursor })
}

/// The segments that were not removed, or were about to be.
fn kept_segments(
    directory: &Directory,
    checkpoint: &SignedCheckpoint,
) -> Result<Vec<u64>, OpenAuditError> {
    let mut firsts = directory.segments()?;
    let kept = firsts.partition_point(|first| *first < checkpoint.kept_from);
    match firsts.get(kept) {
        Some(first) if *first == checkpoint.kept_from => {}
        None if checkpoint.size == 0 && firsts.is_empty() => {}
        _ => return Err(Damage::Missing(checkpoint.kept_from).into()),
    }
    for old in firsts.drain(..kept) {
        directory.remove(&segment_name(old))?;
    }
    Ok(firsts)
}

enum Old {
    Sealed(Sealed),
    Full(Segment),
}

struct Scan<'a> {
    directory: &'a Directory,
    /// How many records the checkpoint covers.
    covered: u64,
    hashes: &'a File,
    hash_bytes: u64,
    /// As that of [`Recovered`].
    cursor: (u64, u64),
}

impl Scan<'_> {
    /// A segment that lies wholly under the checkpoint. Its end is looked at; the rest is for a
    /// verifier, which takes its time.
    fn covered_segment(&mut self, first: u64, next: u64) -> Result<Old, OpenAuditError> {
        let file = self.directory.open_to_read(&segment_name(first))?;
        let end = content_end(&file)?;
        let last = line_before(&file, end)?.and_then(|line| Record::parse(&line).ok());
        if last.map(|record| record.sequence) != next.checked_sub(1) {
            return Err(Damage::Missing(first).into());
        }
        self.cursor = (next, 0);
        if end == file.metadata()?.len() {
            return Ok(Old::Sealed(Sealed { first, bytes: end }));
        }
        let file = Arc::new(self.directory.open(&segment_name(first))?);
        Ok(Old::Full(Segment { first, file, end }))
    }

    /// Any other segment, and the sequence behind its last record. What is behind that is wiped.
    fn segment(&mut self, first: u64) -> Result<(Segment, u64), OpenAuditError> {
        let path = self.directory.path(&segment_name(first));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let file = self.directory.open(&segment_name(first))?;
        let bytes = file.metadata()?.len();
        if first <= self.covered {
            self.cursor = (first, 0);
        }
        let mut lines = Lines::new(&file, 0, bytes);
        let (mut sequence, mut end) = (first, 0);
        while let Some(line) = lines.next()? {
            match Record::parse(line.bytes) {
                Ok(record) if record.sequence == sequence => {}
                Err(InvalidRecord::Version(_)) => return Err(OpenAuditError::Newer(sequence)),
                Ok(_) | Err(InvalidRecord::Shape | InvalidRecord::Spelling) => break,
            }
            let known = self.hash(sequence)?;
            if known.is_some_and(|known| known != leaf(line.bytes)) {
                return Err(Damage::Changed(sequence).into());
            }
            (sequence, end) = (sequence + 1, line.end);
            if sequence <= self.covered {
                self.cursor = (first, end);
            }
        }
        if sequence < self.covered {
            return Err(Damage::Missing(sequence).into());
        }
        let torn = content_end(&file)?;
        if torn > end {
            tracing::warn!(bytes = torn - end, "a torn end of the audit log was removed");
            let zeros = vec![0; usize::try_from(torn - end).unwrap_or_default()];
            file.write_all_at(&zeros, end)?;
        }
        Ok((Segment { first, file: Arc::new(file), end }, sequence))
    }

    /// Makes sure that no record is missing that was synced once.
    fn check_end(&self, end: u64) -> Result<(), OpenAuditError> {
        match self.hash(end)? {
            Some(_) => Err(Damage::Missing(end).into()),
            None => Ok(()),
        }
    }

    /// The hash of a record, if one is stored. After a power cut zeros may stand in its place.
    fn hash(&self, sequence: u64) -> Result<Option<tlog_tiles::Hash>, OpenAuditError> {
        if self.hash_bytes < hash_bytes(sequence + 1) {
            return Ok(None);
        }
        let hash = HashFile(self.hashes).get(tlog_tiles::stored_hash_index(0, sequence))?;
        Ok((hash.0 != [0; 32]).then_some(hash))
    }
}
