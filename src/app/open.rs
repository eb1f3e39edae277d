//! Opening what the configuration names.

use std::path::PathBuf;
use std::sync::Arc;

use crate::access::Current;
use crate::adapters::{
    HttpProxy, HttpsTokenEndpoint, OpenStoreError, ReadRootKeyError, RootKeyFile, SledStore,
    SoundStore, SystemClock,
};
use crate::audit::AuditLog;
use crate::config::{Config, Egress, EgressHost, EgressProxy, ReadCertificatesError};
use crate::identity::LoadKeysError;
use crate::ion::HostRules;
use crate::listen::BindError;
use crate::ports::{StoreError, Witness};
use crate::sealing::Keyring;
use crate::tokens::{Jitter, OpenIssuerError, TokenIssuer, TokenSettings};
use crate::vault::{OpenVaultError, UnlockKeyringError, Vault, unlock_keyring};

use super::policy_file::{ReadPolicyError, read_policy};
use super::recording::{self, OpenRecordingError};
use super::witnesses;

/// Why a vault did not start. Each says what to do. Nothing was changed, but for
/// [`StartError::Open`] and [`StartError::Vault`]: what they tell shows only once the store is open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The keys of a token issuer cannot be used.
    #[error("listen.jwt.issuer.jwks: the file {path} is of no use", path = path.display())]
    KeySet {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: LoadKeysError,
    },
    /// The certificates for the address of an issuer's keys cannot be used.
    #[error("listen.jwt.issuer.jwks_ca")]
    KeySetCa(#[source] ReadCertificatesError),
    /// The certificates for the address of a witness cannot be used.
    #[error("audit.witness_ca")]
    WitnessCa(#[source] ReadCertificatesError),
    /// There is no policy.
    #[error(transparent)]
    Policy(#[from] ReadPolicyError),
    /// The certificates of an approved host cannot be used.
    #[error("egress.host.ca")]
    Egress(#[from] ReadCertificatesError),
    /// The root key cannot be used.
    #[error("root_key.file: {path} is of no use", path = path.display())]
    RootKey {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadRootKeyError,
    },
    /// The store is not sound.
    #[error(transparent)]
    Store(OpenStoreError),
    /// The keyring cannot be read.
    #[error("the keyring cannot be read: make it readable for this user")]
    ReadKeyring(#[source] StoreError),
    /// The keyring does not open.
    #[error(transparent)]
    Keyring(#[from] UnlockKeyringError),
    /// The store is sound and does not open all the same.
    #[error(transparent)]
    Open(OpenStoreError),
    /// The audit log does not open.
    #[error(transparent)]
    Audit(#[from] OpenRecordingError),
    /// The credentials in it cannot be read.
    #[error(transparent)]
    Vault(#[from] OpenVaultError),
    /// The accounts in it cannot be read.
    #[error(transparent)]
    Issuer(#[from] OpenIssuerError),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random(#[from] getrandom::Error),
    /// Only a defect of this program does that.
    #[error("opening was abandoned")]
    Abandoned,
}

/// What a vault is made of.
pub(super) struct Parts {
    pub(super) store: Arc<SledStore>,
    pub(super) vault: Vault,
    pub(super) issuer: TokenIssuer,
    pub(super) audit: AuditLog,
    pub(super) witnesses: Vec<Arc<dyn Witness>>,
    pub(super) access: Arc<Current>,
}

impl Parts {
    pub(super) async fn open(config: &Config) -> Result<Self, StartError> {
        let access = Arc::new(Current::new(read_policy(&config.policy, &config.groups)?));
        let approved =
            config.egress.hosts.iter().map(EgressHost::approve).collect::<Result<_, _>>()?;
        let hosts = Arc::new(HostRules::new(approved));
        let witnesses = witnesses::open(config).map_err(StartError::WitnessCa)?;
        let root_key = RootKeyFile::read(&config.root_key)
            .map_err(|source| StartError::RootKey { path: config.root_key.clone(), source })?;
        let (store, keyring, audit) = open_store(config, &root_key).await?;
        let clock = Arc::new(SystemClock);
        let vault = Vault::open(store.clone(), keyring, hosts.clone(), clock.clone()).await?;
        let endpoint = Arc::new(match proxy(&config.egress) {
            Some(proxy) => HttpsTokenEndpoint::through(proxy),
            None => HttpsTokenEndpoint::new(),
        });
        let settings = TokenSettings { limits: config.budget, servers: config.servers.clone() };
        let jitter = Jitter::from_os()?;
        let issuer =
            TokenIssuer::open(vault.clone(), hosts, endpoint, clock, settings, jitter).await?;
        Ok(Self { store, vault, issuer, audit, witnesses, access })
    }
}

/// What stands between this network and public addresses.
pub(super) fn proxy(egress: &Egress) -> Option<HttpProxy> {
    let EgressProxy { host, port } = egress.proxy.as_ref()?;
    Some(HttpProxy { host: host.clone(), port: *port })
}

/// The root key is tried before anything is changed, and the audit log comes before the store: what
/// cannot be recorded is not to be opened.
async fn open_store(
    config: &Config,
    root_key: &RootKeyFile,
) -> Result<(Arc<SledStore>, Keyring, AuditLog), StartError> {
    let data_dir = config.data_dir.clone();
    let (sound, wrapped) = blocking(move || {
        let sound = SoundStore::check(&data_dir).map_err(StartError::Store)?;
        let wrapped = sound.keyring().map_err(StartError::ReadKeyring)?;
        Ok((sound, wrapped))
    })
    .await?;
    let keyring = unlock_keyring(wrapped.as_deref(), sound.store_id(), root_key).await?;
    let audit = config.audit.clone();
    let (keyring, audit) = blocking(move || {
        let log = recording::open(&audit, &keyring)?;
        Ok((keyring, log))
    })
    .await?;
    let store = blocking(move || sound.open().map_err(StartError::Open)).await?;
    Ok((Arc::new(store), keyring, audit))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, StartError> {
    tokio::task::spawn_blocking(work).await.map_err(|_join| StartError::Abandoned)?
}
