//! The record of tokens that are to be revoked. `records.rs` has it in its table.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model::{AccountId, Uid};
use crate::ports::Write;
use crate::sealing::{
    Keyring, Payload, RandomError, RecordKind, SealedRecord, SealingKey, StoreKey,
};
use crate::secret::Secret;
use crate::tokens::account::AccountState;
use crate::tokens::records::{self, Client, ReadRecordError, SealRecordError};

use super::RevokeError;

/// Tokens that are to be revoked, and all that is needed for it: the file may be gone by then.
pub(super) struct Revoked {
    /// As which client.
    pub(super) client: (Client, Secret),
    pub(super) refresh_token: Option<Secret>,
    pub(super) access_token: Option<Secret>,
    pub(super) access_expire_time: Option<SystemTime>,
    /// When they were taken from their account.
    pub(super) since: SystemTime,
}

/// The JSON of the record.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RevokedJson {
    client: Client,
    access_expire_time: Option<SystemTime>,
    since: SystemTime,
}

impl Revoked {
    pub(super) fn new(
        state: &AccountState,
        client: (Client, Secret),
        [refresh_token, access_token]: [Option<Secret>; 2],
        since: SystemTime,
    ) -> Self {
        let access_expire_time = state.token.as_ref().map(|token| token.expire_time);
        Self { client, refresh_token, access_token, access_expire_time, since }
    }

    /// Whether none of the tokens can be good for anything any more.
    pub(super) fn is_dead(&self, now: SystemTime) -> bool {
        let access = self.access_expire_time.filter(|_| self.access_token.is_some());
        let refresh = self.refresh_token.as_ref().map(|_| self.since + REFRESH_LIFE_MAX);
        access.max(refresh).is_none_or(|end| end <= now)
    }

    /// The record under a new key, and that key.
    pub(super) fn write(
        self,
        keyring: &Keyring,
        sealing_key: &SealingKey,
        tenant: Uid,
        account: AccountId,
    ) -> Result<(StoreKey, Write), RevokeError> {
        let number = Uid::random().map_err(RandomError::from)?;
        let names = [tenant.as_bytes().as_slice(), &account.0, number.as_bytes()];
        let key = keyring.blind(RecordKind::Revocation, &names);
        let (client, client_secret) = self.client;
        let json =
            RevokedJson { client, access_expire_time: self.access_expire_time, since: self.since };
        let payload = Payload::new(&[
            &records::json(&json)?,
            self.refresh_token.as_ref().map(Secret::expose).unwrap_or_default(),
            self.access_token.as_ref().map(Secret::expose).unwrap_or_default(),
            client_secret.expose(),
        ]);
        let place = records::place(keyring, tenant, RecordKind::Revocation, &key);
        let record =
            SealedRecord::seal(sealing_key, &place, &payload).map_err(SealRecordError::from)?;
        Ok((key.clone(), Write::Put(key, record)))
    }

    pub(super) fn open(
        keyring: &Keyring,
        sealing_key: &SealingKey,
        key: &StoreKey,
        record: &SealedRecord,
    ) -> Result<Self, ReadRecordError> {
        let place = records::place(keyring, record.tenant_uid(), RecordKind::Revocation, key);
        let [json, refresh_token, access_token, client_secret] =
            record.open(sealing_key, &place)?.fields()?;
        let RevokedJson { client, access_expire_time, since } = records::parse(&json)?;
        let some = |token: Secret| (!token.is_empty()).then_some(token);
        let (refresh_token, access_token) = (some(refresh_token), some(access_token));
        let client = (client, client_secret);
        Ok(Self { client, refresh_token, access_token, access_expire_time, since })
    }
}

/// A refresh token that was not used for so long is as good as dead. Infor tells no life of theirs,
/// and lets administrators set one that never ends.
const REFRESH_LIFE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
