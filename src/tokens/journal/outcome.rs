//! The second commit of an attempt: what came of it.

use std::sync::Arc;
use std::time::Duration;

use crate::ports::{CommitError, ExchangeError, TokenAnswer, Write};
use crate::secret::Secret;
use crate::tokens::access_token::AccessToken;
use crate::tokens::account::{AccountState, Cause, Failure, GrantKind, KeptToken};
use crate::tokens::budget::TooLate;
use crate::tokens::flight::FlightError;
use crate::tokens::servers::RefreshRotation;
use crate::tokens::standing::Standing;
use crate::tokens::{Now, backoff, records};
use crate::vault::OpenedFile;

use super::Journal;

impl Journal<'_> {
    /// Infor granted: the tokens are kept, then shown.
    pub(in crate::tokens) async fn granted(
        mut self,
        grant: GrantKind,
        asked: &Now,
        mut answer: TokenAnswer,
        opened: &OpenedFile,
    ) -> Result<Arc<AccessToken>, FlightError> {
        let Self { inner, flight, .. } = self;
        let mut next = self.state.clone();
        let rotated = answer.refresh_token.take();
        if grant == GrantKind::Refresh {
            next.rotation = Some(learned(&self.state, self.refresh_token(), rotated.as_ref()));
        }
        let token = AccessToken::new(flight.credential.tenant_uid, asked, answer, &inner.jitter)?;
        next.intent = None;
        next.redemptions = 0;
        next.token = Some(KeptToken::of(&token));
        next.last_success = Some(inner.clock.now());
        next.failure = None;
        // A server that sends no new refresh token to a refresh means the old one to be used again;
        // to a log-in it means that there is none.
        let refresh_token = match (rotated, grant) {
            (Some(new), _) => Some(new),
            (None, GrantKind::Refresh) => self.refresh_token.take(),
            (None, GrantKind::Own) => None,
        };
        let write = self.sealed(&next, Some(&token.token), refresh_token.as_ref())?;
        let mut writes = vec![write];
        if self.state.last_success.is_none()
            && let Some(write) = self.client(opened)?
        {
            writes.push(write);
        }
        let token = Arc::new(token);
        let unwanted = if self.close(next, writes).await? {
            self.refresh_token = refresh_token;
            if self.show(Some(&token)) {
                return Ok(token);
            }
            self.refresh_token
        } else {
            // Not the one in `self`: if the record was read again, that is somebody else's.
            refresh_token
        };
        inner.discard(flight, opened, &token, unwanted.as_ref()).await;
        Err(FlightError::AskAgain)
    }

    /// Tokens that were granted apart become the account's.
    pub(in crate::tokens) async fn adopted(
        mut self,
        asked: &Now,
        answer: TokenAnswer,
        opened: &OpenedFile,
    ) -> Result<Arc<AccessToken>, FlightError> {
        self.state.epoch += 1;
        self.granted(GrantKind::Own, asked, answer, opened).await
    }

    /// Infor, or the way to it, had something against the attempt. What callers are told.
    pub(in crate::tokens) async fn failed(
        mut self,
        grant: GrantKind,
        error: &ExchangeError,
    ) -> Result<FlightError, FlightError> {
        for _ in 0..CLOSE_TRIES_MAX {
            let (next, wait) = self.after_failure(grant, error);
            let tokens = [self.access_token.as_ref(), self.refresh_token.as_ref()];
            let write = self.sealed(&next, tokens[0], tokens[1])?;
            if self.close(next, vec![write]).await? {
                self.show(None);
                return Ok(Cause::from(error).error(self.flight.version.facts.grant, Some(wait)));
            }
            // Its tokens were revoked meanwhile. What Infor said holds all the same.
            self.reload().await?;
        }
        Err(FlightError::AskAgain)
    }

    /// The account after a failed attempt, and how long nobody attempts again.
    fn after_failure(&self, grant: GrantKind, error: &ExchangeError) -> (AccountState, Duration) {
        let (inner, cause) = (self.inner, Cause::from(error));
        let mut next = self.state.clone();
        if !error.may_have_had_effect() && grant == GrantKind::Refresh {
            next.redemptions = next.redemptions.saturating_sub(1);
        }
        // Only a refresh token can have been used up by a request whose answer was lost.
        if !error.may_have_had_effect() || grant == GrantKind::Own {
            next.intent = None;
        }
        let now = inner.clock.now();
        let before = self.state.failure.as_ref();
        let before = before.filter(|before| before.cause.is_definite() == cause.is_definite());
        let count = before.map_or(0, |before| before.count).saturating_add(1);
        let wait = if cause.is_definite() {
            backoff::reprobe(count, &inner.jitter)
        } else {
            backoff::backoff(count, retry_after(error), &inner.jitter)
        };
        let since = before.map_or(now, |before| before.since);
        next.failure = Some(Failure { cause, count, since, retry_time: now + wait });
        (next, wait)
    }

    /// Infor refused the refresh token: it is forgotten.
    pub(in crate::tokens) async fn refresh_token_refused(&mut self) -> Result<(), FlightError> {
        let mut next = self.state.clone();
        if self.state.redemptions > 1 {
            // It was redeemed before, without a word, and that was not forgiven.
            next.rotation = Some(RefreshRotation::Strict);
        }
        self.refresh_token = None;
        self.without_intent(next).await
    }

    /// The attempt was in the store too late to be made. What callers are told.
    pub(super) async fn not_asked(&mut self, grant: GrantKind, late: TooLate) -> FlightError {
        let mut next = self.state.clone();
        if grant == GrantKind::Refresh {
            next.redemptions = next.redemptions.saturating_sub(1);
        }
        self.without_intent(next).await.err().unwrap_or(late.into())
    }

    /// Nobody will see the end of the attempt that was interrupted, and it is not made again. A
    /// refresh token that may not be redeemed once more is forgotten.
    pub(in crate::tokens) async fn abandon_intent(&mut self) -> Result<(), FlightError> {
        if self.state.intent.is_none() {
            return Ok(());
        }
        if self.interrupted() == Some(GrantKind::Refresh) {
            self.refresh_token = None;
        }
        self.without_intent(self.state.clone()).await
    }

    async fn without_intent(&mut self, mut next: AccountState) -> Result<(), FlightError> {
        next.intent = None;
        if self.refresh_token.is_none() {
            next.redemptions = 0;
        }
        let write = self.sealed(&next, self.access_token.as_ref(), self.refresh_token.as_ref())?;
        if self.close(next, vec![write]).await? {
            self.show(None);
            return Ok(());
        }
        Err(FlightError::AskAgain)
    }

    /// Commits what came of an attempt. `false`: another epoch began meanwhile, and nothing was
    /// written. A store that is in trouble is asked a few times: what Infor gave is at stake.
    async fn close(&mut self, next: AccountState, writes: Vec<Write>) -> Result<bool, FlightError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.inner.vault.store().commit(vec![self.expectation()], writes.clone()).await {
                Ok(revision) => {
                    self.revision = Some(revision);
                    self.state = next;
                    return Ok(true);
                }
                Err(CommitError::Conflict) if tries == 1 => return Ok(false),
                // The try before may have been written without a word.
                Err(CommitError::Conflict) => {
                    self.reload().await?;
                    return Ok(self.state.epoch == next.epoch && self.state.intent == next.intent);
                }
                Err(CommitError::Store(error)) if tries >= CLOSE_TRIES_MAX => {
                    return Err(error.into());
                }
                Err(CommitError::Store(_)) => tokio::time::sleep(CLOSE_PAUSE).await,
            }
        }
    }

    fn show(&self, token: Option<&Arc<AccessToken>>) -> bool {
        let Self { inner, flight, state, .. } = self;
        let grant = flight.version.facts.grant;
        let standing = Standing::of(state, self.refresh_token.is_some(), grant, &inner.now());
        flight.slot.show(state.epoch, token.map(Arc::clone), standing)
    }

    /// As which client the tokens can be given back, if Infor takes tokens back at all.
    fn client(&self, opened: &OpenedFile) -> Result<Option<Write>, FlightError> {
        let Some(client) = records::Client::of(opened) else { return Ok(None) };
        let (keyring, tenant) = (self.inner.vault.keyring(), self.flight.credential.tenant_uid);
        let key = records::client_key(keyring, tenant, &self.account());
        let client = (&client, opened.file.client_secret());
        let record = records::seal_client(keyring, &self.sealing_key, tenant, &key, client)?;
        Ok(Some(Write::Put(key, record)))
    }
}

