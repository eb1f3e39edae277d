//! Taking a file in.

use std::sync::Arc;
use std::time::SystemTime;

use crate::ion::{self, HostNotAllowed, InvalidCaCertificates, InvalidIonApiFile, IonApiFile};
use crate::model::{
    AccountId, Caller, ContentId, Credential, CredentialName, Labels, State, Uid, Version,
    VersionNumber,
};
use crate::ports::{Expectation, Write};
use crate::sealing::{HashPurpose, Keyring};
use crate::secret::Secret;

use super::directory::{
    CREDENTIALS_PER_TENANT_MAX, Entry, IntegrityFailure, TENANTS_MAX, TenantEntry,
};
use super::records::UploadOutcome;
use super::request_id::{Claim, Known, RequestStamp};
use super::tenant::Tenant;
use super::{Inner, Vault, WriteError, change::COMMIT_ATTEMPTS_MAX, records};

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
    /// Check everything, store nothing.
    pub validate_only: bool,
}

/// What an upload came to.
#[derive(Debug)]
pub struct Uploaded {
    /// The credential after it.
    pub credential: Arc<Credential>,
    /// The version that holds the bytes.
    pub version: VersionNumber,
    /// Whether it is a new one.
    pub added: bool,
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

/// An upload whose file was read and approved.
struct Checked {
    upload: Upload,
    file: IonApiFile,
}

/// What belongs into one commit.
struct Plan {
    tenant: Arc<Tenant>,
    new_tenant: bool,
    found: Option<Entry>,
    purged: Option<VersionNumber>,
    claim: Option<Claim>,
}

impl Vault {
    /// Takes a file in as the next version of a credential, and has it serve.
    ///
    /// # Errors
    ///
    /// As [`UploadError`] says.
    pub async fn upload(&self, upload: Upload) -> Result<Uploaded, UploadError> {
        let file = IonApiFile::parse(upload.ion_api_file.expose())?;
        let anchors = super::parse_ca_certificates(&upload.ca_certificates)?;
        self.0.hosts.check(&file, &anchors)?;
        let (inner, room) = (Arc::clone(&self.0), self.begin_change()?);
        let change = async move {
            let _room = room;
            inner.upload(Checked { upload, file }).await
        };
        self.0.changes.spawn(change).await.map_err(|_join| WriteError::Abandoned)?
    }
}

impl Inner {
    async fn upload(&self, checked: Checked) -> Result<Uploaded, UploadError> {
        let name = &checked.upload.name;
        let _lock = self.locks.lock(&name.tenant).await.ok_or(WriteError::Abandoned)?;
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            match self.try_upload(&checked).await {
                Err(UploadError::Write(WriteError::Contended)) => {}
                done => return done,
            }
        }
        Err(WriteError::Contended.into())
    }

    async fn try_upload(&self, checked: &Checked) -> Result<Uploaded, UploadError> {
        let Checked { upload, file } = checked;
        let known_tenant = self.directory.tenant_entry(&upload.name.tenant);
        let found = known_tenant.as_ref().and_then(|t| t.get(&upload.name.credential));
        let content_id = content_id(&self.keyring, upload);
        let claim = match &upload.request {
            None => None,
            Some(stamp) => match self.known(stamp, &content_id.0).await? {
                Known::New(claim) => Some(claim),
                Known::Reused => return Err(UploadError::RequestIdReused),
                Known::Done(outcome) => {
                    let credential = found.ok_or(UploadError::RequestIdReused)?.credential;
                    let UploadOutcome { version, added } =
                        outcome.ok_or(UploadError::RequestIdReused)?;
                    return Ok(Uploaded { credential, version, added });
                }
            },
        };
        self.check_state(upload, known_tenant.as_deref(), found.as_ref())?;
        if let Some(entry) = &found
            && let Some(held) =
                entry.credential.versions.iter().find(|v| v.content_id == content_id)
        {
            let (credential, version) = (Arc::clone(&entry.credential), held.number);
            if !upload.validate_only {
                let outcome = UploadOutcome { version, added: false };
                self.remember(claim, entry, Some(outcome)).await?;
            }
            return Ok(Uploaded { credential, version, added: false });
        }
        let now = records::whole_micros(self.clock.now());
        let tenant = match &known_tenant {
            Some(entry) => Arc::clone(&entry.tenant),
            None => Arc::new(records::new_tenant(&self.keyring, upload.name.tenant.clone(), now)?),
        };
        let account = account_id(&self.keyring, tenant.uid, file, &upload.ca_certificates);
        let facts = file.facts();
        let version = |number| Version {
            number,
            create_time: now,
            created_by: upload.caller.to_string(),
            requested_by: upload.requested_by.clone(),
            account,
            content_id,
            facts,
        };
        let before = found.as_ref().map(|entry| &*entry.credential);
        let (credential, purged) = next_state(upload, &tenant, before, now, version)?;
        let uploaded = Uploaded {
            version: credential.active_version,
            credential: Arc::new(credential),
            added: true,
        };
        if !upload.validate_only {
            let new_tenant = known_tenant.is_none();
            let plan = Plan { tenant, new_tenant, found, purged, claim };
            self.commit_upload(upload, plan, &uploaded).await?;
        }
        Ok(uploaded)
    }

