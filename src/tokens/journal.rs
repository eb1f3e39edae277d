//! The journal of an account: what is about to be asked is in the store before it is asked, and
//! what came of it is in the store before anybody is told.
//!
//! An attempt is two commits around one request:
//!
//! 1. [`Journal::begin`]: the intent, a new epoch, one more redemption of the refresh token if that
//!    is what is sent, and the charge to the budgets, all in one commit.
//! 2. The request.
//! 3. [`Journal::granted`], [`Journal::failed`] or [`Journal::refresh_token_refused`] (in `outcome`):
//!    the new tokens or the failure, with the intent closed, expecting exactly the record that 1
//!    wrote. A revocation in between wins: the new tokens are then discarded, and given back to
//!    Infor.
//!
//! After a crash between 1 and 3 the intent is found open, and the redemptions say how often the
//! refresh token may have been used. The token itself and its count lie in one record, so one can
//! never be newer than the other.

mod outcome;

use crate::model::AccountId;
use crate::ports::{CommitError, Expectation, Revision, Write};
use crate::sealing::{SealingKey, StoreKey};
use crate::secret::Secret;

use super::Inner;
use super::account::{AccountState, GrantKind, Intent};
use super::budget::{Attempt, ReserveError};
use super::flight::{Flight, FlightError};
use super::records::{self, OpenedAccount};
use super::servers::RefreshRotation;

/// One account, opened for one flight.
pub(super) struct Journal<'a> {
    inner: &'a Inner,
    flight: &'a Flight,
    key: StoreKey,
    sealing_key: SealingKey,
    /// The record as this flight last saw or wrote it.
    revision: Option<Revision>,
    state: AccountState,
    access_token: Option<Secret>,
    refresh_token: Option<Secret>,
}

/// Why an attempt did not begin.
pub(super) enum BeginError {
    /// The account or a budget was written by somebody else meanwhile. Look again.
    Conflict,
    /// It may not, or cannot be written.
    Flight(FlightError),
}

impl<'a> Journal<'a> {
    /// Reads the account's record. One that does not open is as good as none: what it held can be
    /// had again, and an alert is raised.
    pub(super) async fn open(inner: &'a Inner, flight: &'a Flight) -> Result<Self, FlightError> {
        let tenant = &flight.credential.name.tenant;
        let sealing_key =
            inner.vault.tenant_key(tenant).map_err(|error| FlightError::Key(Some(error)))?;
        let account = flight.version.account;
        let key =
            records::account_key(inner.vault.keyring(), flight.credential.tenant_uid, &account);
        let mut journal = Self {
            inner,
            flight,
            key,
            sealing_key: sealing_key.ok_or(FlightError::Key(None))?,
            revision: None,
            state: AccountState::new(account),
            access_token: None,
            refresh_token: None,
        };
        journal.reload().await?;
        Ok(journal)
    }

    async fn reload(&mut self) -> Result<(), FlightError> {
        let Self { inner, flight, key, sealing_key, .. } = &*self;
        let stored = inner.vault.store().get(key).await?;
        let revision = stored.as_ref().map(|stored| stored.revision);
        let opened = stored.map(|stored| {
            let (keyring, tenant) = (inner.vault.keyring(), flight.credential.tenant_uid);
            records::open_account(keyring, sealing_key, tenant, key, &stored.record)
        });
        let OpenedAccount { state, access_token, refresh_token } = match opened {
            Some(Ok(opened)) => opened,
            None => self.unknown(),
            Some(Err(error)) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(credential = %flight.credential.name, error, "an account's record does not open");
                self.unknown()
            }
        };
        self.revision = revision;
        (self.state, self.access_token, self.refresh_token) = (state, access_token, refresh_token);
        Ok(())
    }

    /// An account without a readable record. Its epochs go on, or memory would take the next tokens
    /// for outdated ones.
    fn unknown(&self) -> OpenedAccount {
        let mut unknown = OpenedAccount::new(self.account());
        unknown.state.epoch = self.flight.slot.epoch();
        unknown
    }

    pub(super) fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }

    pub(super) fn redemptions(&self) -> u32 {
        self.state.redemptions
    }

    pub(super) fn rotation(&self) -> Option<RefreshRotation> {
        self.state.rotation
    }

    /// The grant of an attempt whose end nobody saw.
    pub(super) fn interrupted(&self) -> Option<GrantKind> {
        self.state.intent.map(|intent| intent.grant)
    }

    /// Whether Infor ever granted a token.
    pub(super) fn is_proven(&self) -> bool {
        self.state.last_success.is_some()
    }

    pub(super) fn server(&self) -> &'a str {
        &self.flight.version.facts.authorization_server
    }

    fn account(&self) -> AccountId {
        self.flight.version.account
    }

    /// Writes down what is about to be asked, and charges the budgets for it.
    pub(super) async fn begin(
        &mut self,
        grant: GrantKind,
        attempt: &Attempt<'_>,
    ) -> Result<(), BeginError> {
        let reservation = self.inner.budgets.reserve(attempt).await;
        let reservation = reservation.map_err(|error| refused(error, attempt.early))?;
        let mut next = self.state.clone();
        next.epoch += 1;
        next.intent = Some(Intent { epoch: next.epoch, grant });
        if grant == GrantKind::Refresh {
            next.redemptions = next.redemptions.saturating_add(1);
        }
        let write = self.sealed(&next, self.access_token.as_ref(), self.refresh_token.as_ref());
        let mut expects = reservation.expects();
        expects.push(self.expectation());
        let mut writes = reservation.writes();
        writes.push(write.map_err(BeginError::Flight)?);
        match self.inner.vault.store().commit(expects, writes).await {
            Ok(revision) => {
                let committed = reservation.committed(revision);
                self.revision = Some(revision);
                self.state = next;
                match committed {
                    Ok(()) => Ok(()),
                    Err(late) => Err(BeginError::Flight(self.not_asked(grant, late).await)),
                }
            }
            Err(CommitError::Conflict) => {
                drop(reservation);
                self.reload().await.map_err(BeginError::Flight)?;
                Err(BeginError::Conflict)
            }
            Err(CommitError::Store(error)) => Err(BeginError::Flight(error.into())),
        }
    }

    fn expectation(&self) -> Expectation {
        Expectation { key: self.key.clone(), revision: self.revision }
    }

    fn sealed(
        &self,
        state: &AccountState,
        access_token: Option<&Secret>,
        refresh_token: Option<&Secret>,
    ) -> Result<Write, FlightError> {
        let (keyring, tenant) = (self.inner.vault.keyring(), self.flight.credential.tenant_uid);
        let tokens = [access_token, refresh_token];
        let record =
            records::seal_account(keyring, &self.sealing_key, tenant, &self.key, state, tokens)?;
        Ok(Write::Put(self.key.clone(), record))
    }
}

/// An early renewal has less to spend than a caller in need, who may be on this flight.
pub(super) fn refused(error: ReserveError, early: bool) -> BeginError {
    BeginError::Flight(match error {
        ReserveError::Exhausted(_) if early => FlightError::AskAgain,
        ReserveError::Exhausted(exhausted) => exhausted.into(),
        ReserveError::Store(error) => error.into(),
        ReserveError::Seal(error) => FlightError::SealBudget(error),
    })
}
