//! The bytes of a keyring as it is kept. `tests/vectors/` pins them: a change here needs a new
//! version.
//!
//! | offset | length | field                                                                 |
//! |-------:|-------:|-----------------------------------------------------------------------|
//! |      0 |      4 | magic, `IONK`                                                         |
//! |      4 |      1 | format version, always 1                                              |
//! |      5 |      1 | suite, always 1: as of a [`SealedRecord`](crate::sealing::SealedRecord) |
//! |      6 |     16 | uid of the store                                                      |
//! |     22 |      4 | version of the store key, big endian, from 1                          |
//! |     26 |      2 | r, big endian, 1 to 2,048                                             |
//! |     28 |      r | id of the root key, visible ASCII                                     |
//! | 28 + r |      2 | w, big endian, 1 to 4,096                                             |
//! | 30 + r |      w | the store key, wrapped by the root key                                |
//! | 30+r+w |    120 | [`Envelope`] for [`Purpose::Keyring`] under the store key             |
//!
//! The envelope holds a [`Payload`] of one field, the blinding key. Its associated data are all the
//! bytes before it, so whoever has the right store key notices any change. The root key wraps under
//! a context of the first 26 bytes: a wrapped key passes for no other store and no other version.

use super::Keyring;
use crate::model::Uid;
use crate::sealing::payload::PREFIX_BYTES;
use crate::sealing::{Envelope, NotAuthentic, Payload, Purpose, SealError, SealingKey};
use crate::secret::{LockedKey, Secret};

/// A keyring as it is kept: of no use without the root key.
///
/// Invariant: the table above. Whether it is authentic is only known once it was unlocked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WrappedKeyring {
    store_id: Uid,
    store_key_version: u32,
    root_key_id: String,
    wrapped_store_key: Vec<u8>,
    sealed: [u8; SEALED_BYTES],
}

/// The bytes are not a keyring of a version that this program knows.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidKeyring {
    /// Cut off, too long, or not a keyring at all.
    #[error("not a keyring: the file is damaged, or is another file")]
    Shape,
    /// Written by a newer program.
    #[error("a keyring of a format that this version of ionvault does not know")]
    Unknown,
}

/// Why a keyring was not put into the form in which it is kept.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The root key's id is empty, too long or not visible ASCII.
    #[error("the id of the root key must be 1 to {ROOT_KEY_ID_BYTES_MAX} visible ASCII characters")]
    RootKeyId,
    /// The root key made more of the store key than fits, or nothing.
    #[error("a wrapped store key must have 1 to {WRAPPED_BYTES_MAX} bytes")]
    WrappedStoreKey,
    /// The keys could not be sealed.
    #[error("the keys could not be sealed")]
    Seal(#[from] SealError),
}

/// Why a keyring was not unlocked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnlockError {
    /// What the root key unwrapped is not a key.
    #[error("what the root key unwrapped is not a store key")]
    StoreKey,
    /// It is another store's key, or the keyring was changed.
    #[error("the keyring was changed, or belongs to another store key")]
    NotAuthentic(#[from] NotAuthentic),
}

