//! The keys under which records lie.

use std::fmt;

/// The key of one record: its kind, then keyed hashes of the names that lead to it. A stolen disk
/// does not tell who the customers are.
///
/// Invariant: 1 to [`StoreKey::BYTES_MAX`] bytes.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StoreKey(Vec<u8>);

impl StoreKey {
    /// Longest key: a kind and three keyed hashes of 32 bytes.
    pub const BYTES_MAX: usize = 97;

    /// The key with these bytes, as a store gives them back; `None` if there are none or too many.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        (1..=Self::BYTES_MAX).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// The key that [`Keyring::blind`](super::Keyring::blind) made, which holds to the limit.
    pub(super) const fn from_blinded(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({})", data_encoding::HEXLOWER.encode(&self.0))
    }
}
