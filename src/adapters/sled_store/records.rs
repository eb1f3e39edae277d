//! How records lie in sled's one tree: in values of at most 4 KiB.
//!
//! | key                                              | value                               |
//! |--------------------------------------------------|-------------------------------------|
//! | `00 73`                                          | the [`Sentinel`]                    |
//! | `00 72`                                          | the last revision                   |
//! | `01`, store key                                  | the head of a record                |
//! | `02`, length of the store key, store key, number | a further piece, numbered from 0    |
//!
//! All numbers are big endian; the number of a piece has two bytes.
//!
//! | value    | offset | length | field                                         |
//! |----------|-------:|-------:|-----------------------------------------------|
//! | head     |      0 |      1 | layout, always 1                              |
//! |          |      1 |      8 | revision                                      |
//! |          |      9 |      4 | length of the record                          |
//! |          |     13 | ≤ 4083 | its first bytes                               |
//! | piece    |      0 |      8 | revision, that of the head                    |
//! |          |      8 | ≤ 4088 | the next bytes; all but the last piece are full |
//! | sentinel |      0 |      1 | layout, always 1                              |
//! |          |      1 |     16 | store id                                      |
//! |          |     17 |      8 | generation, from 1                            |

use crate::model::Uid;
use crate::ports::{RECORD_BYTES_MAX, Revision};
use crate::sealing::StoreKey;

/// Where the sentinel lies.
pub(super) const SENTINEL_KEY: &[u8] = &[INTERNAL, b's'];

/// Where the last revision lies. Written with every group, so it and the records agree.
pub(super) const REVISION_KEY: &[u8] = &[INTERNAL, b'r'];

/// Proves that a store is the one that its directory says, and how often it was opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Sentinel {
    pub(super) store_id: Uid,
    pub(super) generation: u64,
}

impl Sentinel {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        bytes.extend_from_slice(self.store_id.as_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&LAYOUT, rest) = bytes.split_first()? else { return None };
        let (store_id, generation) = rest.split_first_chunk::<16>()?;
        Some(Self {
            store_id: Uid::from_bytes(*store_id),
            generation: u64::from_be_bytes(generation.try_into().ok()?),
        })
    }
}

/// The start of a record, and what is needed to find the rest.
pub(super) struct Head<'a> {
    pub(super) revision: Revision,
    /// Of the whole record, in bytes.
    pub(super) length: usize,
    pub(super) first: &'a [u8],
}

impl<'a> Head<'a> {
    /// Reads a head; `None` if it is none, or its length does not fit its bytes.
    pub(super) fn from_bytes(bytes: &'a [u8]) -> Option<Self> {
        let (&LAYOUT, rest) = bytes.split_first()? else { return None };
        let (revision, rest) = rest.split_first_chunk::<8>()?;
        let (length, first) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let fits = length <= RECORD_BYTES_MAX && first.len() == length.min(FIRST_BYTES_MAX);
        fits.then_some(Self { revision: Revision(u64::from_be_bytes(*revision)), length, first })
    }

    /// How many pieces follow.
    pub(super) fn pieces(&self) -> u16 {
        pieces(self.length)
    }
}

/// Reads a piece: its revision and its bytes.
pub(super) fn piece_from_bytes(bytes: &[u8]) -> Option<(Revision, &[u8])> {
    let (revision, part) = bytes.split_first_chunk::<8>()?;
    Some((Revision(u64::from_be_bytes(*revision)), part))
}

/// The values of a record: its head, then its pieces in order.
pub(super) fn encode(record: &[u8], revision: Revision) -> (Vec<u8>, Vec<Vec<u8>>) {
    let (first, rest) = record.split_at(record.len().min(FIRST_BYTES_MAX));
    // Commits with longer records are refused before.
    let length = u32::try_from(record.len()).unwrap_or(u32::MAX);
    let mut head = vec![LAYOUT];
    head.extend_from_slice(&revision.0.to_be_bytes());
    head.extend_from_slice(&length.to_be_bytes());
    head.extend_from_slice(first);
    let pieces = rest
        .chunks(PIECE_BYTES_MAX)
        .map(|part| [revision.0.to_be_bytes().as_slice(), part].concat())
        .collect();
    (head, pieces)
}

