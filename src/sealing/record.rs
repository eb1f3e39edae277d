//! The bytes of a sealed record. `tests/vectors/` pins them: a change here needs a new version.
//!
//! | offset | length | field                                                              |
//! |-------:|-------:|--------------------------------------------------------------------|
//! |      0 |      4 | magic, `IONV`                                                      |
//! |      4 |      1 | format version, always 1                                           |
//! |      5 |      1 | suite, always 1: HKDF-SHA-256, AES-256-GCM, key commitment         |
//! |      6 |      1 | kind, see [`RecordKind`]                                           |
//! |      7 |     16 | uid of the tenant                                                  |
//! |     23 |      4 | version of the sealing key, big endian                             |
//! |     27 |     32 | salt                                                               |
//! |     59 |     32 | commitment to the record key                                       |
//! |     91 |     n  | ciphertext                                                         |
//! | 91 + n |     16 | tag                                                                |

use std::fmt;

use crate::model::Uid;

/// A record as it lies in the store.
///
/// Invariant: has the header above, and room for a tag. Whether it is authentic is only known
/// once it was opened.
#[derive(Clone, Eq, PartialEq)]
pub struct SealedRecord(Vec<u8>);

/// What a record is about. The number is part of the bytes on disk; none is used again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum RecordKind {
    /// A tenant and its keys; sealed with a store key, all others with a tenant key.
    Tenant = 1,
    /// A credential without its files.
    Credential = 2,
    /// The file of one version.
    VersionFile = 3,
    /// A request id that was used.
    RequestId = 4,
}

/// The bytes are not a sealed record of a version that this program knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRecord {
    /// Shorter than a header and a tag, or another magic.
    #[error("not a sealed record")]
    Shape,
    /// Written by a newer program.
    #[error(
        "a sealed record of a format, suite or kind that this version of ionvault does not know"
    )]
    Unknown,
}

impl SealedRecord {
    /// Takes bytes that a store gave back.
    ///
    /// # Errors
    ///
    /// As [`InvalidRecord`] says.
    pub fn from_stored(bytes: Vec<u8>) -> Result<Self, InvalidRecord> {
        if bytes.len() < HEADER_BYTES + TAG_BYTES || !bytes.starts_with(&MAGIC) {
            return Err(InvalidRecord::Shape);
        }
        match bytes.as_slice() {
            [_, _, _, _, FORMAT, SUITE, kind, ..] if RecordKind::from_byte(*kind).is_some() => {
                Ok(Self(bytes))
            }
            _ => Err(InvalidRecord::Unknown),
        }
    }

    /// Its bytes, for a store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The tenant that the header names; a claim until the record was opened.
    #[must_use]
    pub fn tenant_uid(&self) -> Uid {
        Uid::from_bytes(self.field(7))
    }

    /// The version of the sealing key that the header names; a claim until the record was opened.
    #[must_use]
    pub fn key_version(&self) -> u32 {
        u32::from_be_bytes(self.field(23))
    }

    /// A field of the header. Only called with offsets within it, so the zeros are never seen.
    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }
}

impl RecordKind {
    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Tenant),
            2 => Some(Self::Credential),
            3 => Some(Self::VersionFile),
            4 => Some(Self::RequestId),
            _ => None,
        }
    }
}

impl fmt::Debug for SealedRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedRecord({} bytes)", self.0.len())
    }
}

const MAGIC: [u8; 4] = *b"IONV";
const FORMAT: u8 = 1;
const SUITE: u8 = 1;
const HEADER_BYTES: usize = 91;
const TAG_BYTES: usize = 16;