    fn check_state(
        &self,
        upload: &Upload,
        tenant: Option<&TenantEntry>,
        found: Option<&Entry>,
    ) -> Result<(), UploadError> {
        match (tenant, found) {
            (_, Some(entry)) => {
                let matches = |etag: &String| entry.credential.etag().matches(etag);
                if upload.etag.as_ref().is_some_and(|etag| !matches(etag)) {
                    return Err(UploadError::EtagMismatch);
                }
                if matches!(entry.credential.state, State::Deleted(_)) {
                    return Err(UploadError::Deleted);
                }
                return Ok(());
            }
            (Some(tenant), None) => {
                let uid = tenant.tenant.uid;
                let key = records::credential_key(&self.keyring, uid, &upload.name.credential);
                self.directory.undamaged(&key)?;
                if tenant.len() >= CREDENTIALS_PER_TENANT_MAX {
                    return Err(UploadError::Limit("credentials of this tenant"));
                }
            }
            (None, None) => {
                let key = records::tenant_key(&self.keyring, &upload.name.tenant);
                self.directory.undamaged(&key)?;
                if self.directory.tenants() >= TENANTS_MAX {
                    return Err(UploadError::Limit("tenants"));
                }
            }
        }
        // There is no credential, so no etag can be its etag.
        if upload.etag.is_some() { Err(UploadError::EtagMismatch) } else { Ok(()) }
    }

    async fn commit_upload(
        &self,
        upload: &Upload,
        plan: Plan,
        uploaded: &Uploaded,
    ) -> Result<(), WriteError> {
        let Plan { tenant, new_tenant, found, purged, claim } = plan;
        let (keyring, credential) = (&self.keyring, &uploaded.credential);
        let sealing_key = tenant.key(keyring)?;
        let (key, record) = records::seal_credential(keyring, &sealing_key, credential)?;
        let revision = found.map(|entry| entry.stored);
        let mut expects = vec![Expectation { key: key.clone(), revision }];
        let mut writes = vec![Write::Put(key, record)];
        let file = [&upload.ion_api_file, &upload.ca_certificates];
        let number = uploaded.version;
        let (key, record) =
            records::seal_version_file(keyring, &sealing_key, credential, number, file)?;
        writes.push(Write::Put(key, record));
        if new_tenant {
            let key = records::tenant_key(keyring, &tenant.id);
            expects.push(Expectation { key: key.clone(), revision: None });
            writes.push(Write::Put(key, tenant.sealed.clone()));
        }
        if let Some(number) = purged {
            writes.push(Write::Delete(records::version_file_key(keyring, credential, number)));
        }
        if let Some(claim) = claim {
            expects.push(claim.expectation.clone());
            let outcome = UploadOutcome { version: number, added: true };
            writes.push(claim.write(keyring, credential.update_time, Some(outcome))?);
        }
        let stored = self.store.commit(expects, writes).await?;
        if new_tenant {
            self.directory.add_tenant(tenant);
        }
        self.publish(&Entry { credential: Arc::clone(credential), stored });
        Ok(())
    }
}

/// The credential after the upload, and the version that makes room.
fn next_state(
    upload: &Upload,
    tenant: &Tenant,
    before: Option<&Credential>,
    now: SystemTime,
    version: impl FnOnce(VersionNumber) -> Version,
) -> Result<(Credential, Option<VersionNumber>), UploadError> {
    let Some(before) = before else {
        let number = VersionNumber::MIN;
        let credential = Credential {
            name: upload.name.clone(),
            uid: Uid::random().map_err(WriteError::from)?,
            tenant_uid: tenant.uid,
            revision: 1,
            state: State::Active,
            create_time: now,
            update_time: now,
            labels: upload.labels.clone(),
            active_version: number,
            last_version: number,
            versions: vec![Arc::new(version(number))],
        };
        return Ok((credential, None));
    };
    let number = before.last_version.checked_add(1).ok_or(UploadError::Limit("versions"))?;
    let mut after = before.clone();
    let full = after.versions.len() >= VERSIONS_MAX;
    let oldest = after.versions.iter().map(|v| v.number).find(|n| *n != before.active_version);
    let purged = if full { oldest } else { None };
    after.versions.retain(|kept| Some(kept.number) != purged);
    after.versions.push(Arc::new(version(number)));
    after.revision += 1;
    after.update_time = now;
    after.active_version = number;
    after.last_version = number;
    if !upload.labels.is_empty() {
        after.labels = upload.labels.clone();
    }
    Ok((after, purged))
}

fn content_id(keyring: &Keyring, upload: &Upload) -> ContentId {
    let parts = [upload.ion_api_file.expose(), upload.ca_certificates.expose()];
    ContentId(keyring.keyed_hash(HashPurpose::ContentId, &parts))
}

/// Everything that decides as whom, and with what, the vault logs in (design section 5). The
/// secrets are part of it, so a file with invented ones shares nothing with the real one.
fn account_id(keyring: &Keyring, tenant: Uid, file: &IonApiFile, ca: &Secret) -> AccountId {
    let (access_key, secret_key) = match file.service_account() {
        Some(ion::ServiceAccount { access_key, secret_key }) => {
            (access_key.expose(), secret_key.expose())
        }
        None => (&[][..], &[][..]),
    };
    let scopes = file.scopes().join(" ");
    let parts = [
        tenant.as_bytes().as_slice(),
        file.token_endpoint().as_str().as_bytes(),
        file.client_id().as_bytes(),
        file.client_secret().expose(),
        access_key,
        secret_key,
        scopes.as_bytes(),
        ca.expose(),
    ];
    AccountId(keyring.keyed_hash(HashPurpose::AccountId, &parts))
}
