//! Reading records: one by its sequence, or a page of those that match.
//!
//! Sequences grow along a segment, so the line of one is found by bisection, without an index. A page
//! reads no more than [`PAGE_BYTES_MAX`] and then says where to go on.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::SystemTime;

use super::AuditLog;
use super::appender::Appender;
use super::directory::segment_name;
use super::record::{RECORD_BYTES_MAX, Record};
use super::segment::{Lines, line_before};

/// Which records are wanted: all that is given must match.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// In the form that records use.
    pub caller: Option<String>,
    /// The RPC.
    pub method: Option<String>,
    /// Which resource.
    pub resource: Option<About>,
    /// `OK`, or the name of a code.
    pub outcome: Option<String>,
    /// The reason of a refusal.
    pub reason: Option<String>,
    /// The id of a token that was given out.
    pub token_id: Option<String>,
    /// Not earlier than this.
    pub not_before: Option<SystemTime>,
    /// Earlier than this.
    pub before: Option<SystemTime>,
}

/// What a record must be about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum About {
    /// The resource of exactly this name.
    Exactly(String),
    /// The resource of this name, without `/` at its end, and all that lies below it.
    Within(String),
}

impl About {
    fn holds(&self, resource: &str) -> bool {
        match self {
            Self::Exactly(name) => resource == name,
            Self::Within(name) => match resource.strip_prefix(name.as_str()) {
                Some(rest) => rest.is_empty() || rest.starts_with('/'),
                None => false,
            },
        }
    }
}

/// Which page is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PageQuery {
    /// Along which direction.
    pub order: Order,
    /// Where to begin: the `next` of the page before; `None` for the first page.
    pub from: Option<u64>,
    /// Most records on it.
    pub records_max: usize,
}

/// A direction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Along growing sequences.
    OldestFirst,
    /// Along falling sequences.
    NewestFirst,
}

/// Some of the records that match.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// In the order that was wanted. There can be few or none although there are more.
    pub records: Vec<Record>,
    /// Where the next page begins; `None` if this was the last.
    pub next: Option<u64>,
}

/// Why records were not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadAuditError {
    /// A file could not be read.
    #[error("the audit log could not be read")]
    Files(#[from] io::Error),
    /// What was read is no record. `audit verify` tells more.
    #[error("the audit log is damaged near record {0}")]
    Damaged(u64),
}

impl AuditLog {
    /// The record of that sequence; `None` if it was removed, or is not there yet.
    ///
    /// # Errors
    ///
    /// As [`ReadAuditError`] says.
    pub async fn event(&self, sequence: u64) -> Result<Option<Record>, ReadAuditError> {
        let reader = self.reader();
        blocking(move || reader.record(sequence)).await
    }

    /// A page of the records that match.
    ///
    /// # Errors
    ///
    /// As [`ReadAuditError`] says.
    pub async fn list(&self, filter: Filter, page: PageQuery) -> Result<Page, ReadAuditError> {
        let reader = self.reader();
        blocking(move || match page.order {
            Order::OldestFirst => reader.forward(&filter, &page),
            Order::NewestFirst => reader.backward(&filter, &page),
        })
        .await
    }

    /// What the last checkpoint keeps: the files that it lets go are there for a moment more.
    pub(super) fn reader(&self) -> Reader {
        let kept_from = self.checkpoint().kept_from;
        let mut reader = Reader::new(&self.0.appender);
        reader.extents.retain(|extent| extent.first >= kept_from);
        reader
    }
}

pub(super) async fn blocking<T: Send + 'static, E: From<io::Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error).into()),
    }
}

/// The segments as they were when it was made.
pub(super) struct Reader {
    appender: Arc<Appender>,
    extents: Vec<Extent>,
    next: u64,
}

#[derive(Clone, Copy)]
struct Extent {
    first: u64,
    end: u64,
}

impl Reader {
    pub(super) fn new(appender: &Arc<Appender>) -> Self {
        let tail = appender.tail();
        let sealed = tail.sealed.iter().map(|segment| (segment.first, segment.bytes));
        let full = tail.full.iter().map(|segment| (segment.first, segment.end));
        let extents = sealed.chain(full).chain([(tail.active.first, tail.active.end)]);
        let extents = extents.map(|(first, end)| Extent { first, end }).collect();
        Self { appender: Arc::clone(appender), extents, next: tail.next }
    }

    pub(super) fn record(&self, sequence: u64) -> Result<Option<Record>, ReadAuditError> {
        if sequence >= self.next {
            return Ok(None);
        }
        let Some(position) = self.position(sequence) else { return Ok(None) };
        let Some((file, extent)) = self.open(position)? else { return Ok(None) };
        let offset = offset_of(&file, extent, sequence)?;
        let mut lines = Lines::new(&file, offset, extent.end);
        let line = lines.next()?.ok_or(ReadAuditError::Damaged(sequence))?;
        match Record::parse(line.bytes) {
            Ok(record) if record.sequence == sequence => Ok(Some(record)),
            _ => Err(ReadAuditError::Damaged(sequence)),
        }
    }

