//! Making a new vault: a root key, a store, and the keyring between them.

use crate::adapters::{
    CreateRootKeyError, CreateStoreError, OpenStoreError, ReadRootKeyError, RootKeyFile, SledStore,
};
use crate::config::Config;
use crate::model::Uid;
use crate::ports::{RootKey as _, StoreError};
use crate::sealing::{Keyring, RandomError};
use crate::vault::{CreateVaultError, Vault};

/// What was made.
#[derive(Clone, Debug)]
pub struct Initialized {
    /// The identity of the store.
    pub store_id: Uid,
    /// The name of its root key.
    pub root_key_id: String,
    /// Whether the root key was made too, or was there already.
    pub root_key_created: bool,
}

/// Why no vault was made. A root key that was made stays; everything else is as it was, unless
/// the disk failed halfway.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The root key could not be made.
    #[error(transparent)]
    CreateRootKey(#[from] CreateRootKeyError),
    /// The root key that is there cannot be used.
    #[error(transparent)]
    RootKey(#[from] ReadRootKeyError),
    /// There are no new keys.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The store could not be made.
    #[error(transparent)]
    CreateStore(#[from] CreateStoreError),
    /// The store was made and does not open.
    #[error(transparent)]
    OpenStore(#[from] OpenStoreError),
    /// The keyring could not be made.
    #[error(transparent)]
    Vault(#[from] CreateVaultError),
    /// The store could not be closed.
    #[error("the new store could not be closed")]
    Close(#[source] StoreError),
}

/// Makes the vault that the configuration names. A root key that is there already is used, so
/// that one brought in by a secret manager works; a store that is there already is refused.
///
/// # Errors
///
/// As [`InitError`] says.
pub async fn init(config: &Config) -> Result<Initialized, InitError> {
    let (root_key, root_key_created) = match RootKeyFile::read(&config.root_key) {
        Ok(root_key) => (root_key, false),
        Err(ReadRootKeyError::Missing) => (RootKeyFile::create(&config.root_key)?, true),
        Err(error) => return Err(error.into()),
    };
    let keyring = Keyring::generate()?;
    SledStore::create(&config.data_dir, keyring.store_id())?;
    let store = SledStore::open(&config.data_dir)?;
    Vault::create(&store, &keyring, &root_key).await?;
    store.close().await.map_err(InitError::Close)?;
    let root_key_id = root_key.key_id().to_owned();
    Ok(Initialized { store_id: keyring.store_id(), root_key_id, root_key_created })
}
