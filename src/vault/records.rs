//! What lies in the store, and where.
//!
//! | kind         | key: kind, then keyed hashes of …     | sealed with | fields                         |
//! |--------------|---------------------------------------|-------------|--------------------------------|
//! | tenant       | tenant id                             | store key   | JSON, the tenant key           |
//! | credential   | tenant uid, credential id             | tenant key  | JSON                           |
//! | version file | tenant uid, credential uid, number    | tenant key  | the uploaded bytes, PEM        |
//! | request id   | caller, RPC, request id               | store key   | JSON                           |
//!
//! JSON fields refuse unknown members: a newer program's records are not half understood.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{
    AccountId, ContentId, Credential, CredentialId, CredentialName, IonApiFacts, Labels, State,
    TenantId, Uid, Version, VersionNumber,
};
use crate::sealing::{Keyring, Payload, Place, RecordKind, SealedRecord, SealingKey, StoreKey};
use crate::secret::Secret;

use super::tenant::Tenant;
use super::{ReadError, WriteError};

pub(super) fn tenant_key(keyring: &Keyring, id: &TenantId) -> StoreKey {
    keyring.blind(RecordKind::Tenant, &[id.as_str().as_bytes()])
}

pub(super) fn credential_key(keyring: &Keyring, tenant: Uid, id: &CredentialId) -> StoreKey {
    keyring.blind(RecordKind::Credential, &[tenant.as_bytes(), id.as_str().as_bytes()])
}

pub(super) fn version_file_key(
    keyring: &Keyring,
    credential: &Credential,
    number: VersionNumber,
) -> StoreKey {
    let number = number.get().to_be_bytes();
    let parts: [&[u8]; 3] = [credential.tenant_uid.as_bytes(), credential.uid.as_bytes(), &number];
    keyring.blind(RecordKind::VersionFile, &parts)
}

pub(super) fn version_file_place<'a>(
    keyring: &Keyring,
    credential: &Credential,
    number: VersionNumber,
    key: &'a StoreKey,
) -> Place<'a> {
    Place {
        store_id: keyring.store_id(),
        tenant_uid: credential.tenant_uid,
        kind: RecordKind::VersionFile,
        id: key,
        version: number.get(),
    }
}

/// The place of a record that is not the file of a version.
fn place<'a>(keyring: &Keyring, tenant: Uid, kind: RecordKind, key: &'a StoreKey) -> Place<'a> {
    Place { store_id: keyring.store_id(), tenant_uid: tenant, kind, id: key, version: 0 }
}

/// A new tenant with a new key.
pub(super) fn new_tenant(
    keyring: &Keyring,
    id: TenantId,
    now: SystemTime,
) -> Result<Tenant, WriteError> {
    let uid = Uid::random()?;
    let key = SealingKey::random(1)?;
    let told =
        TenantRecord { id: id.to_string(), create_time: micros(now), key_version: key.version() };
    let store_place = tenant_key(keyring, &id);
    let secret = key.to_secret();
    let payload = Payload::new(&[&json(&told)?, secret.expose()]);
    let place = place(keyring, uid, RecordKind::Tenant, &store_place);
    let sealed = SealedRecord::seal(keyring.store_key(), &place, &payload)?;
    Ok(Tenant { id, uid, sealed })
}

/// Opens a tenant's record as it was found in the store.
pub(super) fn load_tenant(
    keyring: &Keyring,
    key: &StoreKey,
    sealed: SealedRecord,
) -> Result<Tenant, ReadError> {
    let (told, _) = open_tenant_at(keyring, key, &sealed)?;
    let id: TenantId = told.id.parse().ok().ok_or(ReadError::Content)?;
    Ok(Tenant { id, uid: sealed.tenant_uid(), sealed })
}