    fn forward(&self, filter: &Filter, page: &PageQuery) -> Result<Page, ReadAuditError> {
        let oldest = self.extents.first().map_or(0, |extent| extent.first);
        let mut sequence = page.from.unwrap_or(oldest).max(oldest);
        let (mut records, mut read) = (Vec::new(), 0);
        while sequence < self.next {
            let Some(position) = self.position(sequence) else { break };
            let Some((file, extent)) = self.open(position)? else {
                // Removed meanwhile: on with the next.
                sequence = self.end_of(position);
                continue;
            };
            let offset = offset_of(&file, extent, sequence)?;
            let mut lines = Lines::new(&file, offset, extent.end);
            while sequence < self.end_of(position) {
                if records.len() >= page.records_max || read >= PAGE_BYTES_MAX {
                    return Ok(Page { records, next: Some(sequence) });
                }
                let line = lines.next()?.ok_or(ReadAuditError::Damaged(sequence))?;
                read += line.bytes.len() as u64;
                records.extend(matching(line.bytes, sequence, filter)?);
                sequence += 1;
            }
        }
        Ok(Page { records, next: None })
    }

    fn backward(&self, filter: &Filter, page: &PageQuery) -> Result<Page, ReadAuditError> {
        let oldest = self.extents.first().map_or(0, |extent| extent.first);
        // Behind the record that is next.
        let mut behind = page.from.map_or(self.next, |from| from.saturating_add(1)).min(self.next);
        let (mut records, mut read) = (Vec::new(), 0);
        while behind > oldest {
            let Some(position) = self.position(behind - 1) else { break };
            // Removed meanwhile, with all that were before.
            let Some((file, extent)) = self.open(position)? else { break };
            let mut end = match behind == self.end_of(position) {
                true => extent.end,
                false => offset_of(&file, extent, behind)?,
            };
            while behind > extent.first {
                if records.len() >= page.records_max || read >= PAGE_BYTES_MAX {
                    return Ok(Page { records, next: Some(behind - 1) });
                }
                let line = line_before(&file, end)?.ok_or(ReadAuditError::Damaged(behind - 1))?;
                read += line.len() as u64;
                end -= line.len() as u64 + 1;
                behind -= 1;
                records.extend(matching(&line, behind, filter)?);
            }
        }
        Ok(Page { records, next: None })
    }

    /// Which segment holds a record; `None` if it was removed.
    fn position(&self, sequence: u64) -> Option<usize> {
        self.extents.partition_point(|extent| extent.first <= sequence).checked_sub(1)
    }

    /// The sequence behind the last record of a segment.
    fn end_of(&self, position: usize) -> u64 {
        self.extents.get(position + 1).map_or(self.next, |next| next.first)
    }

    /// `None` if retention removed it meanwhile.
    fn open(&self, position: usize) -> io::Result<Option<(File, Extent)>> {
        let Some(extent) = self.extents.get(position) else { return Ok(None) };
        match self.appender.directory.open_to_read(&segment_name(extent.first)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Ok(Some((file?, *extent))),
        }
    }
}

/// Where the line of a record begins, by bisection.
fn offset_of(file: &File, extent: Extent, sequence: u64) -> Result<u64, ReadAuditError> {
    // Lines that begin at `low` or before are not behind the record; those at `high` or behind are
    // not before it.
    let (mut low, mut high) = (0, extent.end);
    while high - low > RECORD_BYTES_MAX as u64 {
        let middle = low + (high - low) / 2;
        let Some((start, found)) = line_from(file, middle, extent.end)? else {
            return Err(ReadAuditError::Damaged(sequence));
        };
        if start >= high {
            break;
        }
        if found < sequence {
            low = start
        } else {
            high = start
        }
        if found == sequence {
            return Ok(start);
        }
    }
    let mut lines = Lines::new(file, low, extent.end);
    loop {
        let start = lines.offset();
        let line = lines.next()?.ok_or(ReadAuditError::Damaged(sequence))?;
        let found = Record::parse(line.bytes).ok().ok_or(ReadAuditError::Damaged(sequence))?;
        if found.sequence == sequence {
            return Ok(start);
        }
        if found.sequence > sequence {
            return Err(ReadAuditError::Damaged(sequence));
        }
    }
}

/// The first line that begins behind `offset`: where, and its sequence.
fn line_from(file: &File, offset: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
    let mut bytes = [0; RECORD_BYTES_MAX];
    let got = file.read_at(&mut bytes, offset)?;
    let newline = bytes.get(..got).and_then(|bytes| bytes.iter().position(|byte| *byte == b'\n'));
    let Some(newline) = newline else { return Ok(None) };
    let start = offset + newline as u64 + 1;
    if start >= end {
        return Ok(Some((start, u64::MAX)));
    }
    let mut lines = Lines::new(file, start, end);
    let line = lines.next()?;
    Ok(line.and_then(|line| Record::parse(line.bytes).ok()).map(|found| (start, found.sequence)))
}

/// The record of a line, if it matches.
fn matching(line: &[u8], sequence: u64, filter: &Filter) -> Result<Option<Record>, ReadAuditError> {
    match Record::parse(line) {
        Ok(record) if record.sequence == sequence => Ok(filter.matches(&record).then_some(record)),
        _ => Err(ReadAuditError::Damaged(sequence)),
    }
}

impl Filter {
    fn matches(&self, record: &Record) -> bool {
        let Self { caller, method, resource, outcome, reason, token_id, not_before, before } = self;
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == text)
        };
        let event = &record.event;
        is(caller, &event.caller)
            && is(method, &event.method)
            && resource.as_ref().is_none_or(|about| about.holds(&event.resource))
            && is(outcome, &event.outcome)
            && is(reason, &event.reason)
            && is(token_id, &event.token_id)
            && not_before.is_none_or(|from| record.time >= from)
            && before.is_none_or(|until| record.time < until)
    }
}

/// Most bytes of records that one page looks at: some ten thousand records, a few milliseconds.
const PAGE_BYTES_MAX: u64 = 4 * 1_024 * 1_024;
