//! Request ids: a request sent twice has one effect (AIP-155).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::model::Caller;
use crate::ports::{Expectation, SCAN_LIMIT_MAX, WRITES_MAX, Write};
use crate::sealing::{HashPurpose, Keyring, RecordKind, StoreKey};

use super::directory::Entry;
use super::records::{self, RequestRecord, UploadOutcome};
use super::{Inner, Vault, WriteError};

/// The caller's name for a request.
///
/// Invariant: 1 to 64 characters of `A-Z a-z 0-9 _ -`; a UUID fits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestId(String);

/// The text is no request id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("must be a UUID, or 1 to 64 characters of A-Z a-z 0-9 _ -")]
pub struct InvalidRequestId;

/// A request id, with whose it is and what it was used for.
#[derive(Clone, Debug)]
pub struct RequestStamp {
    /// Who sent the request.
    pub caller: Caller,
    /// The RPC.
    pub rpc: &'static str,
    /// The id, if the caller gave one.
    pub id: RequestId,
    /// Everything in the request that has an effect, as fields: the same request has the same.
    pub content: Vec<Vec<u8>>,
}

/// How long a request id is remembered (design: 24 hours).
const REMEMBERED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

const BYTES_MAX: usize = 64;

impl FromStr for RequestId {
    type Err = InvalidRequestId;

    fn from_str(text: &str) -> Result<Self, InvalidRequestId> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=BYTES_MAX).contains(&text.len()) && text.bytes().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRequestId)
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of a request.
pub(super) enum Known {
    /// It was not seen, or so long ago that it counts as new.
    New(Claim),
    /// It had its effect before; this is what it came to, if it was an upload.
    Done(Option<UploadOutcome>),
    /// The id was used for another request.
    Reused,
}

/// The right to use a request id, to be committed together with the effect.
pub(super) struct Claim {
    key: StoreKey,
    fingerprint: [u8; 32],
    pub(super) expectation: Expectation,
}

impl Inner {
    /// Looks a request up. `secret` is what belongs to its content and is not in the stamp.
    pub(super) async fn known(
        &self,
        stamp: &RequestStamp,
        secret: &[u8],
    ) -> Result<Known, WriteError> {
        let caller = stamp.caller.to_string();
        let parts = [caller.as_bytes(), stamp.rpc.as_bytes(), stamp.id.0.as_bytes()];
        let key = self.keyring.blind(RecordKind::RequestId, &parts);
        let content: Vec<&[u8]> =
            stamp.content.iter().map(Vec::as_slice).chain(std::iter::once(secret)).collect();
        let fingerprint = self.keyring.keyed_hash(HashPurpose::RequestFingerprint, &content);
        let stored = self.store.get(&key).await?;
        let revision = stored.as_ref().map(|stored| stored.revision);
        if let Some(stored) = stored {
            let told = records::open_request(&self.keyring, &key, &stored.record)?;
            if told.expire_time > records::micros(self.clock.now()) {
                return Ok(match told.fingerprint == fingerprint {
                    true => Known::Done(told.upload),
                    false => Known::Reused,
                });
            }
        }
        let expectation = Expectation { key: key.clone(), revision };
        Ok(Known::New(Claim { key, fingerprint, expectation }))
    }

    /// Remembers a request that had no effect on `entry`, or it could have one when it is sent again.
    pub(super) async fn remember(
        &self,
        claim: Option<Claim>,
        entry: &Entry,
        upload: Option<UploadOutcome>,
    ) -> Result<(), WriteError> {
        let Some(claim) = claim else { return Ok(()) };
        let (credential, now) = (&entry.credential, self.clock.now());
        let key = records::credential_key(
            &self.keyring,
            credential.tenant_uid,
            &credential.name.credential,
        );
        let unchanged = Expectation { key, revision: Some(entry.stored) };
        let expects = vec![unchanged, claim.expectation.clone()];
        self.store.commit(expects, vec![claim.write(&self.keyring, now, upload)?]).await?;
        Ok(())
    }

    /// Forgets a batch of request ids whose time is over; returns where to go on.
    async fn forget_batch(&self, after: Option<StoreKey>) -> Result<Option<StoreKey>, WriteError> {
        let prefix = [RecordKind::RequestId as u8];
        let batch = self.store.scan(&prefix, after.as_ref(), SCAN_LIMIT_MAX).await?;
        let now = records::micros(self.clock.now());
        let mut expired = Vec::new();
        for (key, stored) in &batch {
            // One that does not open is left for somebody to look at; it refuses its id for ever.
            let told = records::open_request(&self.keyring, key, &stored.record);
            if told.is_ok_and(|told| told.expire_time <= now) {
                let revision = Some(stored.revision);
                expired.push((Expectation { key: key.clone(), revision }, key.clone()));
            }
        }
        for chunk in expired.chunks(WRITES_MAX) {
            let (expects, keys): (Vec<_>, Vec<_>) = chunk.iter().cloned().unzip();
            self.store.commit(expects, keys.into_iter().map(Write::Delete).collect()).await?;
        }
        let more = batch.len() == SCAN_LIMIT_MAX;
        Ok(if more { batch.into_iter().last().map(|(key, _)| key) } else { None })
    }
}

impl Claim {
    /// The write that remembers the request.
    pub(super) fn write(
        self,
        keyring: &Keyring,
        now: SystemTime,
        upload: Option<UploadOutcome>,
    ) -> Result<Write, WriteError> {
        let expire_time = records::micros(now + REMEMBERED_FOR);
        let told = RequestRecord { fingerprint: self.fingerprint, expire_time, upload };
        let record = records::seal_request(keyring, &self.key, &told)?;
        Ok(Write::Put(self.key, record))
    }
}

impl Vault {
    /// Forgets request ids that are older than a day. To be called now and then.
    ///
    /// # Errors
    ///
    /// As [`WriteError`] says; what was forgotten until then stays forgotten.
    pub async fn forget_old_requests(&self) -> Result<(), WriteError> {
        let mut after = None;
        loop {
            after = self.0.forget_batch(after).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
