//! The keys that a running vault holds besides those of its tenants.

mod wrapped;

pub use wrapped::{InvalidKeyring, LockError, UnlockError, WrappedKeyring};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::payload::push_field;
use super::{RandomError, RecordKind, SealingKey, StoreKey};
use crate::model::Uid;
use crate::secret::LockedKey;

/// The keys of one store, in the clear. Made once, by `generate`; afterwards it comes from
/// [`WrappedKeyring::unlock`].
pub struct Keyring {
    store_id: Uid,
    store_key: SealingKey,
    /// Hashes names. As old as the store: the names of records depend on it.
    blinding_key: LockedKey,
}

/// What a keyed hash is for. The number is part of what is hashed; none is used again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum HashPurpose {
    /// Names an Infor log-in.
    AccountId = 1,
    /// Names the bytes of an uploaded file.
    ContentId = 2,
    /// Names the query that a page token belongs to.
    PageToken = 3,
    /// Tells whether a request id is used for the same request again.
    RequestFingerprint = 4,
    /// Signs the audit log's checkpoints.
    AuditSigningKey = 5,
}

impl Keyring {
    /// New keys for a new store, with a new id.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn generate() -> Result<Self, RandomError> {
        Ok(Self {
            store_id: Uid::random()?,
            store_key: SealingKey::random(1)?,
            blinding_key: LockedKey::random()?,
        })
    }

    /// The store that these keys are for.
    #[must_use]
    pub const fn store_id(&self) -> Uid {
        self.store_id
    }

    /// The key that seals the records of tenants.
    #[must_use]
    pub const fn store_key(&self) -> &SealingKey {
        &self.store_key
    }

    /// The store key of that version, if it is held.
    #[must_use]
    pub fn store_key_version(&self, version: u32) -> Option<&SealingKey> {
        (self.store_key.version() == version).then_some(&self.store_key)
    }

    /// Where the record lies that these names lead to: the byte of the kind, then for each name a
    /// keyed hash of it and the names before it. So the place of `[tenant]` is a prefix of that of
    /// `[tenant, credential]`, and the same credential name under two tenants shows nothing alike.
    ///
    /// A stolen disk tells how many records of each kind there are and which belong together, but
    /// no name. More than three names do not compile:
    ///
    /// ```compile_fail,E0080
    /// # use ionvault::sealing::{Keyring, RecordKind};
    /// let key = Keyring::generate().unwrap().blind(RecordKind::Tenant, &[b"", b"", b"", b""]);
    /// ```
    #[must_use]
    pub fn blind<const N: usize>(&self, kind: RecordKind, names: &[&[u8]; N]) -> StoreKey {
        const { assert!(N <= NAMES_MAX) };
        let mut bytes = Vec::with_capacity(1 + N * HASH_BYTES);
        bytes.push(kind as u8);
        for end in 1..=N {
            bytes.extend(self.hash(BLIND, kind as u8, names.get(..end).unwrap_or_default()));
        }
        StoreKey::from_blinded(bytes)
    }

    /// HMAC-SHA-256 of `parts` for one purpose: tells nothing about them without the blinding key,
    /// and is the same whenever they are. Two lists of parts never run together.
    #[must_use]
    pub fn keyed_hash(&self, purpose: HashPurpose, parts: &[&[u8]]) -> [u8; HASH_BYTES] {
        self.hash(KEYED_HASH, purpose as u8, parts)
    }

    /// The seed of the Ed25519 key that signs the audit log's checkpoints: derived and nowhere
    /// stored, so that it is as old as the store and comes back with its keyring. The epoch counts
    /// keys, should one ever have to be replaced; the first is 1.
    #[must_use]
    pub fn audit_signing_seed(&self, epoch: u32) -> LockedKey {
        let parts: [&[u8]; 1] = [&epoch.to_be_bytes()];
        let seed = Zeroizing::new(self.keyed_hash(HashPurpose::AuditSigningKey, &parts));
        #[expect(clippy::expect_used, reason = "a hash is as long as a key")]
        LockedKey::from_bytes(seed.as_slice()).expect("a hash is as long as a key")
    }

    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    fn hash(&self, label: &[u8], sort: u8, parts: &[&[u8]]) -> [u8; HASH_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.blinding_key.expose().as_slice())
            .expect("HMAC takes a key of any length");
        let mut prefix = Vec::new();
        push_field(&mut prefix, label);
        push_field(&mut prefix, &[sort]);
        mac.update(&prefix);
        for part in parts {
            // Parts may be secrets, so they are not gathered in a buffer first.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// Labels: what is hashed for one use of the key is never what is hashed for another.
const BLIND: &[u8] = b"ionvault/1/blind";
const KEYED_HASH: &[u8] = b"ionvault/1/keyed-hash";
const HASH_BYTES: usize = 32;

/// A tenant, a credential and a version.
const NAMES_MAX: usize = 3;
const _: () = assert!(1 + NAMES_MAX * HASH_BYTES == StoreKey::BYTES_MAX);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_lead_to_the_same_place_again_and_to_no_other() {
        let keyring = Keyring::generate().unwrap();
        let other = Keyring::generate().unwrap();
        let names = |keyring: &Keyring, kind| keyring.blind(kind, &[b"acme", b"erp"]);
        assert_eq!(
            names(&keyring, RecordKind::Credential),
            names(&keyring, RecordKind::Credential)
        );
        let places = [
            names(&keyring, RecordKind::Credential),
            names(&keyring, RecordKind::VersionFile),
            names(&other, RecordKind::Credential),
            keyring.blind(RecordKind::Credential, &[b"erp", b"acme"]),
            keyring.blind(RecordKind::Credential, &[b"acmeerp", b""]),
            keyring.blind(RecordKind::Credential, &[b"acme"]),
            keyring.blind(RecordKind::Credential, &[]),
        ];
        assert_eq!(HashSet::from(places.clone()).len(), places.len());
    }

    #[test]
    fn the_place_of_the_first_names_is_a_prefix() {
        let keyring = Keyring::generate().unwrap();
        let of = |names: &[&[u8]; 1]| keyring.blind(RecordKind::VersionFile, names);
        let whole = keyring.blind(RecordKind::VersionFile, &[b"acme", b"erp", b"1"]);
        assert_eq!(whole.as_bytes().len(), StoreKey::BYTES_MAX);
        assert!(whole.as_bytes().starts_with(of(&[b"acme"]).as_bytes()));
        assert!(!whole.as_bytes().starts_with(of(&[b"acm"]).as_bytes()));
        assert_eq!(whole.as_bytes()[0], RecordKind::VersionFile as u8);
    }

    #[test]
    fn one_name_under_two_tenants_shows_nothing_alike() {
        let keyring = Keyring::generate().unwrap();
        let of = |tenant: &[u8]| keyring.blind(RecordKind::Credential, &[tenant, b"erp"]);
        assert_ne!(of(b"acme").as_bytes()[33..], of(b"globex").as_bytes()[33..]);
    }

    #[test]
    fn a_place_shows_no_name() {
        let keyring = Keyring::generate().unwrap();
        let place = keyring.blind(RecordKind::Tenant, &[b"acme"]);
        assert!(!place.as_bytes().windows(4).any(|window| window == b"acme"));
    }

    #[test]
    fn hashes_depend_on_the_key_the_purpose_and_where_a_part_ends() {
        let keyring = Keyring::generate().unwrap();
        let other = Keyring::generate().unwrap();
        let hashes = [
            keyring.keyed_hash(HashPurpose::AccountId, &[b"ab", b"c"]),
            keyring.keyed_hash(HashPurpose::ContentId, &[b"ab", b"c"]),
            keyring.keyed_hash(HashPurpose::AccountId, &[b"a", b"bc"]),
            keyring.keyed_hash(HashPurpose::AccountId, &[b"ab", b"c", b""]),
            keyring.keyed_hash(HashPurpose::AccountId, &[b"ab"]),
            keyring.keyed_hash(HashPurpose::AccountId, &[]),
            other.keyed_hash(HashPurpose::AccountId, &[b"ab", b"c"]),
        ];
        assert_eq!(HashSet::from(hashes).len(), hashes.len());
        assert_eq!(hashes[0], keyring.keyed_hash(HashPurpose::AccountId, &[b"ab", b"c"]));
    }

    #[test]
    fn the_audit_is_signed_with_a_key_for_each_store_and_epoch() {
        let keyring = Keyring::generate().unwrap();
        let other = Keyring::generate().unwrap();
        let seed = |keyring: &Keyring, epoch| *keyring.audit_signing_seed(epoch).expose();
        assert_eq!(seed(&keyring, 1), seed(&keyring, 1));
        assert_ne!(seed(&keyring, 1), seed(&keyring, 2));
        assert_ne!(seed(&keyring, 1), seed(&other, 1));
        // Nothing else that is hashed is the seed.
        assert_ne!(
            seed(&keyring, 1),
            keyring.keyed_hash(HashPurpose::ContentId, &[&1_u32.to_be_bytes()])
        );
    }

    #[test]
    fn a_place_is_never_a_hash_for_another_purpose() {
        let keyring = Keyring::generate().unwrap();
        // The same number, and the same part.
        let place = keyring.blind(RecordKind::Tenant, &[b"acme"]);
        let hash = keyring.keyed_hash(HashPurpose::AccountId, &[b"acme"]);
        assert_ne!(place.as_bytes()[1..], hash);
    }

    #[test]
    fn only_the_version_of_the_store_key_that_is_held_is_found() {
        let keyring = Keyring::generate().unwrap();
        assert_eq!(keyring.store_key().version(), 1);
        assert!(keyring.store_key_version(1).is_some());
        assert!(keyring.store_key_version(0).is_none());
        assert!(keyring.store_key_version(2).is_none());
    }
}
