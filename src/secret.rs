//! Secret bytes, with one door.
//!
//! [`Secret`] holds what passes through: files, tokens, client secrets. [`LockedKey`] holds the
//! keys of the vault in memory that is not swapped out. [`harden_process`] keeps both out of core
//! files and away from other processes of the same user.
//!
//! What cannot be promised: copies in the buffers of the TLS, HTTP/2 and protobuf libraries, and
//! copies that the compiler makes in registers and on the stack, are not wiped.

mod hardening;
mod locked_key;

pub use hardening::{Weakness, harden_process};
pub use locked_key::LockedKey;

use zeroize::Zeroizing;

/// Bytes that must not leave the process by accident: client secrets, keys, tokens.
///
/// They are overwritten with zeros when dropped. `Clone`, `Debug`, `Deref`, `Display`,
/// `PartialEq` and `Serialize` are missing on purpose: each would let the bytes move without a
/// reviewer noticing. Searching for `.expose()` finds every reader. Holders share one copy
/// through `Arc<Secret>`.
///
/// ```
/// let secret = ionvault::secret::Secret::from(vec![1, 2, 3]);
/// assert_eq!(secret.expose(), [1, 2, 3]);
/// ```
///
/// None of these compiles:
///
/// ```compile_fail,E0277
/// let secret = ionvault::secret::Secret::from(vec![1, 2, 3]);
/// println!("{secret:?}");
/// ```
///
/// ```compile_fail,E0277
/// let secret = ionvault::secret::Secret::from(vec![1, 2, 3]);
/// println!("{secret}");
/// ```
///
/// ```compile_fail,E0599
/// let secret = ionvault::secret::Secret::from(vec![1, 2, 3]);
/// let copy = secret.clone();
/// ```
///
/// ```compile_fail,E0369
/// let secret = ionvault::secret::Secret::from(vec![1, 2, 3]);
/// let same = secret == ionvault::secret::Secret::from(vec![1, 2, 3]);
/// ```
///
/// ```compile_fail,E0614
/// let secret = ionvault::secret::Secret::from(vec![1, 2, 3]);
/// let bytes: &[u8] = &*secret;
/// ```
///
/// ```compile_fail,E0277
/// let secret = ionvault::secret::Secret::from(vec![1, 2, 3]);
/// let text = serde_json::to_string(&secret);
/// ```
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes themselves. Whoever calls this answers for where they go.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are; not a secret here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<u8>> for Secret {
    /// Takes the buffer over without a copy. What `bytes` lost by growing earlier is not wiped:
    /// build secrets in a buffer of their final capacity.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}
