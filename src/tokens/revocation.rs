//! Giving tokens back to Infor (RFC 7009).
//!
//! One commit takes the tokens out of the account, with a new epoch, and puts them into a record of
//! their own (`record`). From then on the vault gives them to nobody, and an attempt that was under
//! way brings nothing that is believed. Infor is told from that record, again and again until it has
//! answered or the tokens are dead (`queue`).

mod queue;
mod record;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{AccountId, Credential, TenantId, Uid};
use crate::ports::{CommitError, Expectation, StoreError, Write};
use crate::sealing::{RandomError, SealingKey};
use crate::secret::Secret;
use crate::vault::{OpenedFile, ReadError};

use super::access_token::AccessToken;
use super::account::AccountState;
use super::flight::Flight;
use super::records::{self, Client, ReadRecordError, SealRecordError};
use super::{Inner, TokenIssuer};

use queue::Told;
pub(super) use queue::{Pending, REVOKING_MAX};
use record::Revoked;

/// What revoking came to. In the order of how much is left to do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Revocation {
    /// No token was held.
    None,
    /// Infor has confirmed it.
    Done,
    /// The tokens are forgotten. Infor takes such tokens back from nobody: those that are out live
    /// until they expire.
    Unsupported,
    /// The tokens are forgotten. Infor is being told in the background.
    Pending,
}

