//! One request to Infor for all who wait for the same account.

use std::sync::Arc;
use std::time::Duration;

use crate::ion::HostNotAllowed;
use crate::model::{Credential, Version};
use crate::ports::OauthError;
use crate::vault::OpenFileError;

use super::Inner;
use super::access_token::AccessToken;
use super::accounts::{Joined, Slot};

/// What a flight came to; told to everyone on it.
pub(super) type Outcome = Result<Arc<AccessToken>, Arc<FlightError>>;

/// Why a flight brought no token.
#[derive(Debug, thiserror::Error)]
pub enum FlightError {
    /// The file could not be opened.
    #[error("the file could not be opened")]
    Open(#[from] OpenFileError),
    /// The app must be authorized by a person, and was not.
    #[error("the app must be authorized by a person")]
    AuthorizationRequired,
    /// The operator does not approve the file's host any more.
    #[error("the host was refused")]
    Host(#[from] HostNotAllowed),
    /// The host is at an address that the operator does not approve.
    #[error("the host's address was refused: {0}")]
    Address(&'static str),
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
        what: &'static str,
        /// When to try again, if it said so.
        retry_after: Option<Duration>,
    },
    /// What Infor answered is no token answer.
    #[error("the authorization server's answer is not a token answer: {0}")]
    Misbehaved(&'static str),
    /// The token that came is as good as expired.
    #[error("the authorization server's tokens expire before they can be used")]
    ShortLived,
    /// It took longer than [`FLIGHT_TIME_MAX`].
    #[error("the flight took too long")]
    TimedOut,
    /// The operating system gave no random bytes for the token's id.
    #[error("the operating system gave no random bytes")]
    Random(#[from] getrandom::Error),
    /// The task ended early; only a defect of this program does that.
    #[error("the flight was abandoned")]
    Abandoned,
}

/// A flight's own deadline, whoever waits: two exchanges (the refresh token, then the file's own
/// grant) of 10 seconds each, and a little for waiting its turn and opening the file.
const FLIGHT_TIME_MAX: Duration = Duration::from_secs(25);

impl Inner {
    /// Waits for the account's flight, and begins it if there is none and `landed` finds nothing
    /// that one brought meanwhile. The flight is a task of its
    /// own: a caller that gives up does not stop it.
    pub(super) async fn fly(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
        landed: impl FnOnce() -> Option<Arc<AccessToken>>,
    ) -> Outcome {
        let joined = slot.join(landed, |sender| {
            let (inner, slot) = (Arc::clone(self), Arc::clone(slot));
            let (credential, version) = (Arc::clone(credential), Arc::clone(version));
            self.flights.spawn(async move {
                let exchange = inner.exchange(&slot, &credential, &version);
                let outcome = match tokio::time::timeout(FLIGHT_TIME_MAX, exchange).await {
                    Ok(outcome) => outcome,
                    Err(_elapsed) => Err(FlightError::TimedOut),
                };
                if let Err(error) = &outcome {
                    let error = error as &dyn std::error::Error;
                    tracing::warn!(credential = %credential.name, error, "no token");
                }
                // First the token (kept by `exchange`), then the end of the flight, then the word:
                // whoever comes in between finds the token.
                slot.land();
                sender.send_replace(Some(outcome.map_err(Arc::new)));
            });
        });
        let mut outcome = match joined {
            Joined::Landed(token) => return Ok(token),
            Joined::Flight(outcome) => outcome,
        };
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(outcome)) => outcome.clone(),
            Ok(None) | Err(_) => Err(Arc::new(FlightError::Abandoned)),
        }
    }
}
