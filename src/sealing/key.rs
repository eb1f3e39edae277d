//! Keys that seal records.

use crate::secret::{LockedKey, Secret};

/// A store key or a tenant key: 256 bits, and which of its kind it is.
///
/// Neither `Clone` nor `Debug`, as for [`LockedKey`].
pub struct SealingKey {
    version: u32,
    key: LockedKey,
}

/// There is no key, salt or identity without random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct RandomError(#[from] getrandom::Error);

impl SealingKey {
    /// A new key. Versions count from 1.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn random(version: u32) -> Result<Self, RandomError> {
        Ok(Self { version, key: LockedKey::random()? })
    }

    /// The key that was wrapped as `bytes`; `None` unless there are 32.
    #[must_use]
    pub fn from_secret(version: u32, bytes: &Secret) -> Option<Self> {
        Some(Self { version, key: LockedKey::from_bytes(bytes.expose())? })
    }

    /// Which of its kind it is; not a secret.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// A copy, for whoever wraps it. It does not lie in locked memory.
    #[must_use]
    pub fn to_secret(&self) -> Secret {
        Secret::from(self.key.expose().to_vec())
    }

    pub(super) const fn locked(&self) -> &LockedKey {
        &self.key
    }
}