/// Opens a tenant's record again, for its key.
pub(super) fn tenant_sealing_key(
    keyring: &Keyring,
    id: &TenantId,
    sealed: &SealedRecord,
) -> Result<SealingKey, ReadError> {
    open_tenant_at(keyring, &tenant_key(keyring, id), sealed).map(|(_, key)| key)
}

fn open_tenant_at(
    keyring: &Keyring,
    key: &StoreKey,
    sealed: &SealedRecord,
) -> Result<(TenantRecord, SealingKey), ReadError> {
    let store_key = keyring.store_key_version(sealed.key_version()).ok_or(ReadError::UnknownKey)?;
    let place = place(keyring, sealed.tenant_uid(), RecordKind::Tenant, key);
    let [told, tenant_key] = sealed.open(store_key, &place)?.fields()?;
    let told: TenantRecord = parse(&told)?;
    let key = SealingKey::from_secret(told.key_version, &tenant_key).ok_or(ReadError::Content)?;
    Ok((told, key))
}

/// Seals a credential, and says under which key it goes into the store.
pub(super) fn seal_credential(
    keyring: &Keyring,
    sealing_key: &SealingKey,
    credential: &Credential,
) -> Result<(StoreKey, SealedRecord), WriteError> {
    let told = CredentialRecord::from(credential);
    let key = credential_key(keyring, credential.tenant_uid, &credential.name.credential);
    let place = place(keyring, credential.tenant_uid, RecordKind::Credential, &key);
    let record = SealedRecord::seal(sealing_key, &place, &Payload::new(&[&json(&told)?]))?;
    Ok((key, record))
}

/// Opens a credential's record as it was found in the store.
pub(super) fn load_credential(
    keyring: &Keyring,
    tenant: &Tenant,
    key: &StoreKey,
    sealed: &SealedRecord,
) -> Result<Credential, ReadError> {
    let sealing_key = tenant.key(keyring)?;
    let place = place(keyring, tenant.uid, RecordKind::Credential, key);
    let [told] = sealed.open(&sealing_key, &place)?.fields()?;
    let told: CredentialRecord = parse(&told)?;
    told.into_credential(tenant).ok_or(ReadError::Content)
}

/// Seals the file of a version.
pub(super) fn seal_version_file(
    keyring: &Keyring,
    sealing_key: &SealingKey,
    credential: &Credential,
    number: VersionNumber,
    [file, ca_certificates]: [&Secret; 2],
) -> Result<(StoreKey, SealedRecord), WriteError> {
    let key = version_file_key(keyring, credential, number);
    let place = version_file_place(keyring, credential, number, &key);
    let payload = Payload::new(&[file.expose(), ca_certificates.expose()]);
    let record = SealedRecord::seal(sealing_key, &place, &payload)?;
    Ok((key, record))
}

/// Seals what is remembered of a request id: with the store key, for it says nothing of a tenant.
pub(super) fn seal_request(
    keyring: &Keyring,
    key: &StoreKey,
    told: &RequestRecord,
) -> Result<SealedRecord, WriteError> {
    let place = place(keyring, NO_TENANT, RecordKind::RequestId, key);
    Ok(SealedRecord::seal(keyring.store_key(), &place, &Payload::new(&[&json(told)?]))?)
}

/// Opens what is remembered of a request id.
pub(super) fn open_request(
    keyring: &Keyring,
    key: &StoreKey,
    sealed: &SealedRecord,
) -> Result<RequestRecord, ReadError> {
    let store_key = keyring.store_key_version(sealed.key_version()).ok_or(ReadError::UnknownKey)?;
    let place = place(keyring, NO_TENANT, RecordKind::RequestId, key);
    let [told] = sealed.open(store_key, &place)?.fields()?;
    parse(&told)
}

/// Stands in for a tenant's uid where a record belongs to none; no tenant has it.
const NO_TENANT: Uid = Uid::from_bytes([0; 16]);

/// The JSON of a tenant. Times are microseconds since 1970.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantRecord {
    id: String,
    create_time: u64,
    /// The version of the key that follows.
    key_version: u32,
}

