//! Opening a log: making it, or finding out what a kill or power cut left of it.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;

use super::AuditSettings;
use super::appender::Appender;
use super::checkpoint::{InvalidCheckpoint, NOTE_BYTES_MAX, SignedCheckpoint, Signer, Verifier};
use super::committer::{Committer, note_checkpoint};
use super::directory::{CHECKPOINT, Directory, HASHES, HISTORY, is_full};
use super::history::{HISTORY_BYTES_MAX, History};
use super::recovery::{Recovered, recover};
use super::tree::{HashFile, Peaks, hash_bytes};
use crate::ports::Clock;

/// Why a log was not opened. Nothing that a checkpoint covers was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenAuditError {
    /// A file could not be read or written.
    #[error("the audit log's files cannot be used")]
    Files(#[from] io::Error),
    /// Another process has it open.
    #[error("the audit log is in use by another process")]
    InUse,
    /// The name of the log cannot be that of a key.
    #[error("the audit log's name must have 1 to 256 bytes, without spaces and `+`")]
    Origin,
    /// There is no room for the first segment.
    #[error("the disk has no room for the audit log: free some, or use a larger one")]
    Full,
    /// The file system cannot promise room.
    #[error(
        "the file system of the audit log cannot keep room for a file (fallocate), so calls could not \
         be promised to be recorded: put the log on one that can, such as ext4, XFS, Btrfs or tmpfs"
    )]
    NoPreallocation,
    /// There are records of a newer version.
    #[error("record {0} of the audit log was written by a newer version of ionvault: run that one")]
    Newer(u64),
    /// What a checkpoint vouches for is missing, or is not what it was.
    #[error(
        "{0}. It was tampered with, or the disk is damaged: keep a copy of the directory as \
         evidence, look with `ionvault audit verify`, and then restore it from a good copy, or move \
         it away, which begins a new log"
    )]
    Damaged(Damage),
}

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Damage {
    /// There are records, and no checkpoint.
    #[error("the audit log's file `checkpoint` is missing")]
    NoCheckpoint,
    /// The checkpoint does not open.
    #[error("the audit log's file `checkpoint` is not this log's: {0}")]
    Checkpoint(InvalidCheckpoint),
    /// The hashes are not those of the checkpoint.
    #[error("the audit log's file `hashes` does not fit the checkpoint of {0} records")]
    Hashes(u64),
    /// Records are missing, from that sequence on.
    #[error("record {0} of the audit log is missing")]
    Missing(u64),
    /// A record is not what was hashed.
    #[error("record {0} of the audit log was changed")]
    Changed(u64),
}

impl From<Damage> for OpenAuditError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

/// Opens the log in a directory, whose lock the caller holds.
pub(super) fn open(
    directory: Directory,
    signer: Signer,
    settings: &AuditSettings,
    clock: Arc<dyn Clock>,
) -> Result<Committer, OpenAuditError> {
    for name in [CHECKPOINT, HISTORY] {
        directory.remove(&format!("{name}.new"))?;
    }
    let hashes = directory.open_or_make(HASHES)?;
    let checkpoint = match directory.read(CHECKPOINT, NOTE_BYTES_MAX)? {
        Some(note) => opened(&note, &signer)?,
        None => first_checkpoint(&directory, &signer, hashes.metadata()?.len())?,
    };
    if hashes.metadata()?.len() < hash_bytes(checkpoint.size) {
        return Err(Damage::Hashes(checkpoint.size).into());
    }
    let peaks = Peaks::read(checkpoint.size, &HashFile(&hashes)).map_err(io::Error::other)?;
    if peaks.root().map_err(io::Error::other)?.0 != checkpoint.root {
        return Err(Damage::Hashes(checkpoint.size).into());
    }
    let history = directory.read(HISTORY, HISTORY_BYTES_MAX)?.unwrap_or_default();
    let history = History::parse(&String::from_utf8_lossy(&history));
    let Recovered { tail, cursor } = recover(&directory, &checkpoint, &hashes, settings)?;
    // What is not under the checkpoint is hashed again.
    hashes.set_len(hash_bytes(checkpoint.size))?;
    note_checkpoint(checkpoint.size, clock.now());
    // Everything that is not under the checkpoint is taken for unsynced, names included.
    let (synced, named) = (checkpoint.size, u64::MAX);
    let appender = Appender::new(directory, settings.segment_bytes, clock, tail, synced);
    let mut committer = Committer {
        appender: Arc::new(appender),
        signer,
        reserve_bytes: settings.reserve_bytes,
        retention: settings.retention,
        hashes,
        peaks,
        cursor,
        named,
        history,
        checkpoint: watch::Sender::new(Arc::new(checkpoint)),
    };
    committer.commit(false);
    Ok(committer)
}

fn opened(note: &[u8], signer: &Signer) -> Result<SignedCheckpoint, OpenAuditError> {
    let verifier = Verifier::new(signer.verifier_key()).map_err(io::Error::other)?;
    let note = std::str::from_utf8(note).ok().ok_or(InvalidCheckpoint::Shape);
    let checkpoint = note.and_then(|note| verifier.open(note));
    Ok(checkpoint.map_err(Damage::Checkpoint)?)
}

/// The checkpoint of an empty log. It is there before the first segment is, so that from then on a
/// log without a checkpoint is one that lost it.
fn first_checkpoint(
    directory: &Directory,
    signer: &Signer,
    hash_bytes: u64,
) -> Result<SignedCheckpoint, OpenAuditError> {
    if hash_bytes > 0 || !directory.segments()?.is_empty() {
        return Err(Damage::NoCheckpoint.into());
    }
    let root = Peaks::empty().root().map_err(io::Error::other)?;
    let signed = signer.sign(0, root, 0).ok_or(OpenAuditError::Origin)?;
    match directory.replace(CHECKPOINT, signed.note.as_bytes()) {
        Err(error) if is_full(&error) => Err(OpenAuditError::Full),
        replaced => Ok(replaced.map(|()| signed)?),
    }
}
