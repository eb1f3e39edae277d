//! What an upload comes to, and the commit that makes it so.

use std::sync::Arc;

use crate::model::{State, Version, VersionNumber};
use crate::ports::{Expectation, Write};

use super::super::change::COMMIT_ATTEMPTS_MAX;
use super::super::directory::{CREDENTIALS_PER_TENANT_MAX, Entry, TENANTS_MAX, TenantEntry};
use super::super::records::{self, UploadOutcome};
use super::super::request_id::{Claim, Known};
use super::super::tenant::Tenant;
use super::super::{Inner, WriteError};
use super::version::{account_id, content_id, next_state};
use super::{CheckedUpload, Novelty, Upload, UploadError, Uploaded};

/// What is to be written for an upload.
pub(super) enum Step {
    Nothing,
    /// Only that this request was answered.
    Remember(Option<Claim>, Entry),
    Commit(Box<Plan>),
}

/// What belongs into one commit.
pub(super) struct Plan {
    tenant: Arc<Tenant>,
    new_tenant: bool,
    found: Option<Entry>,
    purged: Option<VersionNumber>,
    claim: Option<Claim>,
}

impl Inner {
    pub(super) async fn upload(&self, checked: &CheckedUpload) -> Result<Uploaded, UploadError> {
        let name = &checked.upload.name;
        let _lock = self.locks.lock(&name.tenant).await.ok_or(WriteError::Abandoned)?;
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            let (uploaded, step) = self.plan_upload(checked).await?;
            let written = match step {
                Step::Nothing => Ok(()),
                Step::Remember(claim, entry) => {
                    let outcome = UploadOutcome { version: uploaded.version, added: false };
                    self.remember(claim, &entry, Some(outcome)).await
                }
                Step::Commit(plan) => self.commit_upload(&checked.upload, *plan, &uploaded).await,
            };
            match written {
                Err(WriteError::Contended) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(uploaded),
            }
        }
        Err(WriteError::Contended.into())
    }

    /// What the upload comes to, and what is to be written for that.
    pub(super) async fn plan_upload(
        &self,
        checked: &CheckedUpload,
    ) -> Result<(Uploaded, Step), UploadError> {
        let CheckedUpload { upload, opened } = checked;
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
                    let novelty = Novelty::Repeated { added };
                    return Ok((Uploaded { credential, version, novelty }, Step::Nothing));
                }
            },
        };
        self.check_state(upload, known_tenant.as_deref(), found.as_ref())?;
        if let Some(entry) = &found
            && let Some(held) =
                entry.credential.versions.iter().find(|v| v.content_id == content_id)
        {
            let (credential, version) = (Arc::clone(&entry.credential), held.number);
            let uploaded = Uploaded { credential, version, novelty: Novelty::Held };
            return Ok((uploaded, Step::Remember(claim, entry.clone())));
        }
        let now = records::whole_micros(self.clock.now());
        let tenant = match &known_tenant {
            Some(entry) => Arc::clone(&entry.tenant),
            None => Arc::new(records::new_tenant(&self.keyring, upload.name.tenant.clone(), now)?),
        };
        let file = &opened.file;
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
            version: credential.last_version,
            credential: Arc::new(credential),
            novelty: Novelty::Added,
        };
        let new_tenant = known_tenant.is_none();
        let plan = Plan { tenant, new_tenant, found, purged, claim };
        Ok((uploaded, Step::Commit(Box::new(plan))))
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