impl WrappedKeyring {
    /// Takes bytes that a store gave back.
    ///
    /// # Errors
    ///
    /// As [`InvalidKeyring`] says.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidKeyring> {
        use InvalidKeyring::Shape;

        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(Shape)?;
        let (format, rest) = rest.split_first_chunk::<2>().ok_or(Shape)?;
        if magic != b"IONK" {
            return Err(Shape);
        }
        if *format != FORMAT_AND_SUITE {
            return Err(InvalidKeyring::Unknown);
        }
        let (store_id, rest) = rest.split_first_chunk().ok_or(Shape)?;
        let (version, rest) = rest.split_first_chunk().ok_or(Shape)?;
        let (root_key_id, rest) = split_short(rest).ok_or(Shape)?;
        let (wrapped_store_key, rest) = split_short(rest).ok_or(Shape)?;
        let store_key_version = u32::from_be_bytes(*version);
        if store_key_version == 0
            || !is_root_key_id(root_key_id)
            || !is_wrapped_key(wrapped_store_key)
        {
            return Err(Shape);
        }
        Ok(Self {
            store_id: Uid::from_bytes(*store_id),
            store_key_version,
            root_key_id: String::from_utf8_lossy(root_key_id).into_owned(),
            wrapped_store_key: wrapped_store_key.to_vec(),
            sealed: rest.try_into().ok().ok_or(Shape)?,
        })
    }

    /// Its bytes, for a store. Parsed again, they are the same keyring.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.sealed);
        bytes
    }

    /// The store that it is for; a claim until it was unlocked.
    #[must_use]
    pub const fn store_id(&self) -> Uid {
        self.store_id
    }

    /// The root key that wrapped the store key; a claim until it was unlocked.
    #[must_use]
    pub fn root_key_id(&self) -> &str {
        &self.root_key_id
    }

    /// What the root key has to unwrap.
    #[must_use]
    pub fn wrapped_store_key(&self) -> &[u8] {
        &self.wrapped_store_key
    }

    /// The context under which the root key wrapped the store key.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        context(self.store_id, self.store_key_version)
    }

    /// The keys, given the store key that the root key unwrapped.
    ///
    /// # Errors
    ///
    /// As [`UnlockError`] says.
    pub fn unlock(self, store_key: &Secret) -> Result<Keyring, UnlockError> {
        let store_key = SealingKey::from_secret(self.store_key_version, store_key)
            .ok_or(UnlockError::StoreKey)?;
        let head = self.head();
        let envelope =
            Envelope { key: store_key.locked(), purpose: Purpose::Keyring, associated_data: &head };
        let payload = Payload::from_opened(envelope.open(&self.sealed)?);
        // The length of the envelope leaves room for one key and nothing else.
        let [blinding_key] = payload.fields().ok().ok_or(NotAuthentic)?;
        let blinding_key = LockedKey::from_bytes(blinding_key.expose()).ok_or(NotAuthentic)?;
        Ok(Keyring { store_id: self.store_id, store_key, blinding_key })
    }

    /// All the bytes before the envelope.
    fn head(&self) -> Vec<u8> {
        let mut bytes = context(self.store_id, self.store_key_version);
        push_short(&mut bytes, self.root_key_id.as_bytes());
        push_short(&mut bytes, &self.wrapped_store_key);
        bytes
    }
}

impl Keyring {
    /// The context under which the root key must wrap the store key.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        context(self.store_id, self.store_key.version())
    }

    /// The form in which it is kept, given the store key as the root key of that id wrapped it
    /// under [`Keyring::context`].
    ///
    /// # Errors
    ///
    /// As [`LockError`] says.
    pub fn lock(
        &self,
        root_key_id: &str,
        wrapped_store_key: Vec<u8>,
    ) -> Result<WrappedKeyring, LockError> {
        if !is_root_key_id(root_key_id.as_bytes()) {
            return Err(LockError::RootKeyId);
        }
        if !is_wrapped_key(&wrapped_store_key) {
            return Err(LockError::WrappedStoreKey);
        }
        let mut wrapped = WrappedKeyring {
            store_id: self.store_id,
            store_key_version: self.store_key.version(),
            root_key_id: root_key_id.to_owned(),
            wrapped_store_key,
            sealed: [0; SEALED_BYTES],
        };
        let head = wrapped.head();
        let envelope = Envelope {
            key: self.store_key.locked(),
            purpose: Purpose::Keyring,
            associated_data: &head,
        };
        let payload = Payload::new(&[self.blinding_key.expose().as_slice()]);
        let sealed = envelope.seal(payload.expose())?;
        wrapped.sealed = sealed.try_into().ok().ok_or(SealError::TooLong)?;
        Ok(wrapped)
    }
}

/// The first 26 bytes of the table.
fn context(store_id: Uid, store_key_version: u32) -> Vec<u8> {
    [&b"IONK"[..], &FORMAT_AND_SUITE, store_id.as_bytes(), &store_key_version.to_be_bytes()]
        .concat()
}

fn is_root_key_id(bytes: &[u8]) -> bool {
    (1..=ROOT_KEY_ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

fn is_wrapped_key(bytes: &[u8]) -> bool {
    (1..=WRAPPED_BYTES_MAX).contains(&bytes.len())
}

/// A field behind its length in 2 bytes. Both limits below fit.
fn push_short(bytes: &mut Vec<u8>, field: &[u8]) {
    bytes.extend_from_slice(&u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(field);
}

fn split_short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

const FORMAT_AND_SUITE: [u8; 2] = [1, 1];

/// Names of cloud keys have up to 2,048 characters by contract, and fewer than 200 in practice.
const ROOT_KEY_ID_BYTES_MAX: usize = 2048;

/// Key services answer some 100 to 300 bytes for a key of 32.
const WRAPPED_BYTES_MAX: usize = 4096;

const SEALED_BYTES: usize = PREFIX_BYTES + LockedKey::BYTES + Envelope::OVERHEAD_BYTES;

#[cfg(test)]
mod tests;
