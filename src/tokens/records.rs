//! What the engine keeps in the store, and where.
//!
//! | kind       | key: kind, then keyed hashes of …  | sealed with | fields                                          |
//! |------------|------------------------------------|-------------|-------------------------------------------------|
//! | account    | tenant uid, account id             | tenant key  | JSON, access token or none, refresh token or none |
//! | client     | tenant uid, account id             | tenant key  | JSON, client secret                             |
//! | revocation | tenant uid, account id, random     | tenant key  | JSON, refresh token or none, access token or none, client secret |
//!
//! An account's record is written twice for each attempt, so it is small. What is needed to give
//! its tokens back, even when the file is gone, stands in the client's record, written once.
//! Budgets keep their own (see `budget.rs`), and so do authorizations (see `authorization.rs`).

use data_encoding::BASE64;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{AccountId, Uid};
use crate::sealing::{
    InvalidPayload, Keyring, OpenError, Payload, Place, RecordKind, SealError, SealedRecord,
    SealingKey, StoreKey,
};
use crate::secret::Secret;
use crate::vault::OpenedFile;

use super::account::AccountState;

/// Why a record of the engine is not readable, although the store gave it back.
#[derive(Debug, thiserror::Error)]
pub enum ReadRecordError {
    /// It does not open.
    #[error("the record does not open")]
    Open(#[from] OpenError),
    /// It opens, and has other fields than records of its kind.
    #[error("the record has other fields")]
    Fields(#[from] InvalidPayload),
    /// It opens, and what it says breaks an invariant.
    #[error("the record says something impossible")]
    Content,
}

/// Why a record of the engine was not made.
#[derive(Debug, thiserror::Error)]
pub enum SealRecordError {
    /// It could not be sealed.
    #[error("the record could not be sealed")]
    Seal(#[from] SealError),
    /// It could not be written down; only a defect of this program does that.
    #[error("the record could not be written down")]
    Content,
}

/// An account with its tokens, in the clear.
pub(super) struct OpenedAccount {
    pub(super) state: AccountState,
    pub(super) access_token: Option<Secret>,
    pub(super) refresh_token: Option<Secret>,
}

/// As which client an account's tokens can be given back.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Client {
    /// `ci`
    pub(super) client_id: String,
    /// `pu` and `or` joined.
    pub(super) revocation_endpoint: String,
    /// The certificates uploaded with the file (DER, base64).
    pub(super) trust_anchors: Vec<String>,
}

impl OpenedAccount {
    /// An account that nothing is known of.
    pub(super) fn new(id: AccountId) -> Self {
        Self { state: AccountState::new(id), access_token: None, refresh_token: None }
    }
}

impl Client {
    /// The client of a file; `None` if the file names no revocation endpoint.
    pub(super) fn of(opened: &OpenedFile) -> Option<Self> {
        let OpenedFile { file, ca_certificates } = opened;
        Some(Self {
            client_id: file.client_id().to_owned(),
            revocation_endpoint: file.revocation_endpoint()?.to_string(),
            trust_anchors: ca_certificates.iter().map(|der| BASE64.encode(der)).collect(),
        })
    }

    /// The certificates to trust.
    pub(super) fn anchors(&self) -> Option<Vec<CertificateDer<'static>>> {
        let decode = |text: &String| BASE64.decode(text.as_bytes()).map(CertificateDer::from);
        self.trust_anchors.iter().map(decode).collect::<Result<_, _>>().ok()
    }
}

/// Where the account of a tenant lies.
pub(super) fn account_key(keyring: &Keyring, tenant: Uid, account: &AccountId) -> StoreKey {
    keyring.blind(RecordKind::Account, &[tenant.as_bytes(), &account.0])
}

/// Where the client of an account lies.
pub(super) fn client_key(keyring: &Keyring, tenant: Uid, account: &AccountId) -> StoreKey {
    keyring.blind(RecordKind::Client, &[tenant.as_bytes(), &account.0])
}

/// Seals an account, to lie at `key`.
pub(super) fn seal_account<'a>(
    keyring: &Keyring,
    sealing_key: &SealingKey,
    tenant: Uid,
    key: &StoreKey,
    state: &AccountState,
    [access_token, refresh_token]: [Option<&'a Secret>; 2],
) -> Result<SealedRecord, SealRecordError> {
    let bytes = |token: Option<&'a Secret>| token.map(Secret::expose).unwrap_or_default();
    let payload = Payload::new(&[&json(state)?, bytes(access_token), bytes(refresh_token)]);
    Ok(SealedRecord::seal(
        sealing_key,
        &place(keyring, tenant, RecordKind::Account, key),
        &payload,
    )?)
}

/// Opens an account as it was found in the store.
pub(super) fn open_account(
    keyring: &Keyring,
    sealing_key: &SealingKey,
    tenant: Uid,
    key: &StoreKey,
    record: &SealedRecord,
) -> Result<OpenedAccount, ReadRecordError> {
    let place = place(keyring, tenant, RecordKind::Account, key);
    let [state, access_token, refresh_token] = record.open(sealing_key, &place)?.fields()?;
    let state: AccountState = parse(&state)?;
    let some = |token: Secret| (!token.is_empty()).then_some(token);
    let (access_token, refresh_token) = (some(access_token), some(refresh_token));
    if state.token.is_some() != access_token.is_some() {
        return Err(ReadRecordError::Content);
    }
    Ok(OpenedAccount { state, access_token, refresh_token })
}

/// Seals a client, to lie at `key`.
pub(super) fn seal_client(
    keyring: &Keyring,
    sealing_key: &SealingKey,
    tenant: Uid,
    key: &StoreKey,
    (client, secret): (&Client, &Secret),
) -> Result<SealedRecord, SealRecordError> {
    let payload = Payload::new(&[&json(client)?, secret.expose()]);
    Ok(SealedRecord::seal(sealing_key, &place(keyring, tenant, RecordKind::Client, key), &payload)?)
}

/// Opens a client as it was found in the store.
pub(super) fn open_client(
    keyring: &Keyring,
    sealing_key: &SealingKey,
    tenant: Uid,
    key: &StoreKey,
    record: &SealedRecord,
) -> Result<(Client, Secret), ReadRecordError> {
    let place = place(keyring, tenant, RecordKind::Client, key);
    let [client, secret] = record.open(sealing_key, &place)?.fields()?;
    Ok((parse(&client)?, secret))
}

pub(super) fn place<'a>(
    keyring: &Keyring,
    tenant: Uid,
    kind: RecordKind,
    key: &'a StoreKey,
) -> Place<'a> {
    Place { store_id: keyring.store_id(), tenant_uid: tenant, kind, id: key, version: 0 }
}

pub(super) fn json<T: Serialize>(told: &T) -> Result<Vec<u8>, SealRecordError> {
    serde_json::to_vec(told).ok().ok_or(SealRecordError::Content)
}

/// The error of `serde_json` may quote the record; it goes no further.
pub(super) fn parse<T: DeserializeOwned>(field: &Secret) -> Result<T, ReadRecordError> {
    serde_json::from_slice(field.expose()).ok().ok_or(ReadRecordError::Content)
}
