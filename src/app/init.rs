//! Making a new vault: a root key, a store, and the keyring between them.

use std::path::{Path, PathBuf};

use crate::adapters::{
    CreateRootKeyError, CreateStoreError, OpenStoreError, ReadRootKeyError, RootKeyFile, SledStore,
};
use crate::config::Config;
use crate::model::Uid;
use crate::ports::{RootKey as _, StoreError};
use crate::sealing::{Keyring, RandomError};
use crate::vault::{CreateVaultError, Vault};

use super::recording::{self, OpenRecordingError};

/// What was made.
#[derive(Clone, Debug)]
pub struct Initialized {
    /// The identity of the store.
    pub store_id: Uid,
    /// The name of its root key.
    pub root_key_id: String,
    /// Whether the root key was made too, or was there already.
    pub root_key_created: bool,
    /// The key that verifies its audit log.
    pub verifier_key: String,
}

/// Why no vault was made. Nothing was changed, unless the disk failed halfway; a root key that was
/// made by then stays.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The root key could not be made.
    #[error("root_key.file: {path} could not be made", path = path.display())]
    CreateRootKey {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: CreateRootKeyError,
    },
    /// The root key that is there cannot be used.
    #[error("root_key.file: {path} is of no use", path = path.display())]
    RootKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadRootKeyError,
    },
    /// There are no new keys.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The store could not be made.
    #[error(transparent)]
    CreateStore(#[from] CreateStoreError),
    /// The store was made and does not open.
    #[error(transparent)]
    OpenStore(#[from] OpenStoreError),
    /// The audit log could not be made.
    #[error(transparent)]
    Audit(#[from] OpenRecordingError),
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
    // First, so that a refusal leaves no root key behind that belongs to nothing.
    SledStore::vacant(&config.data_dir)?;
    recording::vacant(&config.audit.dir)?;
    let (root_key, root_key_created) = read_or_create(&config.root_key)?;
    let keyring = Keyring::generate()?;
    SledStore::create(&config.data_dir, keyring.store_id())?;
    let store = SledStore::open(&config.data_dir)?;
    Vault::create(&store, &keyring, &root_key).await?;
    store.close().await.map_err(InitError::Close)?;
    let root_key_id = root_key.key_id().to_owned();
    let audit = recording::make(&config.audit, &keyring)?;
    let verifier_key = audit.verifier_key().to_owned();
    Ok(Initialized { store_id: keyring.store_id(), root_key_id, root_key_created, verifier_key })
}

fn read_or_create(path: &Path) -> Result<(RootKeyFile, bool), InitError> {
    let named = || path.to_owned();
    match RootKeyFile::read(path) {
        Ok(root_key) => Ok((root_key, false)),
        Err(ReadRootKeyError::Missing) => match RootKeyFile::create(path) {
            Ok(root_key) => Ok((root_key, true)),
            Err(source) => Err(InitError::CreateRootKey { path: named(), source }),
        },
        Err(source) => Err(InitError::RootKey { path: named(), source }),
    }
}
