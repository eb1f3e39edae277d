//! A credential and its versions, without anything secret.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{CredentialName, Labels, Uid, VersionNumber};

/// What is known of a credential without opening its file.
///
/// Invariant: `versions` is sorted by number, is not empty, and holds `active_version`.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Where it is found.
    pub name: CredentialName,
    /// Which one it is; a name may be used again, a uid is not.
    pub uid: Uid,
    /// Its tenant's identity.
    pub tenant_uid: Uid,
    /// Changes with each commit that changes this value, and never takes an old value again.
    pub revision: u64,
    /// Whether it may serve.
    pub state: State,
    /// When the first version was uploaded.
    pub create_time: SystemTime,
    /// When file, labels, active version or state last changed.
    pub update_time: SystemTime,
    /// What operators sort it by.
    pub labels: Labels,
    /// The version that serves.
    pub active_version: VersionNumber,
    /// The version numbers given out so far; a purged number is not given out again.
    pub last_version: VersionNumber,
    /// Its files, oldest first.
    pub versions: Vec<Arc<Version>>,
}

/// Whether a credential may serve.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It may.
    Active,
    /// It was deleted at this time, and may be undeleted.
    Deleted(SystemTime),
}

/// One uploaded file.
#[derive(Clone, Debug)]
pub struct Version {
    /// Which one.
    pub number: VersionNumber,
    /// When it was uploaded.
    pub create_time: SystemTime,
    /// The caller that uploaded it.
    pub created_by: String,
    /// The person behind the upload, as the caller asserted it.
    pub requested_by: String,
    /// The Infor log-in that the file stands for. Tokens are kept by this.
    pub account: AccountId,
    /// A keyed hash of the uploaded bytes and certificates: tells whether they are held already.
    pub content_id: ContentId,
    /// What the file says.
    pub facts: IonApiFacts,
}

/// A keyed hash over the log-in behind a file and its tenant: equal for files that log in as the
/// same account, in the same tenant, with the same secrets.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct AccountId(pub [u8; 32]);

/// A keyed hash over the bytes of an upload.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ContentId(pub [u8; 32]);

/// What an ION API file says, without its secrets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IonApiFacts {
    /// `ti`; empty if absent.
    pub infor_tenant: String,
    /// `cn`; empty if absent.
    pub application_name: String,
    /// `dt`; empty if absent.
    pub application_type: String,
    /// `ci`.
    pub client_id: String,
    /// `{iu}/{ti}`; empty if there is no `iu`.
    pub api_base_url: String,
    /// `pu`.
    pub authorization_server: String,
    /// `sc`.
    pub scopes: Vec<String>,
    /// Whether `saak` and `sask` are there.
    pub has_service_account: bool,
    /// How tokens are asked for.
    pub grant: Grant,
    /// What is unusual about the file, for the person who uploaded it.
    pub warnings: Vec<String>,
}

/// How tokens are asked for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Grant {
    /// RFC 6749, section 4.3.
    Password,
    /// RFC 6749, section 4.4.
    ClientCredentials,
    /// RFC 6749, section 4.1.
    AuthorizationCode,
}

impl Credential {
    /// The version of this number, if it is kept.
    #[must_use]
    pub fn version(&self, number: VersionNumber) -> Option<&Arc<Version>> {
        let at = self.versions.binary_search_by_key(&number, |version| version.number).ok()?;
        self.versions.get(at)
    }

    /// The version that serves; `None` only if the invariant is broken.
    #[must_use]
    pub fn active(&self) -> Option<&Arc<Version>> {
        self.version(self.active_version)
    }

    /// What callers compare to see whether it changed (AIP-154).
    #[must_use]
    pub fn etag(&self) -> Etag {
        Etag { uid: self.uid, revision: self.revision }
    }
}

/// An opaque text that changes whenever file, labels, active version or state change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Etag {
    uid: Uid,
    revision: u64,
}

impl Etag {
    /// Whether the caller's text is this etag.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.to_string() == text
    }
}

impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = *self.uid.as_bytes();
        write!(f, "\"{:08x}-{:x}\"", u32::from_be_bytes([a, b, c, d]), self.revision)
    }
}
