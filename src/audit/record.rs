//! What is recorded of a call, and the bytes of a record. `tests/vectors/audit` pins them: a change
//! here needs a new version.
//!
//! A record is one JSON object on one line, without spaces, its keys in this order; its leaf in the
//! tree is the line without its end. Keys whose text is empty are left out.
//!
//! | key            | holds                                                                      | bytes |
//! |----------------|----------------------------------------------------------------------------|------:|
//! | `v`            | version, always 1                                                          |     1 |
//! | `sequence`     | how many records were before it                                            |    20 |
//! | `time`         | when it was written: RFC 3339, UTC, microseconds                           |    27 |
//! | `caller`       | who called, in the form that policies use; left out if nobody was identified | 2,560 |
//! | `listener`     | where the call came in                                                     |    32 |
//! | `address`      | of the peer                                                                |    64 |
//! | `method`       | the RPC                                                                    |    64 |
//! | `resource`     | the resource name that was asked about                                     |   384 |
//! | `outcome`      | `OK`, or the name of the gRPC code                                         |    32 |
//! | `reason`       | the reason of the refusal                                                  |    64 |
//! | `token_id`     | the token that was given out; not the token                                |    64 |
//! | `request_id`   | as the caller gave it                                                      |   128 |
//! | `requested_by` | the person behind the call, as the caller asserts it                       | 1,024 |
//! | `trace_id`     | the trace that the call belongs to                                         |    64 |
//! | `count`        | how many calls one record stands for; left out for one call                |    20 |
//! | `first_time`   | of the first of them; with `count` only                                    |    27 |
//! | `last_time`    | of the last of them; with `count` only                                     |    27 |
//!
//! Longer texts are cut and end in `…`; control characters are replaced. So a record cannot pass
//! [`RECORD_BYTES_MAX`], and nothing in it moves a terminal's cursor.

use std::borrow::Cow;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::date;

/// What is recorded of a call. Nothing secret has a place in it: neither a token nor a file's bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Event<'a> {
    /// Who called, in the form that policies use; empty if nobody was identified.
    pub caller: Cow<'a, str>,
    /// The name of the listener.
    pub listener: Cow<'a, str>,
    /// The peer's address; empty where there is none.
    pub address: Cow<'a, str>,
    /// The RPC, such as `IssueToken`.
    pub method: Cow<'a, str>,
    /// The resource name that was asked about.
    pub resource: Cow<'a, str>,
    /// `OK`, or the name of the gRPC code.
    pub outcome: Cow<'a, str>,
    /// The reason of a refusal.
    pub reason: Cow<'a, str>,
    /// The id of the token that was given out.
    pub token_id: Cow<'a, str>,
    /// As the caller gave it.
    pub request_id: Cow<'a, str>,
    /// The person behind the call, as the caller asserts it.
    pub requested_by: Cow<'a, str>,
    /// The trace that the call belongs to.
    pub trace_id: Cow<'a, str>,
    /// Given if the record stands for several refusals.
    pub repeats: Option<Repeats>,
}

/// The refusals that one record stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Repeats {
    /// How many.
    pub count: NonZeroU64,
    /// When the first was; microseconds are kept.
    pub first: SystemTime,
    /// When the last was; microseconds are kept.
    pub last: SystemTime,
}

/// A record as it is read back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// How many records were before it: its place in the tree.
    pub sequence: u64,
    /// When it was written.
    pub time: SystemTime,
    /// What was recorded.
    pub event: Event<'static>,
}

/// The line is not a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRecord {
    /// It is damaged, or something else.
    #[error("not a record: it was changed, or is something else")]
    Shape,
    /// Written by a newer program.
    #[error("a record of version {0}, which this version of ionvault does not know")]
    Version(u64),
    /// It says what a record says, but not in the one spelling that this has.
    #[error("a record in a spelling that ionvault does not write")]
    Spelling,
}

/// Longest line, with its end: every text at its bound and each of its bytes escaped.
pub const RECORD_BYTES_MAX: usize = 10_240;

impl Record {
    /// The leaf: the line without its end.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        let mut encoded = Encoded::of(&self.event);
        let mut line = encoded.line(self.sequence, self.time).to_vec();
        line.pop();
        line
    }

    /// Reads a line without its end. Whatever is read is written again as the same bytes.
    ///
    /// # Errors
    ///
    /// As [`InvalidRecord`] says.
    pub fn parse(line: &[u8]) -> Result<Self, InvalidRecord> {
        let Ok(read) = serde_json::from_slice::<Line<'_>>(line) else {
            // What is told of a record must not depend on fields that nobody knows yet.
            return Err(match serde_json::from_slice(line) {
                Ok(Version { v }) if v != u64::from(VERSION) => InvalidRecord::Version(v),
                _ => InvalidRecord::Shape,
            });
        };
        if read.v != VERSION {
            return Err(InvalidRecord::Version(read.v.into()));
        }
        let record = read.into_record().ok_or(InvalidRecord::Shape)?;
        if record.to_line() == line { Ok(record) } else { Err(InvalidRecord::Spelling) }
    }
}