/// How many pieces follow the head of a record of `length` bytes.
pub(super) fn pieces(length: usize) -> u16 {
    let count = length.saturating_sub(FIRST_BYTES_MAX).div_ceil(PIECE_BYTES_MAX);
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Where the head of the record under `key` lies; with `&[]`, where the first of all would.
pub(super) fn head_key(key: &[u8]) -> Vec<u8> {
    [&[HEADS], key].concat()
}

/// The store key in a head's key; `None` if it is another key.
pub(super) fn key_of_head(key: &[u8]) -> Option<StoreKey> {
    match key.split_first()? {
        (&HEADS, key) => StoreKey::from_stored(key),
        _ => None,
    }
}

/// Where a piece lies. The length keeps pieces of `a` apart from those of keys that begin with `a`.
pub(super) fn piece_key(key: &StoreKey, number: u16) -> Vec<u8> {
    let key = key.as_bytes();
    let length = u8::try_from(key.len()).unwrap_or(u8::MAX);
    [&[PIECES, length], key, &number.to_be_bytes()].concat()
}

const INTERNAL: u8 = 0;
const HEADS: u8 = 1;
const PIECES: u8 = 2;
const LAYOUT: u8 = 1;

/// Longest value that sled is given. 16 of them and more fit a page, far below the 128 KiB at
/// which sled moves a page out of its log.
const VALUE_BYTES_MAX: usize = 4_096;
const FIRST_BYTES_MAX: usize = VALUE_BYTES_MAX - 13;
const PIECE_BYTES_MAX: usize = VALUE_BYTES_MAX - 8;

const _: () = assert!(StoreKey::BYTES_MAX <= u8::MAX as usize);
const _: () = assert!(RECORD_BYTES_MAX / PIECE_BYTES_MAX < u16::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_longer_than_four_kibibytes_and_none_is_lost() {
        for length in [0, 1, 4_082, 4_083, 4_084, 8_171, 8_172, RECORD_BYTES_MAX] {
            let record: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let (head, parts) = encode(&record, Revision(7));
            let read = Head::from_bytes(&head).unwrap();
            assert_eq!((read.revision, read.length), (Revision(7), length));
            assert_eq!(usize::from(read.pieces()), parts.len());
            assert!(head.len() <= 4_096 && parts.iter().all(|part| part.len() <= 4_096));
            let mut whole = read.first.to_vec();
            for part in &parts {
                let (revision, bytes) = piece_from_bytes(part).unwrap();
                assert_eq!(revision, Revision(7));
                whole.extend_from_slice(bytes);
            }
            assert!(whole == record);
        }
    }

    #[test]
    fn a_head_that_was_cut_or_stretched_is_none() {
        let (head, _) = encode(&[9; 100], Revision(1));
        assert!(Head::from_bytes(&head[..head.len() - 1]).is_none());
        assert!(Head::from_bytes(&[head.as_slice(), &[0]].concat()).is_none());
        assert!(Head::from_bytes(&[]).is_none());
        let other_layout = [&[2], &head[1..]].concat();
        assert!(Head::from_bytes(&other_layout).is_none());
    }

    #[test]
    fn pieces_of_one_key_are_no_pieces_of_another() {
        let key = |bytes: &[u8]| StoreKey::from_stored(bytes).unwrap();
        assert_ne!(piece_key(&key(b"a"), 0x6263), piece_key(&key(b"abc"), 0));
        assert_ne!(piece_key(&key(b"a\0"), 0), piece_key(&key(b"a"), 0));
    }

    #[test]
    fn a_sentinel_reads_back_and_nothing_else_does() {
        let sentinel = Sentinel { store_id: Uid::from_bytes([3; 16]), generation: 258 };
        let bytes = sentinel.to_bytes();
        assert_eq!(Sentinel::from_bytes(&bytes), Some(sentinel));
        assert_eq!(Sentinel::from_bytes(&bytes[..24]), None);
        assert_eq!(Sentinel::from_bytes(&[&[2], &bytes[1..]].concat()), None);
    }
}
