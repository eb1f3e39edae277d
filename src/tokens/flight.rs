//! One request to Infor for all who wait for the same account.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::ion::HostNotAllowed;
use crate::model::{Credential, Version};
use crate::ports::{OauthError, StoreError};
use crate::sealing::SealError;
use crate::vault::{OpenFileError, ReadError};

use super::Inner;
use super::access_token::AccessToken;
use super::accounts::{Joined, Slot};
use super::budget::{BudgetExhausted, TooLate};
use super::records::SealRecordError;
use super::servers::NotNow;

/// What a flight came to; told to everyone on it.
pub(super) type Outcome = Result<Arc<AccessToken>, Arc<FlightError>>;

/// Why a flight brought no token.
#[derive(Debug, thiserror::Error)]
pub enum FlightError {
    /// The file could not be opened.
    #[error("the file could not be opened")]
    Open(#[from] OpenFileError),
    /// The app must be authorized by a person, and was not, or not any more.
    #[error("the app must be authorized by a person")]
    AuthorizationRequired,
    /// The operator does not approve the file's host any more.
    #[error("the host was refused")]
    Host(#[from] HostNotAllowed),
    /// The host is at an address that the operator does not approve.
    #[error("the host's address was refused: {0}")]
    Address(Cow<'static, str>),
    /// Infor said no for good.
    #[error("the authorization server refused: {error}")]
    Refused {
        /// Its error code.
        error: OauthError,
        /// What to change in Infor.
        advice: &'static str,
    },
    /// Infor did not answer, or answered that it cannot now.
    #[error("the authorization server cannot be reached or cannot answer now: {what}")]
    Unavailable {
        /// What happened, in fixed words.
        what: Cow<'static, str>,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// Infor wants fewer requests.
    #[error("the authorization server wants fewer requests")]
    Throttled {
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// What Infor answered is no token answer.
    #[error("the authorization server's answer is not a token answer: {0}")]
    Misbehaved(Cow<'static, str>),
    /// Infor has nothing at the path that the file names.
    #[error("there is no token endpoint where the file says")]
    NoEndpoint,
    /// The token that came is as good as expired.
    #[error("the authorization server's tokens expire before they can be used")]
    ShortLived,
    /// So many failed at this server lately that it is left alone, or so many wait for it.
    #[error(transparent)]
    Server(#[from] NotNow),
    /// Infor's limits would be passed.
    #[error(transparent)]
    Budget(#[from] BudgetExhausted),
    /// The charge could not be sealed.
    #[error("the charge could not be sealed")]
    SealBudget(#[source] SealError),
    /// The journal could not be read or written; then Infor is not asked, or what it gave is not
    /// given on.
    #[error("the account could not be read or written")]
    Store(#[from] StoreError),
    /// The tenant's key does not open, or the tenant is gone.
    #[error("the tenant's key does not open")]
    Key(#[source] Option<ReadError>),
    /// The account could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealRecordError),
    /// There are as many accounts as there may be.
    #[error("there are as many accounts as there may be")]
    TooManyAccounts,
    /// The operating system gave no random bytes for the token's id.
    #[error("the operating system gave no random bytes")]
    Random(#[from] getrandom::Error),
    /// The flight had another purpose, and served it without a token; or the tokens were revoked
    /// while it was under way. Another one may bring a token.
    #[error("the flight ended without a token: ask again")]
    AskAgain,
    /// The task ended early; only a defect of this program does that.
    #[error("the flight was abandoned")]
    Abandoned,
}

impl FlightError {
    /// Whether the same will be said until a person has changed something.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::AuthorizationRequired)
    }
}

impl From<TooLate> for FlightError {
    fn from(_: TooLate) -> Self {
        let late = "what was to be asked was in the store too late to be asked";
        Self::Store(StoreError::Unavailable(io::Error::new(io::ErrorKind::TimedOut, late)))
    }
}

/// What a flight is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// Somebody waits for a token.
    Need,
    /// The token still serves, and ends soon.
    Early,
    /// A caller saw the token refused, which does not prove it bad.
    Rejected,
    /// An attempt was interrupted by the end of the process.
    Recovery,
    /// Somebody wants to know whether Infor accepts the file; whatever went wrong before.
    Test,
}

impl Purpose {
    /// Whether it can be done without: then it leaves the last fifth of Infor's limits to those who
    /// have no token.
    pub(super) fn is_optional(self) -> bool {
        matches!(self, Self::Early | Self::Rejected)
    }
}

/// What a flight carries.
#[derive(Clone)]
pub(super) struct Flight {
    pub(super) slot: Arc<Slot>,
    pub(super) credential: Arc<Credential>,
    pub(super) version: Arc<Version>,
    pub(super) purpose: Purpose,
}

impl Inner {
    /// Joins the account's flight, and begins it if there is none and `landed` finds nothing that
    /// one brought meanwhile. The flight is a task of its own: a caller that gives up does not
    /// stop it.
    pub(super) fn board(
        self: &Arc<Self>,
        flight: Flight,
        landed: impl FnOnce() -> Option<Outcome>,
    ) -> Joined {
        let slot = Arc::clone(&flight.slot);
        slot.join(landed, |sender| {
            let inner = Arc::clone(self);
            self.flights.spawn(async move {
                let exchange = inner.exchange(&flight);
                inner.fly(&flight, exchange, sender).await;
            });
        })
    }

    /// Does the work of a flight, and lands.
    pub(super) async fn fly(
        &self,
        flight: &Flight,
        work: impl Future<Output = Result<Arc<AccessToken>, FlightError>>,
        sender: watch::Sender<Option<Outcome>>,
    ) {
        let outcome = work.await;
        match &outcome {
            Ok(_) | Err(FlightError::AskAgain) => {}
            // The breaker and the budgets say it once; this comes as often as callers do.
            Err(error @ (FlightError::Server(_) | FlightError::Budget(_))) => {
                let error = error as &dyn std::error::Error;
                tracing::debug!(credential = %flight.credential.name, error, "no token");
            }
            Err(error) => {
                let error = error as &dyn std::error::Error;
                tracing::warn!(credential = %flight.credential.name, error, "no token");
            }
        }
        self.plan_renewal(&flight.slot, &flight.version.account);
        // First the token (shown by the journal), then the end of the flight, then the word:
        // whoever comes in between finds the token.
        flight.slot.land();
        sender.send_replace(Some(outcome.map_err(Arc::new)));
    }
}

/// Waits for what the flight comes to.
pub(super) async fn outcome(joined: Joined) -> Outcome {
    let mut outcome = match joined {
        Joined::Landed(outcome) => return outcome,
        Joined::Flight(outcome) => outcome,
    };
    match outcome.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(outcome)) => outcome.clone(),
        Ok(None) | Err(_) => Err(Arc::new(FlightError::Abandoned)),
    }
}
