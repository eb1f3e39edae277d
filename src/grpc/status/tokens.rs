//! Which reason each error of [`crate::tokens`] has.

use std::time::Duration;

use tonic::Status;
use tonic_types::ErrorDetails;

use crate::ion;
use crate::tokens::{
    BudgetExhausted, FlightError, IssueError, NotNow, RevokeError, TestError, TooManyWatchers,
    VerifyUploadError,
};
use crate::vault::OpenFileError;

use super::super::Refusal;
use super::{
    RETRY_AFTER, Reason, damaged, deleted, host_not_allowed, limit, no_such_version, not_found,
    store,
};

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        Self(match error {
            IssueError::Deleted => deleted(),
            IssueError::NoActiveVersion => no_active_version(),
            IssueError::LifetimeTooLong(max) => Reason::LifetimeTooLong.details(
                format!("tokens of this credential serve for at most {} s ahead", max.as_secs()),
                &[("max_seconds", max.as_secs().to_string())],
                ErrorDetails::new(),
            ),
            IssueError::Flight { error, retry_after } => flight(&error, retry_after),
            IssueError::OtherTenant => damaged(&error),
        })
    }
}

impl From<TooManyWatchers> for Refusal {
    fn from(error: TooManyWatchers) -> Self {
        Self(limit("watchers", error.to_string()))
    }
}

impl From<TestError> for Refusal {
    fn from(error: TestError) -> Self {
        Self(match error {
            TestError::Deleted => deleted(),
            TestError::NoActiveVersion => no_active_version(),
            TestError::NoSuchVersion => no_such_version(),
            TestError::Flight(error) => flight(&error, None),
        })
    }
}

impl From<VerifyUploadError> for Refusal {
    fn from(error: VerifyUploadError) -> Self {
        match error {
            VerifyUploadError::Upload(error) => error.into(),
            VerifyUploadError::Verify(error) => Self(flight(&error, None)),
        }
    }
}

impl From<RevokeError> for Refusal {
    fn from(error: RevokeError) -> Self {
        Self(match &error {
            RevokeError::Store(_) | RevokeError::Contended => store(&error),
            RevokeError::Read(_) | RevokeError::Key(_) => damaged(&error),
            RevokeError::Seal(_) | RevokeError::Random(_) | RevokeError::Abandoned => {
                Reason::Overloaded.says("the vault could not finish the request: retry")
            }
        })
    }
}

fn no_active_version() -> Status {
    Reason::NoActiveVersion.says("no version of the credential serves: activate one")
}

/// The flight wrote its own line to the log. `held` is how long Infor is not asked again.
pub(super) fn flight(error: &FlightError, held: Option<Duration>) -> Status {
    let unavailable = |what: &str, retry_after: Option<Duration>| {
        let retry_after = held.max(retry_after).unwrap_or(RETRY_AFTER);
        Reason::ProviderUnavailable.details(
            format!("Infor did not answer, or answered that it cannot now: {what}"),
            &[],
            ErrorDetails::with_retry_info(Some(retry_after)),
        )
    };
    let misbehaved = |what: &str| {
        let details = held.map(|held| ErrorDetails::with_retry_info(Some(held)));
        Reason::ProviderMisbehaved.details(what, &[], details.unwrap_or_default())
    };
    match error {
        FlightError::Open(OpenFileError::Store(_)) => {
            Reason::StoreUnavailable.says("the store did not answer: retry")
        }
        FlightError::Open(OpenFileError::Gone) => {
            Reason::NoActiveVersion.says("the version was replaced meanwhile: ask again")
        }
        FlightError::Open(
            OpenFileError::Missing
            | OpenFileError::Read(_)
            | OpenFileError::File(_)
            | OpenFileError::CaCertificates(_),
        ) => damaged(error),
        FlightError::AuthorizationRequired => {
            Reason::AuthorizationRequired.says(ion::AUTHORIZE_ADVICE)
        }
        FlightError::Host(error) => host_not_allowed(error),
        FlightError::Address(what) => Reason::HostNotAllowed
            .says(format!("the authorization server's address is not approved: {what}")),
        FlightError::Refused { error, advice } => Reason::CredentialRefused.details(
            format!("Infor refused this credential ({error}): {advice}"),
            &[("oauth_error", error.to_string())],
            ErrorDetails::new(),
        ),
        FlightError::Unavailable { what, retry_after } => unavailable(what, *retry_after),
        FlightError::Throttled { retry_after } => {
            unavailable("it wants fewer requests", *retry_after)
        }
        FlightError::Server(NotNow { retry_after, why }) => {
            unavailable(&why.to_string(), Some(*retry_after))
        }
        FlightError::Misbehaved(what) => {
            misbehaved(&format!("what Infor answered is not a token answer: {what}"))
        }
        FlightError::NoEndpoint => misbehaved(ion::NO_ENDPOINT_ADVICE),
        FlightError::ShortLived => misbehaved(
            "Infor's tokens for this app expire before they can be used: give them a longer life",
        ),
        FlightError::Budget(exhausted) => budget(exhausted),
        FlightError::Key(Some(_)) => damaged(error),
        FlightError::Key(None) => not_found(""),
        FlightError::Store(_) => Reason::StoreUnavailable.says("the store did not do it: retry"),
        FlightError::TooManyAccounts => limit("accounts", error.to_string()),
        FlightError::Seal(_) | FlightError::SealBudget(_) | FlightError::AskAgain => {
            Reason::Overloaded.says("the vault could not finish the request: retry")
        }
        FlightError::Random(_) | FlightError::Abandoned => {
            Reason::Overloaded.says("the vault could not finish the request: retry")
        }
    }
}

fn budget(exhausted: &BudgetExhausted) -> Status {
    let told = exhausted.to_string();
    let mut details = ErrorDetails::with_retry_info(Some(exhausted.retry_after));
    details.add_quota_failure_violation(exhausted.limit.name(), told.as_str());
    Reason::TokenBudgetExhausted.details(told, &[], details)
}
