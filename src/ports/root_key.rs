//! The key that everything hangs from, wherever it is kept.

use async_trait::async_trait;

use crate::secret::Secret;

/// Wraps and unwraps the store key. Asked once per start, so it may be slow and far away.
#[async_trait]
pub trait RootKey: Send + Sync {
    /// Names the key without telling it. Kept beside what it wrapped.
    fn key_id(&self) -> &str;

    /// Encrypts `plaintext` so that only this key, given the same `context`, opens it again.
    ///
    /// # Errors
    ///
    /// [`RootKeyError::Unavailable`] if the key cannot be reached; trying again may help.
    async fn wrap(&self, plaintext: &Secret, context: &[u8]) -> Result<Vec<u8>, RootKeyError>;

    /// Decrypts what [`RootKey::wrap`] made with the same `context`.
    ///
    /// # Errors
    ///
    /// - [`RootKeyError::NotAuthentic`] if it was made with another key or context, or was changed.
    /// - [`RootKeyError::Unavailable`] if the key cannot be reached; trying again may help.
    async fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<Secret, RootKeyError>;
}

/// Why a root key did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RootKeyError {
    /// The key did its work, and the answer was no.
    #[error(
        "this root key did not wrap this store key, or it was changed: restore the keyring from a backup"
    )]
    NotAuthentic,
    /// The key could not be asked.
    #[error("the root key cannot be reached")]
    Unavailable(#[source] std::io::Error),
}
