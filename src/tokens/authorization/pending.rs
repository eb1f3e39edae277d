//! Authorizations that were begun and not completed.
//!
//! | kind          | key: kind, then keyed hashes of … | sealed with | fields              |
//! |---------------|-----------------------------------|-------------|---------------------|
//! | authorization | credential uid, state             | store key   | JSON, code verifier |
//!
//! They lie in the store, so a person who logs in while the vault is restarted loses nothing, and
//! whichever replica the answer reaches can complete it. The `state` itself is nowhere: who has it
//! finds the record.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::model::{AccountId, Caller, Credential, Uid, Version, VersionNumber};
use crate::ports::{CommitError, Expectation, Revision, SCAN_LIMIT_MAX, Stored, WRITES_MAX, Write};
use crate::sealing::{Payload, Place, RecordKind, SealedRecord, StoreKey};
use crate::secret::Secret;
use crate::vault::{ReadError, Vault, WriteError};

/// The authorizations under way.
pub(super) struct Pendings {
    vault: Vault,
    /// Held while they are counted and one is added, so that the limits are exact.
    adding: Mutex<()>,
}

/// One authorization under way.
pub(super) struct Pending {
    key: StoreKey,
    revision: Revision,
    told: PendingRecord,
    /// `code_verifier`.
    pub(super) verifier: Secret,
}

/// Why no authorization can be begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum AddError {
    /// As many as there may be are under way.
    #[error("too many authorizations are under way")]
    TooMany,
    /// It was not written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// How long a person may take to log in.
pub(super) const LIFE: Duration = Duration::from_secs(10 * 60);

/// Tabs of a browser that one person may have open. The oldest gives way to another.
pub(super) const PENDING_PER_CREDENTIAL_MAX: usize = 8;

/// More than three beginnings in two seconds are no people. One more is refused.
const PENDING_MAX: usize = SCAN_LIMIT_MAX;

/// The JSON of a record. Times are whole seconds since 1970.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PendingRecord {
    caller: String,
    version: VersionNumber,
    account: AccountId,
    redirect_uri: String,
    expire_time: u64,
}

impl Pendings {
    pub(super) fn new(vault: Vault) -> Self {
        Self { vault, adding: Mutex::new(()) }
    }

    /// Remembers an authorization, durably, and says until when.
    pub(super) async fn add(
        &self,
        caller: &Caller,
        (credential, version): (&Credential, &Version),
        redirect_uri: &str,
        [state, verifier]: [&Secret; 2],
        now: SystemTime,
    ) -> Result<SystemTime, AddError> {
        let expire_time = seconds(now + LIFE);
        let told = PendingRecord {
            caller: caller.to_string(),
            version: version.number,
            account: version.account,
            redirect_uri: redirect_uri.to_owned(),
            expire_time,
        };
        let json = serde_json::to_vec(&told).ok().ok_or(WriteError::Content)?;
        let payload = Payload::new(&[&json, verifier.expose()]);
        let keyring = self.vault.keyring();
        let key = self.key(credential, state);
        let place = self.place(credential.tenant_uid, &key);
        let record = SealedRecord::seal(keyring.store_key(), &place, &payload);
        let write = Write::Put(key.clone(), record.map_err(WriteError::from)?);
        let new = Expectation { key, revision: None };

        let _counted = self.adding.lock().await;
        let (mut expects, mut writes) = self.make_room(credential, seconds(now)).await?;
        expects.push(new);
        writes.push(write);
        self.vault.store().commit(expects, writes).await.map_err(WriteError::from)?;
        Ok(UNIX_EPOCH + Duration::from_secs(expire_time))
    }

    /// What must give way to another authorization of this credential.
    async fn make_room(
        &self,
        credential: &Credential,
        now: u64,
    ) -> Result<(Vec<Expectation>, Vec<Write>), AddError> {
        let all = self.scan(&[RecordKind::Authorization as u8], None).await?;
        let forgotten = if all.len() >= PENDING_MAX { self.forget(&all, now).await? } else { 0 };
        if all.len() - forgotten >= PENDING_MAX {
            return Err(AddError::TooMany);
        }
        let uid: [&[u8]; 1] = [credential.uid.as_bytes()];
        let prefix = self.vault.keyring().blind(RecordKind::Authorization, &uid);
        let own = self.scan(prefix.as_bytes(), None).await?;
        // One that does not open never expires either; it is left for somebody to look at.
        let mut own: Vec<Pending> =
            own.into_iter().filter_map(|(key, stored)| self.open(key, stored).ok()).collect();
        own.sort_by_key(|pending| pending.told.expire_time);
        let too_many = (own.len() + 1).saturating_sub(PENDING_PER_CREDENTIAL_MAX);
        Ok(own.iter().take(too_many).map(Pending::removal).unzip())
    }

