//! What an upload makes of a credential.

use std::sync::Arc;
use std::time::SystemTime;

use crate::ion::{self, IonApiFile};
use crate::model::{AccountId, ContentId, Credential, State, Uid, Version, VersionNumber};
use crate::sealing::{HashPurpose, Keyring};
use crate::secret::Secret;

use super::super::WriteError;
use super::super::tenant::Tenant;
use super::{Upload, UploadError, VERSIONS_MAX};

/// The credential after the upload, and the version that makes room.
pub(super) fn next_state(
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
    if before.active().is_none_or(|active| upload.activation.replaces(active)) {
        after.active_version = number;
    }
    after.last_version = number;
    if !upload.labels.is_empty() {
        after.labels = upload.labels.clone();
    }
    Ok((after, purged))
}

pub(super) fn content_id(keyring: &Keyring, upload: &Upload) -> ContentId {
    let parts = [upload.ion_api_file.expose(), upload.ca_certificates.expose()];
    ContentId(keyring.keyed_hash(HashPurpose::ContentId, &parts))
}

/// Everything that decides as whom, and with what, the vault logs in (design section 5). The
/// secrets are part of it, so a file with invented ones shares nothing with the real one.
pub(super) fn account_id(
    keyring: &Keyring,
    tenant: Uid,
    file: &IonApiFile,
    ca: &Secret,
) -> AccountId {
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
