//! What checkpoints say of the log, each with where it came from.

use std::io;

use super::Report;
use crate::audit::checkpoint::{NOTE_BYTES_MAX, SignedCheckpoint, Verifier};
use crate::audit::directory::{CHECKPOINT, Directory, HISTORY};
use crate::audit::history::{HISTORY_BYTES_MAX, History};

/// One checkpoint whose signature is good.
pub(super) struct Claim {
    pub(super) source: String,
    pub(super) checkpoint: SignedCheckpoint,
}

/// All of them, the smallest first.
pub(super) struct Claims(Vec<Claim>);

impl Claims {
    /// Those of the directory, and those that were kept elsewhere. What does not open is found.
    pub(super) fn read(
        directory: &Directory,
        verifier: &Verifier,
        witnessed: &[String],
        report: &mut Report,
    ) -> io::Result<Self> {
        let mut notes = Vec::new();
        match directory.read(CHECKPOINT, NOTE_BYTES_MAX)? {
            Some(note) => notes.push((CHECKPOINT.to_owned(), lossy(note))),
            None => report.find(CHECKPOINT, None, "the file is missing"),
        }
        let history = directory.read(HISTORY, HISTORY_BYTES_MAX)?.unwrap_or_default();
        for (position, note) in History::parse(&lossy(history)).notes().iter().enumerate() {
            notes.push((format!("{HISTORY}, number {}", position + 1), note.clone()));
        }
        for (position, note) in witnessed.iter().enumerate() {
            notes.push((format!("witnessed checkpoint {}", position + 1), note.clone()));
        }
        let mut claims = Vec::new();
        for (source, note) in notes {
            match verifier.open(&note) {
                Ok(checkpoint) => claims.push(Claim { source, checkpoint }),
                Err(error) => report.find(&source, None, error.to_string()),
            }
        }
        claims.sort_by_key(|claim| claim.checkpoint.size);
        Ok(Self(claims))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many records the largest covers.
    pub(super) fn size(&self) -> u64 {
        self.0.last().map_or(0, |claim| claim.checkpoint.size)
    }

    /// Records before this may be missing: retention removed them.
    pub(super) fn kept_from(&self) -> u64 {
        self.0.iter().map(|claim| claim.checkpoint.kept_from).max().unwrap_or(0)
    }

    /// Those about the tree of that size. To be asked for growing sizes.
    pub(super) fn take(&mut self, size: u64) -> Vec<Claim> {
        let upto = self.0.partition_point(|claim| claim.checkpoint.size <= size);
        self.0.drain(..upto).collect()
    }

    /// Those about more records than there are.
    pub(super) fn rest(self) -> Vec<Claim> {
        self.0
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
