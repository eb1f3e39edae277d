//! Authenticated encryption under a key that is used once.
//!
//! | offset | length | field                     |
//! |-------:|-------:|---------------------------|
//! |      0 |     32 | salt, random              |
//! |     32 |     32 | commitment to the key     |
//! |     64 |      n | ciphertext                |
//! | 64 + n |     16 | tag                       |
//!
//! From the long-lived key and the salt, HKDF-SHA-256 (RFC 5869: extract, then expand once per
//! label) derives two values of 32 bytes, under labels that name the [`Purpose`]:
//!
//! | info                               | is                                    |
//! |------------------------------------|---------------------------------------|
//! | `ionvault/1/{purpose}/key`         | the key of AES-256-GCM, used once     |
//! | `ionvault/1/{purpose}/commitment`  | the commitment, stored in the clear   |
//!
//! Why a key for each envelope: a nonce may never repeat under one GCM key, and random nonces of
//! 96 bits limit a key to 2^32 uses (NIST SP 800-38D, 8.3). A key that encrypts once needs no
//! nonce, so it is 12 zero bytes; the 256-bit salt makes a repeated key as unlikely as a guess.
//!
//! Why a commitment: a GCM ciphertext can be made to open under two keys (Albertini and others,
//! "How to Abuse and Fix Authenticated Encryption Without Key Commitment", USENIX Security 2022;
//! Bellare and Hoang, "Efficient Schemes for Committing Authenticated Encryption", EUROCRYPT
//! 2022). With it, that takes a collision in HMAC-SHA-256. It is compared first, in constant time,
//! so a wrong key ends there and no tag is computed with it.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::RandomError;
use crate::secret::LockedKey;

/// A long-lived key, and what the bytes that it seals are tied to.
pub struct Envelope<'a> {
    /// The key that the envelope's own key is derived from.
    pub key: &'a LockedKey,
    /// What the envelope holds.
    pub purpose: Purpose,
    /// What must be said again, byte for byte, to open the envelope. Not kept in it.
    pub associated_data: &'a [u8],
}

/// What an envelope holds. Envelopes of one purpose never open as those of another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Purpose {
    /// A record, under a store key or a tenant key.
    Record,
    /// The other keys of a keyring, under a store key.
    Keyring,
    /// A store key, under a root key.
    StoreKey,
}

/// Why an envelope was not made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no salt.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// More than a record may hold: [`SealedRecord::BYTES_MAX`](super::SealedRecord::BYTES_MAX).
    #[error("there is too much to seal")]
    TooLong,
}

/// The envelope was made with another key, for another purpose or with other associated data, or
/// it was changed since. Which of these is not known.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the bytes are not what this key sealed here")]
pub struct NotAuthentic;

impl Envelope<'_> {
    /// How much longer an envelope is than what it holds.
    pub const OVERHEAD_BYTES: usize = SALT_BYTES + COMMITMENT_BYTES + TAG_BYTES;

    /// Seals `plaintext` under a new salt. The same plaintext never gives the same bytes.
    ///
    /// # Errors
    ///
    /// - [`SealError::Random`] if the operating system gives no random bytes.
    /// - [`SealError::TooLong`] if `plaintext` is longer than AES-GCM allows (64 GiB).
    pub fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(RandomError::from)?;
        self.seal_with_salt(&salt, plaintext)
    }

    /// Opens what [`Envelope::seal`] made with the same key, purpose and associated data.
    ///
    /// # Errors
    ///
    /// [`NotAuthentic`], for whatever reason.
    pub fn open(&self, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
        let (salt, rest) = bytes.split_first_chunk().ok_or(NotAuthentic)?;
        let (commitment, rest) =
            rest.split_first_chunk::<COMMITMENT_BYTES>().ok_or(NotAuthentic)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(NotAuthentic)?;

        let derived = self.derive(salt);
        if !bool::from(derived.commitment.ct_eq(commitment)) {
            return Err(NotAuthentic);
        }
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        // GCM checks the tag before it decrypts a byte.
        derived
            .cipher
            .decrypt_inout_detached(
                &Nonce::from(NONCE),
                self.associated_data,
                buffer.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .ok()
            .ok_or(NotAuthentic)?;
        Ok(buffer)
    }

    /// Separate from [`Envelope::seal`] for the test vectors only: a salt used twice with two
    /// plaintexts gives both away.
    pub(super) fn seal_with_salt(
        &self,
        salt: &[u8; SALT_BYTES],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let derived = self.derive(salt);
        let mut bytes = Vec::with_capacity(plaintext.len() + Self::OVERHEAD_BYTES);
        bytes.extend_from_slice(salt);
        bytes.extend_from_slice(&derived.commitment);
        bytes.extend_from_slice(plaintext);
        let (_, text) = bytes.split_at_mut(SALT_BYTES + COMMITMENT_BYTES);
        let tag = derived
            .cipher
            .encrypt_inout_detached(&Nonce::from(NONCE), self.associated_data, text.into())
            .ok()
            .ok_or(SealError::TooLong)?;
        bytes.extend_from_slice(&tag);
        Ok(bytes)
    }

    fn derive(&self, salt: &[u8; SALT_BYTES]) -> Derived {
        let hkdf = Hkdf::<Sha256>::new(Some(salt), self.key.expose().as_slice());
        let (key_label, commitment_label) = self.purpose.labels();
        let mut key = Zeroizing::new([0; LockedKey::BYTES]);
        expand(&hkdf, key_label, key.as_mut_slice());
        let mut commitment = [0; COMMITMENT_BYTES];
        expand(&hkdf, commitment_label, &mut commitment);
        Derived { cipher: Aes256Gcm::new((&*key).into()), commitment }
    }
}

/// What HKDF gives for one envelope.
struct Derived {
    cipher: Aes256Gcm,
    commitment: [u8; COMMITMENT_BYTES],
}

#[expect(clippy::expect_used, reason = "HKDF-SHA-256 gives up to 8,160 bytes; 32 are asked for")]
fn expand(hkdf: &Hkdf<Sha256>, label: &[u8], output: &mut [u8]) {
    hkdf.expand(label, output).expect("32 bytes are within the limit of HKDF");
}

impl Purpose {
    /// The labels of the key and of the commitment. Part of what is on disk: never changed.
    const fn labels(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::Record => (b"ionvault/1/record/key", b"ionvault/1/record/commitment"),
            Self::Keyring => (b"ionvault/1/keyring/key", b"ionvault/1/keyring/commitment"),
            Self::StoreKey => (b"ionvault/1/store-key/key", b"ionvault/1/store-key/commitment"),
        }
    }
}

/// Always the same, as no key is used twice.
const NONCE: [u8; 12] = [0; 12];

pub(super) const SALT_BYTES: usize = 32;
const COMMITMENT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
