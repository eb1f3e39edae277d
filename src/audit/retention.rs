//! Which segments are old enough to go.

use std::io;
use std::time::SystemTime;

use super::appender::Sealed;
use super::directory::{Directory, segment_name};
use super::record::Record;
use super::segment::line_before;

/// The first record to keep: that of the first segment whose last record is not older than
/// `before`. `None` if all are kept. The newest sealed segment always is: the last checkpoint may
/// end in it.
pub(super) fn kept_from(
    directory: &Directory,
    sealed: &[Sealed],
    before: SystemTime,
) -> io::Result<Option<u64>> {
    let mut kept_from = None;
    for pair in sealed.windows(2).take(REMOVED_AT_ONCE) {
        let [old, next] = pair else { break };
        let file = directory.open_to_read(&segment_name(old.first))?;
        let last = line_before(&file, old.bytes)?;
        let last = last.and_then(|line| Record::parse(&line).ok());
        // What cannot be read is kept, for a verifier to find.
        match last {
            Some(record) if record.time < before => kept_from = Some(next.first),
            _ => break,
        }
    }
    Ok(kept_from)
}

/// Most segments that one checkpoint lets go.
const REMOVED_AT_ONCE: usize = 16;
