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
//!
//! From offset 27 it is an [`Envelope`] for [`Purpose::Record`], whose documentation says how the
//! record key is derived and why. The plaintext is a [`Payload`]. The associated data tie the record
//! to its [`Place`]: these fields in this order, each behind its length in bytes (8 bytes, big
//! endian), so that no two places give the same data:
//!
//! | bytes | field                                            | without it                             |
//! |------:|--------------------------------------------------|----------------------------------------|
//! |     6 | format: the record's magic, version and suite    | a record could pass as another format  |
//! |    16 | uid of the store                                 | a record of another vault would open   |
//! |    16 | uid of the tenant                                | tenants could be swapped               |
//! |     1 | kind                                             | a file could pass as a credential      |
//! |  1–97 | the whole [`StoreKey`]                           | records could be swapped               |
//! |     4 | number of the file version, or 0, big endian     | an old file could replace a new one    |
//! |     4 | version of the sealing key, big endian           | a header could name a key that is gone |
//!
//! What this does not detect: that the whole record under a key was put back to what it was.

use std::fmt;

use super::{
    Envelope, NotAuthentic, Payload, Purpose, SealError, SealingKey, StoreKey, payload::push_field,
};
use crate::model::Uid;

/// A record as it lies in the store.
///
/// Invariant: has the header above, room for a tag, and at most [`SealedRecord::BYTES_MAX`] bytes.
/// Whether it is authentic is only known once it was opened.
#[derive(Clone, Eq, PartialEq)]
pub struct SealedRecord(Vec<u8>);

/// Where a record lies, and as what. It opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The store that holds it.
    pub store_id: Uid,
    /// The tenant whose it is.
    pub tenant_uid: Uid,
    /// What it is about.
    pub kind: RecordKind,
    /// The key under which it lies.
    pub id: &'a StoreKey,
    /// The number of the version, for the file of a version; else 0.
    pub version: u32,
}

/// What a record is about. The number is part of the bytes on disk; none is used again.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum RecordKind {
    /// A tenant and its key; sealed with a store key.
    Tenant = 1,
    /// A credential without its files; sealed with its tenant's key, as is the next.
    Credential = 2,
    /// The file of one version.
    VersionFile = 3,
    /// A request id that was used; sealed with a store key.
    RequestId = 4,
    /// A position in a list, sealed with a store key for a caller to bring back. Never stored.
    PageToken = 5,
    /// What is known of an account: its tokens, and what it is in the middle of. Sealed with its
    /// tenant's key.
    Account = 6,
    /// What was asked of Infor within its limits; sealed with a store key, as is the next.
    Budget = 7,
    /// An authorization that a person was sent to give.
    Authorization = 8,
    /// As which client an account's tokens can be given back; sealed with its tenant's key, as is
    /// the next.
    Client = 9,
    /// A token that is to be revoked.
    Revocation = 10,
}

/// The bytes are not a sealed record of a version that this program knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRecord {
    /// Shorter than a header and a tag, longer than a record may be, or another magic.
    #[error("not a sealed record")]
    Shape,
    /// Written by a newer program.
    #[error(
        "a sealed record of a format, suite or kind that this version of ionvault does not know"
    )]
    Unknown,
}

/// Why a record did not open. Either way nothing of it is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OpenError {
    /// The header names another version of the key. Open it with that one.
    #[error("the record names version {0} of the key as the one that sealed it")]
    OtherKey(u32),
    /// It was sealed elsewhere or as something else, or with another key, or was changed.
    #[error("the record is not the one that was sealed here")]
    NotAuthentic(#[from] NotAuthentic),
}

impl SealedRecord {
    /// Longest record: an ION API file of 64 KiB, 32 KiB of certificates, and room to spare.
    pub const BYTES_MAX: usize = 128 * 1024;

    /// Seals `payload` with `key`, to lie at `place`.
    ///
    /// # Errors
    ///
    /// - [`SealError::Random`] if the operating system gives no random bytes.
    /// - [`SealError::TooLong`] if the record would be longer than [`SealedRecord::BYTES_MAX`].
    pub fn seal(key: &SealingKey, place: &Place<'_>, payload: &Payload) -> Result<Self, SealError> {
        Self::seal_by(key, place, payload, |envelope, plaintext| envelope.seal(plaintext))
    }

