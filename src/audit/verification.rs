//! Finding out offline whether a log is what was signed: copied files, the public key, and
//! checkpoints that were kept elsewhere are all that is needed.
//!
//! Two trees are built side by side: one of the lines, one of the file `hashes`. Where a checkpoint
//! fits the second only, records were changed, and the hashes say which; where it fits the first
//! only, the hashes were. Records that retention removed are in the trees by their hashes.

mod claims;
mod lines;
mod walk;

use std::fmt;
use std::io;
use std::path::Path;

use self::claims::Claims;
use self::walk::Walk;
use super::checkpoint::{InvalidVerifierKey, Verifier};
use super::directory::Directory;

/// What was found out about a log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How many records were read.
    pub records: u64,
    /// The first that is there.
    pub first: u64,
    /// How many records the largest checkpoint covers.
    pub size: u64,
    /// How many records are there that no checkpoint covers yet.
    pub after_checkpoint: u64,
    /// How many checkpoints the log was compared with.
    pub checkpoints: u64,
    /// What is wrong, in the order of the log; the first thousand.
    pub findings: Vec<Finding>,
    /// How many more findings there were.
    pub findings_left_out: u64,
    /// What is worth a look and proves nothing, such as dates that go backwards.
    pub notes: Vec<Finding>,
}

/// Something that an auditor should know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// Which file; of a checkpoint, where it came from.
    pub file: String,
    /// Which record, if it is about one.
    pub sequence: Option<u64>,
    /// What it is.
    pub what: String,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The key is none.
    #[error(transparent)]
    Key(#[from] InvalidVerifierKey),
    /// The files cannot be read.
    #[error("the files of the audit log cannot be read")]
    Files(#[from] io::Error),
}

/// Verifies the log in `dir` by the public key and the notes of checkpoints that were kept
/// elsewhere. Without those, an older copy of the whole log looks sound. It blocks, and reads
/// everything; nothing is changed.
///
/// Of a log that is being written, copy `checkpoint` first: what is copied later covers it.
///
/// # Errors
///
/// As [`VerifyError`] says. That something is wrong with the log is no error but a [`Finding`].
pub fn verify(dir: &Path, verifier_key: &str, witnessed: &[String]) -> Result<Report, VerifyError> {
    let verifier = Verifier::new(verifier_key)?;
    let directory = Directory::new(dir);
    let segments = directory.segments()?;
    let mut report = Report::default();
    let claims = Claims::read(&directory, &verifier, witnessed, &mut report)?;
    report.size = claims.size();
    report.checkpoints = claims.len() as u64;
    report.first = segments.first().copied().unwrap_or(claims.kept_from());
    let mut walk = Walk::new(&directory, claims, report)?;
    walk.removed()?;
    for (position, first) in segments.iter().copied().enumerate() {
        walk.segment(first, segments.get(position + 1).copied())?;
    }
    Ok(walk.end())
}

impl Report {
    /// Whether the log is what was signed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, file: &str, sequence: Option<u64>, what: impl Into<String>) {
        if self.findings.len() == FINDINGS_MAX {
            self.findings_left_out += 1;
        } else {
            self.findings.push(Finding { file: file.to_owned(), sequence, what: what.into() });
        }
    }

    fn note(&mut self, file: &str, sequence: Option<u64>, what: impl Into<String>) {
        if self.notes.len() < FINDINGS_MAX {
            self.notes.push(Finding { file: file.to_owned(), sequence, what: what.into() });
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sequence {
            Some(sequence) => write!(f, "{}: record {sequence} {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// Most findings, and most notes, that are listed: more tell an auditor nothing new.
const FINDINGS_MAX: usize = 1_000;
