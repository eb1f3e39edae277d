//! Walks along the leaves of the log, and compares the trees with what was signed.

use std::fs::File;
use std::io::{self, BufReader, Read};

use tlog_tiles::Hash;

use super::Report;
use super::claims::{Claim, Claims};
use crate::audit::directory::{Directory, HASHES};
use crate::audit::tree::Peaks;

/// Where the walk has come to.
pub(super) struct Walk<'a> {
    pub(super) directory: &'a Directory,
    pub(super) report: Report,
    /// Up to which record retention may have removed them.
    kept_from: u64,
    /// How many records the largest checkpoint covers.
    pub(super) covered: u64,
    claims: Claims,
    stored: Stored,
    by_lines: Peaks,
    /// Given once a line and its hash differ; until then it is the same tree.
    by_hashes: Option<Peaks>,
    /// Set where a record has neither line nor hash: nothing behind it can be compared.
    pub(super) lost: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        directory: &'a Directory,
        claims: Claims,
        report: Report,
    ) -> io::Result<Self> {
        let mut walk = Self {
            directory,
            report,
            kept_from: claims.kept_from(),
            covered: claims.size(),
            claims,
            stored: Stored::open(directory)?,
            by_lines: Peaks::empty(),
            by_hashes: None,
            lost: false,
        };
        walk.compare()?;
        Ok(walk)
    }

    /// The sequence of the record that is next.
    pub(super) fn next(&self) -> u64 {
        self.by_lines.size()
    }

    /// Passes the records that retention removed.
    pub(super) fn removed(&mut self) -> io::Result<()> {
        let removed = self.report.first.min(self.kept_from);
        while self.next() < removed && !self.lost {
            self.absent(HASHES)?;
        }
        Ok(())
    }

    /// Passes a record that is not there, by its hash.
    pub(super) fn absent(&mut self, file: &str) -> io::Result<()> {
        match self.stored.next()? {
            Some(hashes) => self.add(None, Some(hashes)),
            None => {
                let what = "has neither a line nor a hash: what follows cannot be compared";
                self.report.find(file, Some(self.next()), what);
                self.lost = true;
                Ok(())
            }
        }
    }

    /// Passes a record by its line; `false` if it is not what was hashed.
    pub(super) fn line(&mut self, leaf: Hash) -> io::Result<bool> {
        let stored = self.stored.next()?;
        let same =
            stored.as_ref().and_then(|hashes| hashes.first()).is_none_or(|hash| *hash == leaf);
        self.add(Some(leaf), stored)?;
        Ok(same)
    }

    fn add(&mut self, leaf: Option<Hash>, stored: Option<Vec<Hash>>) -> io::Result<()> {
        let known = stored.as_ref().and_then(|hashes| hashes.first().copied());
        let (Some(by_line), Some(by_hash)) = (leaf.or(known), known.or(leaf)) else {
            return Ok(());
        };
        let sequence = self.next();
        if by_line != by_hash && self.by_hashes.is_none() {
            self.by_hashes = Some(self.by_lines.clone());
        }
        let mut nodes = self.by_lines.push(by_line).map_err(io::Error::other)?;
        if let Some(by_hashes) = &mut self.by_hashes {
            nodes = by_hashes.push(by_hash).map_err(io::Error::other)?;
        }
        if stored.is_some_and(|stored| stored != nodes) {
            let what = "has hashes above it that are not those of its tree: proofs of it fail";
            self.report.find(HASHES, Some(sequence), what);
        }
        if sequence < self.covered && known.is_none() {
            self.report.find(HASHES, Some(sequence), "has no hash");
        }
        self.compare()
    }

    /// Compares the trees as they are with the checkpoints of this size.
    fn compare(&mut self) -> io::Result<()> {
        for Claim { source, checkpoint } in self.claims.take(self.next()) {
            let fits = |peaks: &Peaks| {
                peaks.root().map(|root| root.0 == checkpoint.root).map_err(io::Error::other)
            };
            let by_lines = fits(&self.by_lines)?;
            let by_hashes = fits(self.by_hashes.as_ref().unwrap_or(&self.by_lines))?;
            let size = checkpoint.size;
            let what = match (by_lines, by_hashes) {
                (true, true) => continue,
                (true, false) => format!(
                    "the hashes of the first {size} records are not those that were signed; the \
                     records are"
                ),
                (false, true) => format!(
                    "the first {size} records are not those that were signed; their hashes are, and \
                     tell which were changed"
                ),
                (false, false) => format!(
                    "neither the first {size} records nor their hashes are those that were signed"
                ),
            };
            self.report.find(&source, None, what);
        }
        Ok(())
    }

    /// What was found out.
    pub(super) fn end(mut self) -> Report {
        let records = self.next();
        self.report.after_checkpoint = records.saturating_sub(self.covered);
        for Claim { source, checkpoint } in self.claims.rest() {
            let what = format!(
                "and what was behind it are missing: {} records were signed, so the end was cut off, \
                 or this is an older copy",
                checkpoint.size
            );
            self.report.find(&source, Some(records), what);
        }
        self.report
    }
}

/// The file of hashes, read along.
struct Stored {
    file: Option<BufReader<File>>,
    size: u64,
}

impl Stored {
    fn open(directory: &Directory) -> io::Result<Self> {
        let file = match directory.open_to_read(HASHES) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            file => Some(BufReader::with_capacity(BUFFER_BYTES, file?)),
        };
        Ok(Self { file, size: 0 })
    }

    /// The hashes that were stored for the next record; `None` if there are none.
    fn next(&mut self) -> io::Result<Option<Vec<Hash>>> {
        let count = (self.size + 1).trailing_zeros() + 1;
        self.size += 1;
        let Some(file) = &mut self.file else { return Ok(None) };
        let mut hashes = Vec::new();
        for _ in 0..count {
            let mut hash = Hash::default();
            match file.read_exact(&mut hash.0) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.file = None;
                    return Ok(None);
                }
                read => read?,
            }
            hashes.push(hash);
        }
        Ok(Some(hashes))
    }
}

const BUFFER_BYTES: usize = 64 * 1_024;
