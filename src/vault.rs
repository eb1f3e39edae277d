//! Credentials, their versions and their keys.
//!
//! The vault knows every credential by heart (without its files, which are opened one at a time
//! when a token is due) and writes each change to the store before it believes it itself.
//!
//! One tenant's changes happen one after the other, each in a task of its own that the caller's
//! giving up does not stop: otherwise the store could hold a change that the memory does not.

mod change;
mod directory;
mod filter;
mod load;
mod page;
mod records;
mod request_id;
mod tenant;
mod unlock;
mod upload;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::TaskTracker;

pub use change::{ChangeError, NotDeleted, Unactivatable, Unlabelable};
pub use directory::{CREDENTIALS_PER_TENANT_MAX, IntegrityFailure, TENANTS_MAX};
pub use filter::{Filter, InvalidFilter, TERMS_MAX};
pub use load::{CreateVaultError, OpenVaultError};
pub use page::{InvalidPageToken, ListError, Page, PageQuery};
pub use request_id::{InvalidRequestId, RequestId, RequestStamp};
pub use unlock::{UnlockKeyringError, unlock_keyring};
pub use upload::{Activation, CheckedUpload, Novelty, Upload, UploadError, Uploaded, VERSIONS_MAX};

use crate::ion::{HostRules, InvalidCaCertificates, InvalidIonApiFile, IonApiFile};
use crate::model::{Credential, CredentialName, Parent, TenantId, Uid, Version};
use crate::ports::{Clock, CommitError, Store, StoreError};
use crate::sealing::{InvalidPayload, Keyring, OpenError, RandomError, SealError, SealingKey};
use crate::secret::Secret;

use directory::{Directory, Entry};
use tenant::TenantLocks;

/// Keeps credentials. Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    keyring: Keyring,
    clock: Arc<dyn Clock>,
    hosts: Arc<HostRules>,
    directory: Directory,
    /// Counts the changes of credentials, for those who follow them.
    changed: watch::Sender<u64>,
    locks: TenantLocks,
    changes: TaskTracker,
    /// A change holds one of [`CHANGES_MAX`] permits until it is over.
    room: Arc<Semaphore>,
}

/// Most changes that may be under way or wait for their tenant's lock. A change goes on without its
/// caller, so nothing else bounds them while a disk stands still: with an upload of 96 KiB and its
/// parts in each, 128 MiB.
pub const CHANGES_MAX: usize = 512;

/// The file of one version, opened.
pub struct OpenedFile {
    /// What the person uploaded, parsed.
    pub file: IonApiFile,
    /// The certificates that came with it.
    pub ca_certificates: Vec<rustls_pki_types::CertificateDer<'static>>,
}

