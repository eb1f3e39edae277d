//! The lines of a segment. A segment is longer than its lines until it is sealed: the rest is zeros,
//! which no line holds.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::record::RECORD_BYTES_MAX;

/// Reads lines forward, from a place where one begins to a place that is given.
pub(super) struct Lines<'a> {
    file: &'a File,
    /// Where the buffer's unread bytes begin in the file.
    offset: u64,
    end: u64,
    buffer: Vec<u8>,
    /// How much of the buffer was read already.
    read: usize,
}

/// A line without its end, and where it lies.
pub(super) struct Found<'a> {
    pub(super) bytes: &'a [u8],
    /// Where its end is, behind the newline.
    pub(super) end: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a File, from: u64, end: u64) -> Self {
        Self { file, offset: from, end, buffer: Vec::new(), read: 0 }
    }

    /// Where the next line begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line; `None` at the end, at zeros, and at anything that is not a whole line.
    pub(super) fn next(&mut self) -> io::Result<Option<Found<'_>>> {
        let length = match self.newline() {
            Some(length) => length,
            None => {
                self.fill()?;
                match self.newline() {
                    Some(length) => length,
                    None => return Ok(None),
                }
            }
        };
        let start = self.read;
        self.read += length + 1;
        self.offset += length as u64 + 1;
        let bytes = self.buffer.get(start..start + length).unwrap_or_default();
        if bytes.contains(&0) {
            self.offset -= length as u64 + 1;
            return Ok(None);
        }
        Ok(Some(Found { bytes, end: self.offset }))
    }

    /// How long the next line is, if the buffer has it whole.
    fn newline(&self) -> Option<usize> {
        let unread = self.buffer.get(self.read..)?;
        unread.iter().take(RECORD_BYTES_MAX).position(|byte| *byte == b'\n')
    }

    /// Reads on, so that the buffer holds a whole line, if there is one.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.read);
        self.read = 0;
        let kept = self.buffer.len();
        let from = self.offset + kept as u64;
        let left = usize::try_from(self.end.saturating_sub(from)).unwrap_or(usize::MAX);
        self.buffer.resize(kept + left.min(CHUNK_BYTES), 0);
        let mut filled = kept;
        while let Some(place) = self.buffer.get_mut(filled..).filter(|place| !place.is_empty()) {
            let got = self.file.read_at(place, self.offset + filled as u64)?;
            if got == 0 {
                break;
            }
            filled += got;
        }
        self.buffer.truncate(filled);
        Ok(())
    }
}

/// Where the lines of a whole segment end: before its zeros.
pub(super) fn content_end(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut chunk = vec![0; CHUNK_BYTES];
    while end > 0 {
        let from = end.saturating_sub(CHUNK_BYTES as u64);
        let length = usize::try_from(end - from).unwrap_or(CHUNK_BYTES);
        let chunk = chunk.get_mut(..length).unwrap_or_default();
        file.read_exact_at(chunk, from)?;
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
            return Ok(from + last as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// The last whole line that ends at `end`, without its end.
pub(super) fn line_before(file: &File, end: u64) -> io::Result<Option<Vec<u8>>> {
    let from = end.saturating_sub(RECORD_BYTES_MAX as u64);
    let mut bytes = vec![0; usize::try_from(end - from).unwrap_or_default()];
    file.read_exact_at(&mut bytes, from)?;
    if bytes.pop() != Some(b'\n') {
        return Ok(None);
    }
    match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(newline) => Ok(Some(bytes.split_off(newline + 1))),
        // Without another newline the line began where the segment does, or is too long for one.
        None => Ok((from == 0).then_some(bytes)),
    }
}

/// How much is read at a time: dozens of records, at the least.
const CHUNK_BYTES: usize = 256 * 1_024;
const _: () = assert!(CHUNK_BYTES > RECORD_BYTES_MAX);

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> File {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        file
    }

    fn lines(file: &File) -> (Vec<Vec<u8>>, u64) {
        let mut lines = Lines::new(file, 0, file.metadata().unwrap().len());
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            found.push(line.bytes.to_vec());
        }
        (found, lines.offset())
    }

    #[test]
    fn lines_end_at_zeros_and_at_what_is_no_whole_line() {
        for (bytes, ends) in [
            (&b"ab\nc\n"[..], 5),
            (b"ab\nc\n\0\0\0", 5),
            (b"ab\nc\nde", 5),
            (b"ab\nc\nde\0\0f\n", 5),
        ] {
            let file = file(bytes);
            assert_eq!(lines(&file), (vec![b"ab".to_vec(), b"c".to_vec()], ends));
        }
        assert_eq!(lines(&file(b"")), (vec![], 0));
        assert_eq!(lines(&file(&vec![b'x'; CHUNK_BYTES * 2])).1, 0);
    }

    #[test]
    fn lines_are_read_over_the_ends_of_chunks() {
        let line = [vec![b'x'; 9_999], vec![b'\n']].concat();
        let file = file(&line.repeat(100));
        let (found, end) = lines(&file);
        assert_eq!((found.len(), end), (100, 1_000_000));
        assert!(found.iter().all(|found| found.len() == 9_999));
    }

    #[test]
    fn the_last_line_is_found_before_the_zeros() {
        let zeros = vec![0; CHUNK_BYTES * 2 + 7];
        let file = file(&[b"ab\ncd\n", &zeros[..]].concat());
        let end = content_end(&file).unwrap();
        assert_eq!(end, 6);
        assert_eq!(line_before(&file, end).unwrap().as_deref(), Some(&b"cd"[..]));
        assert_eq!(line_before(&file, 3).unwrap().as_deref(), Some(&b"ab"[..]));
        assert_eq!(line_before(&file, 5).unwrap(), None);
        assert_eq!(content_end(&self::file(&zeros)).unwrap(), 0);
    }
}