/// The JSON of a used request id.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestRecord {
    /// A keyed hash of the request: tells whether it is the same one.
    pub(super) fingerprint: [u8; 32],
    /// When it may be forgotten.
    pub(super) expire_time: u64,
    /// What it came to, if it was an upload.
    pub(super) upload: Option<UploadOutcome>,
}

/// What an upload came to, for who sends it again.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadOutcome {
    /// The version that holds the bytes.
    pub(super) version: VersionNumber,
    /// Whether the upload added it.
    pub(super) added: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct CredentialRecord {
    id: String,
    uid: Uid,
    revision: u64,
    delete_time: Option<u64>,
    create_time: u64,
    update_time: u64,
    labels: Labels,
    active_version: NonZeroU32,
    last_version: NonZeroU32,
    versions: Vec<VersionRecord>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct VersionRecord {
    number: NonZeroU32,
    create_time: u64,
    created_by: String,
    requested_by: String,
    account: AccountId,
    content_id: ContentId,
    facts: IonApiFacts,
}

impl From<&Credential> for CredentialRecord {
    fn from(credential: &Credential) -> Self {
        Self {
            id: credential.name.credential.to_string(),
            uid: credential.uid,
            revision: credential.revision,
            delete_time: match credential.state {
                State::Active => None,
                State::Deleted(time) => Some(micros(time)),
            },
            create_time: micros(credential.create_time),
            update_time: micros(credential.update_time),
            labels: credential.labels.clone(),
            active_version: credential.active_version,
            last_version: credential.last_version,
            versions: credential.versions.iter().map(|version| (&**version).into()).collect(),
        }
    }
}

impl From<&Version> for VersionRecord {
    fn from(version: &Version) -> Self {
        Self {
            number: version.number,
            create_time: micros(version.create_time),
            created_by: version.created_by.clone(),
            requested_by: version.requested_by.clone(),
            account: version.account,
            content_id: version.content_id,
            facts: version.facts.clone(),
        }
    }
}

impl CredentialRecord {
    /// `None` if the record breaks an invariant of [`Credential`].
    fn into_credential(self, tenant: &Tenant) -> Option<Credential> {
        let versions: Vec<_> = self.versions.into_iter().map(Version::from).map(Arc::new).collect();
        let sorted = versions.is_sorted_by(|one, next| one.number < next.number);
        let name = CredentialName { tenant: tenant.id.clone(), credential: self.id.parse().ok()? };
        let credential = Credential {
            name,
            uid: self.uid,
            tenant_uid: tenant.uid,
            revision: self.revision,
            state: self.delete_time.map_or(State::Active, |at| State::Deleted(time(at))),
            create_time: time(self.create_time),
            update_time: time(self.update_time),
            labels: self.labels,
            active_version: self.active_version,
            last_version: self.last_version,
            versions,
        };
        (sorted && credential.active().is_some()).then_some(credential)
    }
}

impl From<VersionRecord> for Version {
    fn from(told: VersionRecord) -> Self {
        Self {
            number: told.number,
            create_time: time(told.create_time),
            created_by: told.created_by,
            requested_by: told.requested_by,
            account: told.account,
            content_id: told.content_id,
            facts: told.facts,
        }
    }
}

/// The time that is stored for `time`; what is held in memory equals what is read back later.
pub(super) fn whole_micros(at: SystemTime) -> SystemTime {
    time(micros(at))
}

pub(super) fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

fn time(micros: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros)
}

fn json<T: Serialize>(told: &T) -> Result<Vec<u8>, WriteError> {
    serde_json::to_vec(told).ok().ok_or(WriteError::Content)
}

/// The error of `serde_json` may quote the record; it goes no further.
fn parse<T: DeserializeOwned>(field: &Secret) -> Result<T, ReadError> {
    serde_json::from_slice(field.expose()).ok().ok_or(ReadError::Content)
}