/// Why the file of a version did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenFileError {
    /// The store did not answer.
    #[error("the file could not be read")]
    Store(#[from] StoreError),
    /// The version was purged meanwhile.
    #[error("the version is not kept any more")]
    Gone,
    /// The version serves, and the store does not have its file.
    #[error("the record of the file is not there")]
    Missing,
    /// The record is not what was sealed.
    #[error("the record of the file does not open")]
    Read(#[from] ReadError),
    /// The record opened, and what is in it was accepted once and is not now.
    #[error("the stored file is not readable any more")]
    File(#[from] InvalidIonApiFile),
    /// As [`OpenFileError::File`], for the certificates.
    #[error("the stored certificates are not readable any more")]
    CaCertificates(#[from] InvalidCaCertificates),
}

/// Why a record is not readable, although the store gave it back.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It does not open.
    #[error("the record does not open")]
    Open(#[from] OpenError),
    /// It opens, and has other fields than records of its kind.
    #[error("the record has other fields")]
    Fields(#[from] InvalidPayload),
    /// It was sealed with a key that is not there.
    #[error("the record was sealed with a key that is not there")]
    UnknownKey,
    /// It opens, and what it says breaks an invariant.
    #[error("the record says something impossible")]
    Content,
}

/// Why a change was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store did not do it, or it is not known whether it did.
    #[error("the change could not be written")]
    Store(#[from] StoreError),
    /// Too many changes are under way already; nothing was changed.
    #[error("too many changes are under way")]
    Busy,
    /// Others kept changing the same record.
    #[error("others kept changing the same record")]
    Contended,
    /// A record that the change builds on does not open.
    #[error("a record that the change builds on does not open")]
    Integrity(#[from] ReadError),
    /// The change could not be sealed.
    #[error("the change could not be sealed")]
    Seal(#[from] SealError),
    /// The change could not be written down; only a defect of this program does that.
    #[error("the change could not be written down")]
    Content,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random(#[from] getrandom::Error),
    /// As [`WriteError::Random`], for a key.
    #[error("there is no new key")]
    Key(#[from] RandomError),
    /// The task that made the change ended early; only a defect of this program does that.
    #[error("the change was abandoned")]
    Abandoned,
}

impl Vault {
    /// The credential of this name, deleted or not.
    ///
    /// # Errors
    ///
    /// [`IntegrityFailure`] if there is a record for this name that does not open.
    pub fn find(&self, name: &CredentialName) -> Result<Option<Arc<Credential>>, IntegrityFailure> {
        match self.look_up(name) {
            Some(credential) => Ok(Some(credential)),
            None => self.absent(name).map(|()| None),
        }
    }

    /// The credential of this name, deleted or not, if it is known: a look-up that takes the same
    /// time either way.
    #[must_use]
    pub fn look_up(&self, name: &CredentialName) -> Option<Arc<Credential>> {
        self.0.directory.find(name)
    }

    /// Whether there is truly nothing where [`Vault::look_up`] found nothing.
    ///
    /// # Errors
    ///
    /// As for [`Vault::find`].
    pub fn absent(&self, name: &CredentialName) -> Result<(), IntegrityFailure> {
        let Inner { directory, keyring, .. } = &*self.0;
        directory.absent(keyring, name)
    }

    /// Opens the file of a version.
    ///
    /// # Errors
    ///
    /// As [`OpenFileError`] says.
    pub async fn open_file(
        &self,
        credential: &Credential,
        version: &Version,
    ) -> Result<OpenedFile, OpenFileError> {
        let Inner { store, keyring, directory, .. } = &*self.0;
        let key = records::version_file_key(keyring, credential, version.number);
        let Some(stored) = store.get(&key).await? else {
            // The version that serves is never the one that makes room.
            let serves = |now: Arc<Credential>| {
                now.uid == credential.uid && now.active_version == version.number
            };
            let missing = directory.find(&credential.name).is_some_and(serves);
            return Err(if missing { OpenFileError::Missing } else { OpenFileError::Gone });
        };
        let tenant = directory.tenant(&credential.name.tenant).ok_or(OpenFileError::Gone)?;
        let sealing_key = tenant.key(keyring)?;
        let place = records::version_file_place(keyring, credential, version.number, &key);
        let payload = stored.record.open(&sealing_key, &place).map_err(ReadError::from)?;
        let [file, ca_certificates] = payload.fields().map_err(ReadError::from)?;
        Ok(OpenedFile {
            file: IonApiFile::parse(file.expose())?,
            ca_certificates: parse_ca_certificates(&ca_certificates)?,
        })
    }

    /// What credentials are kept in, for what is kept beside them.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The keys of the store.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The key that records of a tenant are sealed with; `None` if there is no such tenant.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the tenant's record does not open any more.
    pub fn tenant_key(&self, tenant: &TenantId) -> Result<Option<SealingKey>, ReadError> {
        let Inner { directory, keyring, .. } = &*self.0;
        directory.tenant(tenant).map(|tenant| tenant.key(keyring)).transpose()
    }

    /// All tenants by their uid.
    #[must_use]
    pub fn tenants(&self) -> HashMap<Uid, TenantId> {
        let tenants = self.0.directory.tenants_from(&Parent::AllTenants, None);
        tenants.iter().map(|entry| (entry.tenant.uid, entry.tenant.id.clone())).collect()
    }

    /// The credentials of a tenant as they are now, deleted ones too, in order of their ids.
    #[must_use]
    pub fn credentials_of(&self, tenant: &TenantId) -> Vec<Arc<Credential>> {
        let Some(entry) = self.0.directory.tenant_entry(tenant) else { return Vec::new() };
        entry.snapshot().values().map(|entry| Arc::clone(&entry.credential)).collect()
    }

    /// A number that changes after each change of a credential.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// The right to begin a change.
    fn begin_change(&self) -> Result<OwnedSemaphorePermit, WriteError> {
        Arc::clone(&self.0.room).try_acquire_owned().ok().ok_or(WriteError::Busy)
    }

    /// Waits until no change is under way. Call it after the last request was answered.
    pub async fn drain(&self) {
        self.0.changes.close();
        self.0.changes.wait().await;
    }
}

impl Inner {
    /// A change is in the store: readers see it from now on.
    fn publish(&self, entry: &Entry) {
        self.directory.put(entry);
        self.changed.send_modify(|changes| *changes = changes.wrapping_add(1));
    }
}

/// No bytes mean: no certificates of its own.
fn parse_ca_certificates(
    pem: &Secret,
) -> Result<Vec<rustls_pki_types::CertificateDer<'static>>, InvalidCaCertificates> {
    if pem.is_empty() { Ok(Vec::new()) } else { crate::ion::parse_ca_certificates(pem.expose()) }
}

impl From<CommitError> for WriteError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Contended,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}
