//! Which reason each error of [`crate::tokens`] has.

use tonic::Status;
use tonic_types::ErrorDetails;

use crate::tokens::{FlightError, IssueError};
use crate::vault::OpenFileError;

use super::super::Refusal;
use super::{RETRY_AFTER, Reason, damaged, deleted, host_not_allowed};

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        Self(match error {
            IssueError::Deleted => deleted(),
            IssueError::NoActiveVersion => {
                Reason::NoActiveVersion.says("no version of the credential serves: activate one")
            }
            IssueError::LifetimeTooLong(max) => Reason::LifetimeTooLong.details(
                format!("tokens of this credential serve for at most {} s ahead", max.as_secs()),
                &[("max_seconds", max.as_secs().to_string())],
                ErrorDetails::new(),
            ),
            IssueError::Flight(error) => flight(&error),
            IssueError::OtherTenant => damaged(&error),
        })
    }
}

/// The flight wrote its own line to the log.
fn flight(error: &FlightError) -> Status {
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
        FlightError::AuthorizationRequired => Reason::AuthorizationRequired.says(
            "this file is of a Web or mobile app, which a person must authorize: in Infor ION API, \
             create a Backend Service app, download its credentials with Create Service Account on, \
             and upload that file",
        ),
        FlightError::Host(error) => host_not_allowed(error),
        FlightError::Address(what) => Reason::HostNotAllowed
            .says(format!("the authorization server's address is not approved: {what}")),
        FlightError::Refused { error, advice } => Reason::CredentialRefused.details(
            format!("Infor refused this credential ({error}): {advice}"),
            &[("oauth_error", error.to_string())],
            ErrorDetails::new(),
        ),
        FlightError::Unavailable { what, retry_after } => Reason::ProviderUnavailable.details(
            format!("Infor did not answer, or answered that it cannot now: {what}"),
            &[],
            ErrorDetails::with_retry_info(Some(retry_after.unwrap_or(RETRY_AFTER))),
        ),
        FlightError::Misbehaved(what) => Reason::ProviderMisbehaved
            .says(format!("what Infor answered is not a token answer: {what}")),
        FlightError::ShortLived => Reason::ProviderMisbehaved
            .says("Infor's tokens for this app expire before they can be used: give them a longer life"),
        FlightError::TimedOut => Reason::ProviderUnavailable.says("Infor took too long to answer"),
        FlightError::Random(_) | FlightError::Abandoned => {
            Reason::Overloaded.says("the vault could not finish the request: retry")
        }
    }
}
