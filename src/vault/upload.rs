//! Taking a file in.

mod plan;
mod version;

use std::sync::Arc;

use crate::ion::{HostNotAllowed, InvalidCaCertificates, InvalidIonApiFile, IonApiFile};
use crate::model::{Caller, Credential, CredentialName, Labels, Version, VersionNumber};
use crate::secret::Secret;

use super::directory::IntegrityFailure;
use super::request_id::RequestStamp;
use super::{OpenedFile, Vault, WriteError};

/// How many versions of a credential are kept (design: 10).
pub const VERSIONS_MAX: usize = 10;

/// A file to take in.
pub struct Upload {
    /// The credential to create or to give another version.
    pub name: CredentialName,
    /// The bytes as the person has them.
    pub ion_api_file: Secret,
    /// PEM certificates for an on-premises server; may be empty.
    pub ca_certificates: Secret,
    /// The credential's labels; an empty set leaves those of an existing credential alone.
    pub labels: Labels,
    /// The state that the upload builds on, if the caller says.
    pub etag: Option<String>,
    /// Who calls.
    pub caller: Caller,
    /// The person behind the upload, as the caller asserts it.
    pub requested_by: String,
    /// The request id, if the caller gave one.
    pub request: Option<RequestStamp>,
    /// When the new version serves.
    pub activation: Activation,
}

/// When a new version serves. The first version of a credential always does.
pub enum Activation {
    /// At once.
    AtOnce,
    /// Only if the version that is active does not.
    Unless(Box<dyn Fn(&Version) -> bool + Send + Sync>),
}

/// An upload whose file was read and approved.
pub struct CheckedUpload {
    upload: Upload,
    opened: Arc<OpenedFile>,
}

/// What an upload came to, or would come to.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// The credential after it.
    pub credential: Arc<Credential>,
    /// The version that holds the bytes.
    pub version: VersionNumber,
    /// How the version came to hold them.
    pub novelty: Novelty,
}

/// How a version came to hold the bytes of an upload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Novelty {
    /// By this upload.
    Added,
    /// It held them already.
    Held,
    /// By this very request, when it was sent before; `added` as it was told then.
    Repeated {
        /// Whether the request added the version then.
        added: bool,
    },
}

/// Why a file was not taken in. Nothing was changed, unless [`WriteError`] says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// It is no ION API file.
    #[error("the file was refused")]
    File(#[from] InvalidIonApiFile),
    /// The certificates are none.
    #[error("the certificates were refused")]
    CaCertificates(#[from] InvalidCaCertificates),
    /// The operator has not approved a host of the file.
    #[error("a host of the file was refused")]
    Host(#[from] HostNotAllowed),
    /// The credential is deleted.
    #[error("the credential is deleted")]
    Deleted,
    /// The credential is in another state than the caller believes.
    #[error("the credential was changed meanwhile")]
    EtagMismatch,
    /// The request id was used for another request.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// There are too many.
    #[error("there is no room for more {0}")]
    Limit(&'static str),
    /// There is a record for this name, and it does not open.
    #[error("the credential is damaged")]
    Damaged(#[from] IntegrityFailure),
    /// The change could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Activation {
    /// Whether a new version takes the place of this active one.
    fn replaces(&self, active: &Version) -> bool {
        match self {
            Self::AtOnce => true,
            Self::Unless(serves) => !serves(active),
        }
    }
}

impl CheckedUpload {
    /// The file and its certificates.
    #[must_use]
    pub fn opened(&self) -> &Arc<OpenedFile> {
        &self.opened
    }

    /// When the new version serves, if that is not as the upload said at first.
    #[must_use]
    pub fn activated(mut self, activation: Activation) -> Self {
        self.upload.activation = activation;
        self
    }
}

impl Uploaded {
    /// Whether this request added the version.
    #[must_use]
    pub fn added(&self) -> bool {
        matches!(self.novelty, Novelty::Added | Novelty::Repeated { added: true })
    }

    /// The version that holds the bytes; `None` if it made room meanwhile.
    #[must_use]
    pub fn held_by(&self) -> Option<&Arc<Version>> {
        self.credential.version(self.version)
    }
}

impl Vault {
    /// Reads the file and checks where it points to.
    ///
    /// # Errors
    ///
    /// [`UploadError::File`], [`UploadError::CaCertificates`] or [`UploadError::Host`].
    pub fn check(&self, upload: Upload) -> Result<CheckedUpload, UploadError> {
        let file = IonApiFile::parse(upload.ion_api_file.expose())?;
        let ca_certificates = super::parse_ca_certificates(&upload.ca_certificates)?;
        self.0.hosts.check(&file, &ca_certificates)?;
        let opened = Arc::new(OpenedFile { file, ca_certificates });
        Ok(CheckedUpload { upload, opened })
    }

    /// What the upload would come to now. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`UploadError`] says.
    pub async fn foresee(&self, upload: &CheckedUpload) -> Result<Uploaded, UploadError> {
        Ok(self.0.plan_upload(upload).await?.0)
    }

    /// Takes a file in as the next version of a credential.
    ///
    /// # Errors
    ///
    /// As [`UploadError`] says.
    pub async fn upload(&self, upload: CheckedUpload) -> Result<Uploaded, UploadError> {
        let (inner, room) = (Arc::clone(&self.0), self.begin_change()?);
        let change = async move {
            let _room = room;
            inner.upload(&upload).await
        };
        self.0.changes.spawn(change).await.map_err(|_join| WriteError::Abandoned)?
    }
}
