//! The keyring of a store, opened with the root key: the first proof that both are the right ones.

use crate::model::Uid;
use crate::ports::{RootKey, RootKeyError};
use crate::sealing::{InvalidKeyring, Keyring, UnlockError, WrappedKeyring};

/// Why a keyring was not unlocked. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum UnlockKeyringError {
    /// The store was never given a keyring, or it was removed.
    #[error(
        "the store has no keyring: restore it from a backup, or empty the directory of a store \
         that was never used and run `ionvault init`"
    )]
    Missing,
    /// The keyring is of another store: somebody mixed files of two.
    #[error(
        "the keyring belongs to store {keyring}, the data to store {store}: restore both together"
    )]
    OtherStore {
        /// The store that the keyring was made for.
        keyring: Uid,
        /// The store that it lies beside.
        store: Uid,
    },
    /// The keyring was wrapped by a root key of another name.
    #[error(
        "the store was sealed with root key `{wrapped_by}`, and this is `{given}`: configure the right one"
    )]
    OtherRootKey {
        /// The key id in the keyring.
        wrapped_by: String,
        /// The key id of the root key that was given.
        given: String,
    },
    /// The keyring is not readable.
    #[error("the keyring is damaged: restore it from a backup")]
    Invalid(#[from] InvalidKeyring),
    /// The root key did not unwrap the store key.
    #[error("the store key could not be unwrapped")]
    RootKey(#[from] RootKeyError),
    /// What was unwrapped is not the store key.
    #[error("the keyring does not open with its store key: restore it from a backup")]
    Unlock(#[from] UnlockError),
}

/// Opens the keyring found in the store of that id. Changes nothing, so that it can be tried
/// before the store is opened.
///
/// # Errors
///
/// As [`UnlockKeyringError`] says.
pub async fn unlock_keyring(
    keyring: Option<&[u8]>,
    store: Uid,
    root_key: &dyn RootKey,
) -> Result<Keyring, UnlockKeyringError> {
    let keyring = WrappedKeyring::parse(keyring.ok_or(UnlockKeyringError::Missing)?)?;
    if keyring.store_id() != store {
        return Err(UnlockKeyringError::OtherStore { keyring: keyring.store_id(), store });
    }
    let (wrapped_by, given) = (keyring.root_key_id(), root_key.key_id());
    if wrapped_by != given {
        let (wrapped_by, given) = (wrapped_by.to_owned(), given.to_owned());
        return Err(UnlockKeyringError::OtherRootKey { wrapped_by, given });
    }
    let store_key = root_key.unwrap(keyring.wrapped_store_key(), &keyring.context()).await?;
    Ok(keyring.unlock(&store_key)?)
}