/// An event in its bytes, which lacks only what is known once it is its turn.
pub(super) struct Encoded {
    buffer: Vec<u8>,
}

impl Encoded {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut buffer = Vec::with_capacity(LINE_BYTES_USUAL);
        buffer.resize(ROOM_FOR_DIGITS, b' ');
        // A line of texts and numbers is always written; the buffer takes any length.
        let written = serde_json::to_writer(&mut buffer, &Line::of(event));
        debug_assert!(written.is_ok());
        buffer.push(b'\n');
        debug_assert!(buffer.len() <= ROOM_FOR_DIGITS + RECORD_BYTES_MAX);
        Self { buffer }
    }

    /// The line with its end. The head is written in front of the rest, which stays where it is:
    /// so there is little to do while the log is held.
    pub(super) fn line(&mut self, sequence: u64, time: SystemTime) -> &[u8] {
        let mut head = [0; HEAD_END];
        let mut room = &mut head[..];
        // It has room for the longest sequence.
        let _ = write!(room, "{{\"v\":{VERSION},\"sequence\":{sequence},\"time\":\"");
        let _ = room.write_all(&date::bytes(time));
        let length = HEAD_END - room.len();
        let start = HEAD_END.saturating_sub(length);
        if let (Some(place), Some(head)) =
            (self.buffer.get_mut(start..HEAD_END), head.get(..length))
        {
            place.copy_from_slice(head);
        }
        self.buffer.get(start..).unwrap_or_default()
    }
}

/// A record as JSON has it. The order of the fields is that of the keys.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    v: u8,
    sequence: u64,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    caller: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    listener: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    address: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    method: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    resource: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    outcome: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    reason: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    token_id: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    request_id: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    requested_by: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    trace_id: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<NonZeroU64>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    first_time: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    last_time: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Version {
    v: u64,
}

impl<'a> Line<'a> {
    /// A line that is the first of all, at the beginning of time.
    fn of(event: &'a Event<'_>) -> Self {
        let date = |pick: fn(&Repeats) -> SystemTime| {
            event.repeats.as_ref().map_or_else(String::new, |repeats| date::text(pick(repeats)))
        };
        Self {
            v: VERSION,
            sequence: 0,
            time: EPOCH.into(),
            caller: plain(&event.caller, 2_560),
            listener: plain(&event.listener, 32),
            address: plain(&event.address, 64),
            method: plain(&event.method, 64),
            resource: plain(&event.resource, 384),
            outcome: plain(&event.outcome, 32),
            reason: plain(&event.reason, 64),
            token_id: plain(&event.token_id, 64),
            request_id: plain(&event.request_id, 128),
            requested_by: plain(&event.requested_by, 1_024),
            trace_id: plain(&event.trace_id, 64),
            count: event.repeats.map(|repeats| repeats.count),
            first_time: date(|repeats| repeats.first).into(),
            last_time: date(|repeats| repeats.last).into(),
        }
    }

    fn into_record(self) -> Option<Record> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let repeats = match self.count {
            Some(count) => Some(Repeats {
                count,
                first: date::parse(&self.first_time)?,
                last: date::parse(&self.last_time)?,
            }),
            None => None,
        };
        Some(Record {
            sequence: self.sequence,
            time: date::parse(&self.time)?,
            event: Event {
                caller: owned(self.caller),
                listener: owned(self.listener),
                address: owned(self.address),
                method: owned(self.method),
                resource: owned(self.resource),
                outcome: owned(self.outcome),
                reason: owned(self.reason),
                token_id: owned(self.token_id),
                request_id: owned(self.request_id),
                requested_by: owned(self.requested_by),
                trace_id: owned(self.trace_id),
                repeats,
            },
        })
    }
}

/// The text without control characters, and not longer than that. What is plain already stays.
fn plain(text: &str, bytes_max: usize) -> Cow<'_, str> {
    // Almost all are ASCII, which is quicker to tell.
    let graphic = text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if text.len() <= bytes_max && (graphic || !text.chars().any(char::is_control)) {
        return text.into();
    }
    let mut plain = String::with_capacity(bytes_max);
    for character in text.chars() {
        let character =
            if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
        if plain.len() + character.len_utf8() + CUT.len() > bytes_max {
            plain.push_str(CUT);
            break;
        }
        plain.push(character);
    }
    plain.into()
}

const VERSION: u8 = 1;

/// Ends a text that was cut.
const CUT: &str = "…";

/// Stands where the time will.
const EPOCH: &str = "1970-01-01T00:00:00.000000Z";

/// A sequence has up to 19 digits more than the 0 that stands in its place.
const ROOM_FOR_DIGITS: usize = 19;

/// Where the head ends in the buffer: behind the time, before its quotation mark.
const HEAD_END: usize = ROOM_FOR_DIGITS + "{\"v\":1,\"sequence\":0,\"time\":\"".len() + EPOCH.len();

/// Most records are shorter.
const LINE_BYTES_USUAL: usize = 512;

#[cfg(test)]
mod tests;