/// What an answer to a refresh tells about how the server rotates refresh tokens.
fn learned(
    before: &AccountState,
    sent: Option<&Secret>,
    answered: Option<&Secret>,
) -> RefreshRotation {
    let same = match (sent, answered) {
        (Some(sent), Some(answered)) => sent.expose() == answered.expose(),
        (_, None) => true,
        (None, Some(_)) => false,
    };
    if same {
        RefreshRotation::None
    } else if before.redemptions > 1 || before.rotation == Some(RefreshRotation::Grace) {
        // It had been redeemed before, without a word, and was granted again.
        RefreshRotation::Grace
    } else {
        RefreshRotation::Strict
    }
}

fn retry_after(error: &ExchangeError) -> Option<Duration> {
    match error {
        ExchangeError::Throttled { retry_after }
        | ExchangeError::Unavailable { retry_after, .. } => *retry_after,
        ExchangeError::Refused(_)
        | ExchangeError::Unreachable(_)
        | ExchangeError::Misbehaved(_)
        | ExchangeError::NoEndpoint
        | ExchangeError::AddressNotAllowed(_) => None,
    }
}

/// What is at stake is a refresh token that cannot be had again; but the callers wait.
const CLOSE_TRIES_MAX: u32 = 5;
const CLOSE_PAUSE: Duration = Duration::from_millis(200);