    /// Opens the record with `key`, which must be of the version that [`SealedRecord::key_version`]
    /// tells.
    ///
    /// # Errors
    ///
    /// - [`OpenError::OtherKey`] if `key` is of another version than the header names.
    /// - [`OpenError::NotAuthentic`] if the record was not sealed at `place` with `key`, or was
    ///   changed since.
    pub fn open(&self, key: &SealingKey, place: &Place<'_>) -> Result<Payload, OpenError> {
        if self.key_version() != key.version() {
            return Err(OpenError::OtherKey(self.key_version()));
        }
        // The header is outside the associated data where `place` says the same.
        if self.tenant_uid() != place.tenant_uid || self.field(KIND_AT) != [place.kind as u8] {
            return Err(NotAuthentic.into());
        }
        let associated_data = associated_data(self.field(0), key.version(), place);
        let envelope = Envelope {
            key: key.locked(),
            purpose: Purpose::Record,
            associated_data: &associated_data,
        };
        let sealed = self.0.get(HEADER_BYTES..).unwrap_or_default();
        Ok(Payload::from_opened(envelope.open(sealed)?))
    }

    /// Takes bytes that a store gave back.
    ///
    /// # Errors
    ///
    /// As [`InvalidRecord`] says.
    pub fn from_stored(bytes: Vec<u8>) -> Result<Self, InvalidRecord> {
        let lengths = HEADER_BYTES + Envelope::OVERHEAD_BYTES..=Self::BYTES_MAX;
        if !lengths.contains(&bytes.len()) || !bytes.starts_with(&MAGIC) {
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
        Uid::from_bytes(self.field(TENANT_AT))
    }

    /// The version of the sealing key that the header names; a claim until the record was opened.
    #[must_use]
    pub fn key_version(&self) -> u32 {
        u32::from_be_bytes(self.field(KEY_VERSION_AT))
    }

    /// Seals with an envelope that `by` makes: with a random salt, or a test vector's.
    pub(super) fn seal_by(
        key: &SealingKey,
        place: &Place<'_>,
        payload: &Payload,
        by: impl FnOnce(&Envelope<'_>, &[u8]) -> Result<Vec<u8>, SealError>,
    ) -> Result<Self, SealError> {
        let plaintext = payload.expose();
        if plaintext.len() > Self::BYTES_MAX - HEADER_BYTES - Envelope::OVERHEAD_BYTES {
            return Err(SealError::TooLong);
        }
        let associated_data = associated_data(FORMAT_FIELD, key.version(), place);
        let envelope = Envelope {
            key: key.locked(),
            purpose: Purpose::Record,
            associated_data: &associated_data,
        };
        let header = [
            &FORMAT_FIELD[..],
            &[place.kind as u8],
            place.tenant_uid.as_bytes(),
            &key.version().to_be_bytes(),
        ];
        let mut bytes = header.concat();
        bytes.append(&mut by(&envelope, plaintext)?);
        Ok(Self(bytes))
    }

    /// A field of the header. Only called with offsets within it, so the zeros are never seen.
    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }
}

/// What ties a record to its place: the second table above.
fn associated_data(format: [u8; 6], key_version: u32, place: &Place<'_>) -> Vec<u8> {
    let Place { store_id, tenant_uid, kind, id, version } = place;
    let mut data = Vec::new();
    push_field(&mut data, &format);
    push_field(&mut data, store_id.as_bytes());
    push_field(&mut data, tenant_uid.as_bytes());
    push_field(&mut data, &[*kind as u8]);
    push_field(&mut data, id.as_bytes());
    push_field(&mut data, &version.to_be_bytes());
    push_field(&mut data, &key_version.to_be_bytes());
    data
}

impl RecordKind {
    pub(super) const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Tenant),
            2 => Some(Self::Credential),
            3 => Some(Self::VersionFile),
            4 => Some(Self::RequestId),
            5 => Some(Self::PageToken),
            6 => Some(Self::Account),
            7 => Some(Self::Budget),
            8 => Some(Self::Authorization),
            9 => Some(Self::Client),
            10 => Some(Self::Revocation),
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
const FORMAT_FIELD: [u8; 6] = [b'I', b'O', b'N', b'V', FORMAT, SUITE];
const KIND_AT: usize = 6;
const TENANT_AT: usize = 7;
const KEY_VERSION_AT: usize = 23;
const HEADER_BYTES: usize = 27;

#[cfg(test)]
mod tests;
