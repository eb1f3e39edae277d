//! Waiting for a token that is not there yet.

use std::sync::Arc;

use crate::model::{Credential, Grant, Version};
use crate::vault::OpenFileError;

use super::access_token::{AccessToken, Fitness};
use super::accounts::Slot;
use super::flight::{self, Flight, FlightError, Outcome, Purpose};
use super::{Inner, IssueError, IssueQuery, failed};

/// A caller who waits for a token of an account.
pub(super) struct Seat<'a> {
    pub(super) inner: &'a Arc<Inner>,
    pub(super) slot: &'a Arc<Slot>,
    pub(super) credential: &'a Arc<Credential>,
    pub(super) version: &'a Arc<Version>,
}

impl Seat<'_> {
    /// A token that Infor issued now, or while this caller was on its way here.
    pub(super) async fn need(&self, query: IssueQuery<'_>) -> Result<Arc<AccessToken>, IssueError> {
        let token = self.fly(Purpose::Need, |token| self.serves(token, query)).await?;
        self.fit(token, query)
    }

    /// Another token than this one, which the caller saw refused; or this one again, where renewing
    /// it is not worth it.
    pub(super) async fn replace(
        &self,
        token: Arc<AccessToken>,
        query: IssueQuery<'_>,
    ) -> Result<Arc<AccessToken>, IssueError> {
        let now = self.inner.now();
        if token.fitness(query.min_remaining, &now)? == Fitness::Unfit {
            return self.need(query).await;
        }
        if !self.slot.may_reject(now.monotonic) {
            return Ok(token);
        }
        let another = |other: &AccessToken| other.id != token.id && self.serves(other, query);
        match self.fly(Purpose::Rejected, another).await {
            Err(IssueError::Flight { error, .. }) if !error.is_definite() => {
                // Unless it was revoked meanwhile, or failing took so long that it is too short now.
                let kept = self.slot.token().is_some_and(|kept| kept.id == token.id);
                if kept && self.serves(&token, query) { Ok(token) } else { self.need(query).await }
            }
            outcome => self.fit(outcome?, query),
        }
    }

    /// A token that has just come. It may be too short-lived for this caller, who is the first to
    /// learn that.
    fn fit(
        &self,
        token: Arc<AccessToken>,
        query: IssueQuery<'_>,
    ) -> Result<Arc<AccessToken>, IssueError> {
        match token.fitness(query.min_remaining, &self.inner.now())? {
            Fitness::Good | Fitness::Ageing => Ok(token),
            Fitness::Unfit => Err(failed(FlightError::ShortLived)),
        }
    }

    /// What the account's flight brings, unless one has landed meanwhile with what is wanted, or
    /// Infor is not to be asked now.
    async fn fly(
        &self,
        purpose: Purpose,
        wanted: impl Fn(&AccessToken) -> bool,
    ) -> Result<Arc<AccessToken>, IssueError> {
        let Self { inner, slot, credential, version } = *self;
        let landed = || -> Option<Outcome> {
            if let Some(token) = slot.token().filter(|token| wanted(token)) {
                return Some(Ok(token));
            }
            let standing = slot.standing();
            if let Some((error, _)) = standing.held(&inner.now()) {
                return Some(Err(error));
            }
            let nothing_to_send =
                version.facts.grant == Grant::AuthorizationCode && !standing.has_refresh_token;
            nothing_to_send.then(|| Err(Arc::new(FlightError::AuthorizationRequired)))
        };
        for _ in 0..BOARDINGS_MAX {
            let flight = Flight {
                slot: Arc::clone(slot),
                credential: Arc::clone(credential),
                version: Arc::clone(version),
                purpose,
            };
            match flight::outcome(inner.board(flight, landed)).await {
                Ok(token) => return Ok(token),
                // Who has a token that lives can do without another.
                Err(error) if purpose == Purpose::Need && self.may_ask_again(&error) => {}
                Err(error) => {
                    let held = slot.standing().held(&inner.now());
                    return Err(IssueError::Flight {
                        error,
                        retry_after: held.map(|(_, left)| left),
                    });
                }
            }
        }
        Err(failed(FlightError::AskAgain))
    }

    /// Whether another flight may bring a token. One that somebody began with a version that is gone
    /// says nothing about the account; but who has none but that version would begin it again.
    fn may_ask_again(&self, error: &FlightError) -> bool {
        matches!(error, FlightError::AskAgain)
            || matches!(error, FlightError::Open(OpenFileError::Gone)) && self.version_is_kept()
    }

    fn version_is_kept(&self) -> bool {
        let Self { inner, credential, version, .. } = *self;
        inner.vault.find(&credential.name).ok().flatten().is_some_and(|now| {
            let mut kept = now.versions.iter().map(|kept| kept.number);
            now.uid == credential.uid && kept.any(|number| number == version.number)
        })
    }

    fn serves(&self, token: &AccessToken, query: IssueQuery<'_>) -> bool {
        // That no token could serve the caller is for the caller to hear, not for Infor.
        let fitness = token.fitness(query.min_remaining, &self.inner.now());
        fitness.map_or(true, |fitness| fitness != Fitness::Unfit)
    }
}

/// A flight that had another purpose, or was somebody's whose version is gone, ends without a token,
/// and the next one is the caller's own.
const BOARDINGS_MAX: u32 = 4;