    /// The authorization with this state, if it was begun for this credential.
    pub(super) async fn find(
        &self,
        credential: &Credential,
        state: &Secret,
    ) -> Result<Option<Pending>, WriteError> {
        let key = self.key(credential, state);
        let stored = self.vault.store().get(&key).await?;
        Ok(stored.map(|stored| self.open(key, stored)).transpose()?)
    }

    /// Ends it. `false`: somebody else did.
    pub(super) async fn end(&self, pending: &Pending) -> Result<bool, WriteError> {
        let (expectation, write) = pending.removal();
        match self.vault.store().commit(vec![expectation], vec![write]).await {
            Ok(_revision) => Ok(true),
            Err(CommitError::Conflict) => Ok(false),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }

    /// Forgets those whose time is over.
    pub(super) async fn forget_expired(&self, now: SystemTime) -> Result<(), WriteError> {
        let mut after = None;
        loop {
            let batch = self.scan(&[RecordKind::Authorization as u8], after.as_ref()).await?;
            self.forget(&batch, seconds(now)).await?;
            match batch.into_iter().last() {
                Some((last, _)) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    async fn forget(&self, batch: &[(StoreKey, Stored)], now: u64) -> Result<usize, WriteError> {
        let open = |(key, stored): &(StoreKey, Stored)| self.open(key.clone(), stored.clone()).ok();
        let expired = batch.iter().filter_map(open).filter(|pending| pending.is_over(now));
        let removals: Vec<_> = expired.map(|pending| pending.removal()).collect();
        for chunk in removals.chunks(WRITES_MAX) {
            let (expects, writes) = chunk.iter().cloned().unzip();
            match self.vault.store().commit(expects, writes).await {
                // Somebody came with one of them just now; the next time is soon.
                Ok(_) | Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(removals.len())
    }

    async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
    ) -> Result<Vec<(StoreKey, Stored)>, WriteError> {
        Ok(self.vault.store().scan(prefix, after, SCAN_LIMIT_MAX).await?)
    }

    fn open(&self, key: StoreKey, stored: Stored) -> Result<Pending, ReadError> {
        let Stored { record, revision } = stored;
        let store_key = self.vault.keyring().store_key_version(record.key_version());
        let place = self.place(record.tenant_uid(), &key);
        let opened = record.open(store_key.ok_or(ReadError::UnknownKey)?, &place)?;
        let [told, verifier] = opened.fields()?;
        // The error of `serde_json` may quote the record; it goes no further.
        let told = serde_json::from_slice(told.expose()).ok().ok_or(ReadError::Content)?;
        Ok(Pending { key, revision, told, verifier })
    }

    fn key(&self, credential: &Credential, state: &Secret) -> StoreKey {
        let names: [&[u8]; 2] = [credential.uid.as_bytes(), state.expose()];
        self.vault.keyring().blind(RecordKind::Authorization, &names)
    }

    fn place<'a>(&self, tenant_uid: Uid, id: &'a StoreKey) -> Place<'a> {
        let store_id = self.vault.keyring().store_id();
        Place { store_id, tenant_uid, kind: RecordKind::Authorization, id, version: 0 }
    }
}

impl Pending {
    /// Whether it was begun by this caller for this version, and may still be completed.
    pub(super) fn is_for(&self, caller: &Caller, version: &Version, now: SystemTime) -> bool {
        let PendingRecord { caller: own, version: number, account, .. } = &self.told;
        *own == caller.to_string()
            && *number == version.number
            && *account == version.account
            && !self.is_over(seconds(now))
    }

    /// `ru` of the file, to the letter.
    pub(super) fn redirect_uri(&self) -> &str {
        &self.told.redirect_uri
    }

    /// One that ends later than it could if it began now was begun by a clock that was wrong.
    fn is_over(&self, now: u64) -> bool {
        !(now + 1..=now + LIFE.as_secs()).contains(&self.told.expire_time)
    }

    /// What ends it, together with whatever else is committed.
    pub(super) fn removal(&self) -> (Expectation, Write) {
        let expectation = Expectation { key: self.key.clone(), revision: Some(self.revision) };
        (expectation, Write::Delete(self.key.clone()))
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