/// Why tokens were not revoked. They may still be given out.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The store failed; whether they are revoked is not known.
    #[error("the account could not be read or written")]
    Store(#[from] StoreError),
    /// The account's record does not open, so its tokens are not known.
    #[error("the account does not open")]
    Read(#[from] ReadRecordError),
    /// The tenant's key does not open.
    #[error("the tenant's key does not open")]
    Key(#[from] ReadError),
    /// The revocation could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealRecordError),
    /// There is no place for the revocation without random bytes.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The account's tokens kept changing.
    #[error("others kept changing the account")]
    Contended,
    /// The task ended early; only a defect of this program does that.
    #[error("revoking was abandoned")]
    Abandoned,
}

impl TokenIssuer {
    /// Revokes the tokens of all accounts that the versions of a credential use. Other credentials
    /// made from the same files share them. A caller that gives up does not stop it.
    ///
    /// Infor is told at once, and for [`TOLD_WITHIN`] the answer waits for what it says.
    ///
    /// # Errors
    ///
    /// As [`RevokeError`] says. Some of several accounts may be revoked; calling again does no harm.
    pub async fn revoke(&self, credential: &Arc<Credential>) -> Result<Revocation, RevokeError> {
        let mut accounts: Vec<_> =
            credential.versions.iter().map(|version| version.account).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let mut outcome = Revocation::None;
        for account in accounts {
            outcome = outcome.max(self.revoke_one(credential, account).await?);
        }
        Ok(outcome)
    }

    async fn revoke_one(
        &self,
        credential: &Arc<Credential>,
        account: AccountId,
    ) -> Result<Revocation, RevokeError> {
        let (inner, name, uid) =
            (Arc::clone(&self.0), credential.name.clone(), credential.tenant_uid);
        let taken = self.0.flights.spawn(async move {
            let taken = inner.take_tokens(&name.tenant, uid, account).await?;
            Ok::<_, RevokeError>(match taken {
                Taken::Nothing => Err(Revocation::None),
                Taken::Unsupported => Err(Revocation::Unsupported),
                Taken::OnTheWay => Err(Revocation::Pending),
                Taken::Pending(pending) => Ok(inner.tell_soon(pending)),
            })
        });
        let told = match taken.await.map_err(|_join| RevokeError::Abandoned)?? {
            Ok(told) => told,
            Err(revocation) => return Ok(revocation),
        };
        Ok(match tokio::time::timeout(TOLD_WITHIN, told).await {
            Ok(Ok(Told::Done)) => Revocation::Done,
            Ok(Ok(Told::Unsupported)) => Revocation::Unsupported,
            // It is told in the background, or will be after the next start.
            Ok(Ok(Told::Again(_)) | Err(_)) | Err(_) => Revocation::Pending,
        })
    }
}

/// What was taken from an account.
pub(super) enum Taken {
    /// It had no token, and none was on the way.
    Nothing,
    /// It had none. One is on the way, and will be revoked when it comes.
    OnTheWay,
    /// It had some. Its file says nowhere that they can be given back.
    Unsupported,
    /// It had some, which are to be revoked.
    Pending(Pending),
}

impl Inner {
    /// Takes its tokens from an account: nobody is given them any more.
    pub(super) async fn take_tokens(
        &self,
        tenant: &TenantId,
        tenant_uid: Uid,
        account: AccountId,
    ) -> Result<Taken, RevokeError> {
        let Some(sealing_key) = self.vault.tenant_key(tenant)? else {
            return Ok(Taken::Nothing);
        };
        let (keyring, store) = (self.vault.keyring(), self.vault.store());
        let key = records::account_key(keyring, tenant_uid, &account);
        for _ in 0..COMMITS_MAX {
            let Some(stored) = store.get(&key).await? else { return Ok(Taken::Nothing) };
            let opened =
                records::open_account(keyring, &sealing_key, tenant_uid, &key, &stored.record)?;
            let state = opened.state;
            let tokens = [opened.refresh_token, opened.access_token];
            let held = tokens.iter().any(Option::is_some);
            if !held && state.intent.is_none() {
                return Ok(Taken::Nothing);
            }
            let next = AccountState {
                epoch: state.epoch + 1,
                intent: None,
                redemptions: 0,
                token: None,
                ..state.clone()
            };
            let sealed = records::seal_account(
                keyring,
                &sealing_key,
                tenant_uid,
                &key,
                &next,
                [None, None],
            )?;
            let mut writes = vec![Write::Put(key.clone(), sealed)];
            let mut taken = if held { Taken::Unsupported } else { Taken::OnTheWay };
            if held && let Some(client) = self.client(&sealing_key, tenant_uid, account).await? {
                let revoked = Revoked::new(&state, client, tokens, self.clock.now());
                let (place, write) = revoked.write(keyring, &sealing_key, tenant_uid, account)?;
                writes.push(write);
                taken = Taken::Pending(Pending::new(place, tenant.clone()));
            }
            let expects = vec![Expectation { key: key.clone(), revision: Some(stored.revision) }];
            match store.commit(expects, writes).await {
                Ok(_) => {
                    if let Some(slot) = self.accounts.find(&account) {
                        slot.forget(next.epoch);
                    }
                    tracing::info!(%tenant, held, "the tokens of an account were revoked");
                    return Ok(taken);
                }
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(RevokeError::Contended)
    }

    /// As which client the account's tokens can be given back.
    async fn client(
        &self,
        sealing_key: &SealingKey,
        tenant_uid: Uid,
        account: AccountId,
    ) -> Result<Option<(Client, Secret)>, RevokeError> {
        let keyring = self.vault.keyring();
        let key = records::client_key(keyring, tenant_uid, &account);
        let Some(stored) = self.vault.store().get(&key).await? else { return Ok(None) };
        Ok(Some(records::open_client(keyring, sealing_key, tenant_uid, &key, &stored.record)?))
    }

    /// Gives back tokens that came too late: the account was revoked while they were asked for.
    pub(super) async fn discard(
        &self,
        flight: &Flight,
        opened: &OpenedFile,
        token: &AccessToken,
        refresh_token: Option<&Secret>,
    ) {
        if let Err(error) = self.keep_for_revocation(flight, opened, token, refresh_token).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(credential = %flight.credential.name, error, "tokens were not revoked");
        }
    }

    async fn keep_for_revocation(
        &self,
        flight: &Flight,
        opened: &OpenedFile,
        token: &AccessToken,
        refresh_token: Option<&Secret>,
    ) -> Result<(), RevokeError> {
        let Some(client) = Client::of(opened) else { return Ok(()) };
        let (tenant, uid) = (&flight.credential.name.tenant, flight.credential.tenant_uid);
        let Some(sealing_key) = self.vault.tenant_key(tenant)? else { return Ok(()) };
        let copy = |secret: &Secret| Secret::from(secret.expose().to_vec());
        let revoked = Revoked {
            client: (client, copy(opened.file.client_secret())),
            refresh_token: refresh_token.map(copy),
            access_token: Some(copy(&token.token)),
            access_expire_time: Some(token.expire_time),
            since: self.clock.now(),
        };
        let account = flight.version.account;
        let (place, write) = revoked.write(self.vault.keyring(), &sealing_key, uid, account)?;
        match self.vault.store().commit(vec![], vec![write]).await {
            Ok(_) => self.enter(Pending::new(place, tenant.clone()), Duration::ZERO),
            // Without an expectation there is nothing to conflict with.
            Err(CommitError::Conflict) => return Err(RevokeError::Contended),
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        Ok(())
    }
}

/// How long who revokes waits for what Infor says: less than callers usually wait in all.
const TOLD_WITHIN: Duration = Duration::from_secs(5);

/// An account is written twice for each attempt, and there is one attempt at a time.
const COMMITS_MAX: u32 = 8;
