//! The lines of one segment: what each should be, and what it is.

use std::fs::File;
use std::io;
use std::time::SystemTime;

use super::walk::Walk;
use crate::audit::directory::segment_name;
use crate::audit::record::Record;
use crate::audit::segment::{Lines, content_end};
use crate::audit::tree::leaf;

impl Walk<'_> {
    /// Walks along a segment, up to the next one's first record.
    pub(super) fn segment(&mut self, first: u64, next: Option<u64>) -> io::Result<()> {
        let name = segment_name(first);
        let file = self.directory.open_to_read(&name)?;
        self.missing_up_to(first, &name)?;
        if first < self.next() {
            self.report.find(&name, None, "its records should be in the segment before");
        }
        // A sequence that was made up must not make us look for millions of records.
        let limit = next.unwrap_or(u64::MAX).min(self.covered.max(self.next()) + JUMP_MAX);
        let end = content_end(&file)?;
        let mut lines = Lines::new(&file, 0, end);
        let mut last_time = None;
        while let Some(line) = lines.next()?.filter(|_| !self.lost) {
            let record = match Record::parse(line.bytes) {
                Ok(record) => record,
                Err(error) => {
                    let place = line.end - line.bytes.len() as u64 - 1;
                    let what = format!("the line at byte {place} is {error}");
                    self.report.find(&name, None, what);
                    continue;
                }
            };
            if record.sequence < self.next() || record.sequence >= limit {
                let what = "is not where it belongs: it was put in, or records were reordered";
                self.report.find(&name, Some(record.sequence), what);
                continue;
            }
            self.missing_up_to(record.sequence, &name)?;
            self.report.records += 1;
            if !self.line(leaf(line.bytes))? {
                self.report.find(
                    &name,
                    Some(record.sequence),
                    "was changed: it is not what was hashed",
                );
            }
            self.note_time(&name, &record, &mut last_time);
        }
        let offset = lines.offset();
        self.behind_lines(&name, &file, offset, end, next)
    }

    /// Passes the records up to that one, which are not there.
    fn missing_up_to(&mut self, sequence: u64, name: &str) -> io::Result<()> {
        let from = self.next();
        if from >= sequence || self.lost {
            return Ok(());
        }
        let what = match sequence - from {
            1 => "is missing: it was removed".to_owned(),
            more => format!("and {} behind it are missing: they were removed", more - 1),
        };
        self.report.find(name, Some(from), what);
        while self.next() < sequence && !self.lost {
            self.absent(name)?;
        }
        Ok(())
    }

    /// What is behind the last whole line: nothing, or zeros in the segment that is being written.
    fn behind_lines(
        &mut self,
        name: &str,
        file: &File,
        offset: u64,
        end: u64,
        next: Option<u64>,
    ) -> io::Result<()> {
        if self.lost {
            return Ok(());
        }
        if offset < end {
            let what = format!("from byte {offset} on there are no whole lines");
            // A copy that was made while a record was written ends like this, as does a power cut.
            if next.is_none() && self.next() >= self.covered {
                self.report.note(name, None, what);
            } else {
                self.report.find(name, None, what);
            }
        }
        if next.is_some()
            && end < file.metadata()?.len()
            && next.is_some_and(|next| next < self.covered)
        {
            self.report.note(name, None, "is not sealed, although it is full");
        }
        Ok(())
    }

    /// A clock that was set back explains dates that go backwards; so does a forged record.
    fn note_time(&mut self, name: &str, record: &Record, last: &mut Option<SystemTime>) {
        if last.is_some_and(|last| record.time < last) {
            self.report.note(name, Some(record.sequence), "is dated before the one before it");
        }
        *last = Some(record.time);
    }
}

/// How far behind the last checkpoint records are looked for where some are missing: more than are
/// ever written between two checkpoints.
const JUMP_MAX: u64 = 10_000_000;
