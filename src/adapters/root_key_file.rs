//! A root key in a file.
//!
//! The file is three lines of ASCII, each ended by a line feed, and nothing else:
//!
//! ```text
//! ionvault root key 1
//! id  <32 hexadecimal digits>
//! key <64 hexadecimal digits>
//! ```
//!
//! The id is the first half of HMAC-SHA-256 under the key over `ionvault/1/root-key-id`. It names
//! the key in the keyring and is the file's checksum: a changed digit anywhere is noticed.
//!
//! The key wraps store keys in an [`Envelope`] for [`Purpose::StoreKey`], whose associated data are
//! the context.

mod file;

use std::io;
use std::path::Path;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::ports::{RootKey, RootKeyError};
use crate::sealing::{Envelope, Purpose};
use crate::secret::{LockedKey, Secret};

/// The root key of an installation without a key service.
///
/// Whoever reads the file opens every backup of the store: keep it off the machine that keeps
/// them, and keep a copy, as nothing opens the store without it.
pub struct RootKeyFile {
    key: LockedKey,
    key_id: String,
}

/// Why no root key was made. Nothing is at the path that was not there before.
#[derive(Debug, thiserror::Error)]
pub enum CreateRootKeyError {
    /// There is a file already, perhaps the only key to a store.
    #[error("there is a file at this path already: move it away if no store needs it")]
    Exists,
    /// The directory is missing, or does not allow it.
    #[error(
        "the root key file cannot be written: it needs a directory of this user, and hard links"
    )]
    Write(#[source] io::Error),
    /// There is no key.
    #[error("the operating system gives no random bytes")]
    Random(#[source] getrandom::Error),
}

/// Why a root key was not read. Each says what to do, none quotes the file.
#[derive(Debug, thiserror::Error)]
pub enum ReadRootKeyError {
    /// Nothing is at the path.
    #[error(
        "there is no root key file: restore it from your copy, or run `ionvault init` for a new store"
    )]
    Missing,
    /// A directory, pipe, socket or device.
    #[error("the root key path does not lead to a regular file: correct the path")]
    NotAFile,
    /// The group or others may read, write or execute it.
    #[error("the root key file has mode {0:04o}, so others may read it: run `chmod 600` on it")]
    TooWide(u32),
    /// Another user could change it, or give it back its mode.
    #[error(
        "the root key file belongs to user {0}: run `chown` so that it is this user's or root's"
    )]
    OtherOwner(u32),
    /// Not the text above: another file, another length, or a changed digit.
    #[error("the root key file is damaged or is another file: restore it from your copy")]
    Damaged,
    /// The system did not let it be read.
    #[error("the root key file cannot be read: make it readable for this user")]
    Read(#[source] io::Error),
}

impl RootKeyFile {
    /// Makes a new key and its file, which no one but this user can read. Once this returns `Ok`,
    /// the file survives a power cut; whenever it is interrupted, there is the whole file or none.
    ///
    /// # Errors
    ///
    /// As [`CreateRootKeyError`] says; [`CreateRootKeyError::Exists`] whatever is at `path`.
    pub fn create(path: &Path) -> Result<Self, CreateRootKeyError> {
        let root_key = Self::from_key(LockedKey::random().map_err(CreateRootKeyError::Random)?);
        file::create(path, &root_key.text())?;
        Ok(root_key)
    }

    /// Reads the key at `path`. Links are followed, as Kubernetes mounts secrets as links: what is
    /// checked is the opened file itself, so it cannot be exchanged between the check and the use.
    ///
    /// # Errors
    ///
    /// As [`ReadRootKeyError`] says. Nothing is changed.
    pub fn read(path: &Path) -> Result<Self, ReadRootKeyError> {
        let text = file::read(path)?;
        Self::from_text(&text).ok_or(ReadRootKeyError::Damaged)
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn from_key(key: LockedKey) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_slice())
            .expect("HMAC takes a key of any length");
        mac.update(b"ionvault/1/root-key-id");
        let digest = mac.finalize().into_bytes();
        let key_id = HEXLOWER.encode(digest.get(..ID_BYTES).unwrap_or_default());
        Self { key, key_id }
    }

    /// The only text of this key.
    fn text(&self) -> Zeroizing<Vec<u8>> {
        let mut digits = Zeroizing::new([0; 2 * LockedKey::BYTES]);
        HEXLOWER.encode_mut(self.key.expose().as_slice(), digits.as_mut_slice());
        let parts = [HEADER, self.key_id.as_bytes(), KEY_LABEL, digits.as_slice(), b"\n"];
        let mut text = Zeroizing::new(Vec::with_capacity(TEXT_BYTES));
        for part in parts {
            text.extend_from_slice(part);
        }
        text
    }

    fn from_text(text: &[u8]) -> Option<Self> {
        let digits = text.strip_prefix(HEADER)?.get(2 * ID_BYTES..)?.strip_prefix(KEY_LABEL)?;
        let digits = digits.strip_suffix(b"\n")?;
        let mut key = Zeroizing::new([0; LockedKey::BYTES]);
        if digits.len() != 2 * key.len() {
            return None;
        }
        HEXLOWER.decode_mut(digits, key.as_mut_slice()).ok()?;
        let root_key = Self::from_key(LockedKey::from_bytes(key.as_slice())?);
        // The id agrees, and every other byte too: one key has one text.
        (*root_key.text() == text).then_some(root_key)
    }

    fn envelope<'a>(&'a self, context: &'a [u8]) -> Envelope<'a> {
        Envelope { key: &self.key, purpose: Purpose::StoreKey, associated_data: context }
    }
}

#[async_trait]
impl RootKey for RootKeyFile {
    fn key_id(&self) -> &str {
        &self.key_id
    }

    async fn wrap(&self, plaintext: &Secret, context: &[u8]) -> Result<Vec<u8>, RootKeyError> {
        let sealed = self.envelope(context).seal(plaintext.expose());
        sealed.map_err(|error| RootKeyError::Unavailable(io::Error::other(error)))
    }

    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Secret, RootKeyError> {
        let opened = self.envelope(context).open(wrapped);
        Ok(Secret::from(opened.ok().ok_or(RootKeyError::NotAuthentic)?))
    }
}

const HEADER: &[u8] = b"ionvault root key 1\nid  ";
const KEY_LABEL: &[u8] = b"\nkey ";
const ID_BYTES: usize = 16;
const TEXT_BYTES: usize = HEADER.len() + 2 * ID_BYTES + KEY_LABEL.len() + 2 * LockedKey::BYTES + 1;

#[cfg(test)]
mod tests;
