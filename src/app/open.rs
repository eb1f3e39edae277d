//! Opening what the configuration names.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::access::{Access, InvalidPolicy, POLICY_BYTES_MAX};
use crate::adapters::{
    HttpsTokenEndpoint, OpenStoreError, ReadRootKeyError, RootKeyFile, SledStore, SystemClock,
};
use crate::config::{Config, EgressHost, ReadCertificatesError};
use crate::ion::HostRules;
use crate::listen::BindError;
use crate::tokens::TokenIssuer;
use crate::vault::{OpenVaultError, Vault};

/// Why a vault did not start. Each says what to do; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The policy cannot be read.
    #[error("access.policy: the file {path} cannot be read", path = path.display())]
    ReadPolicy {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The policy is no policy.
    #[error("access.policy: the file {path} is no valid policy", path = path.display())]
    Policy {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidPolicy,
    },
    /// The certificates of an approved host cannot be used.
    #[error("egress.host.ca")]
    Egress(#[from] ReadCertificatesError),
    /// The root key cannot be used.
    #[error(transparent)]
    RootKey(#[from] ReadRootKeyError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] OpenStoreError),
    /// The vault in it does not open.
    #[error(transparent)]
    Vault(#[from] OpenVaultError),
    /// Only a defect of this program does that.
    #[error("opening was abandoned")]
    Abandoned,
}

/// What a vault is made of.
pub(super) struct Parts {
    pub(super) store: Arc<SledStore>,
    pub(super) vault: Vault,
    pub(super) issuer: TokenIssuer,
    pub(super) access: Arc<Access>,
}

impl Parts {
    pub(super) async fn open(config: &Config) -> Result<Self, StartError> {
        let access = Arc::new(read_policy(config)?);
        let approved = config.egress.iter().map(EgressHost::approve).collect::<Result<_, _>>()?;
        let hosts = Arc::new(HostRules::new(approved));
        let root_key = RootKeyFile::read(&config.root_key)?;
        let data_dir = config.data_dir.clone();
        let opened = tokio::task::spawn_blocking(move || SledStore::open(&data_dir));
        let store = Arc::new(opened.await.map_err(|_join| StartError::Abandoned)??);
        let clock = Arc::new(SystemClock);
        let vault =
            Vault::open(store.clone(), store.store_id(), &root_key, hosts.clone(), clock.clone())
                .await?;
        let endpoint = Arc::new(HttpsTokenEndpoint::new());
        let issuer = TokenIssuer::new(vault.clone(), hosts, endpoint, clock);
        Ok(Self { store, vault, issuer, access })
    }
}

fn read_policy(config: &Config) -> Result<Access, StartError> {
    let path = &config.policy;
    let read = || -> io::Result<String> {
        use io::Read as _;
        let mut text = String::new();
        // One byte more than a policy may have: then it is refused for its length.
        let most = POLICY_BYTES_MAX as u64 + 1;
        std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|source| StartError::ReadPolicy { path: path.clone(), source })?;
    Access::new(&text, &config.groups)
        .map_err(|source| StartError::Policy { path: path.clone(), source })
}
