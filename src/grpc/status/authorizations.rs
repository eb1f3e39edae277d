//! Which reason each error of an authorization has.

use tonic::Status;
use tonic_types::ErrorDetails;

use crate::ion::{self, AuthorizationRefusal};
use crate::tokens::{CompleteAuthorizationError, FlightError, StartAuthorizationError, Unfit};

use super::super::Refusal;
use super::tokens::flight;
use super::{Reason, deleted, host_not_allowed, invalid_fields, limit};

impl From<Unfit> for Refusal {
    fn from(error: Unfit) -> Self {
        Self(match error {
            Unfit::Deleted => deleted(),
            Unfit::NoActiveVersion => {
                Reason::NoActiveVersion.says("no version of the credential serves: activate one")
            }
            Unfit::NotNeeded => Reason::AuthorizationNotNeeded
                .says("this file's app logs in by itself: no person needs to authorize it"),
        })
    }
}

impl From<StartAuthorizationError> for Refusal {
    fn from(error: StartAuthorizationError) -> Self {
        Self(match error {
            StartAuthorizationError::Unfit(error) => return error.into(),
            StartAuthorizationError::Open(error) => flight(&FlightError::Open(error), None),
            StartAuthorizationError::Host(error) => host_not_allowed(&error),
            StartAuthorizationError::TooMany => limit(
                "authorizations",
                "too many authorizations are under way: wait some minutes".to_owned(),
            ),
            StartAuthorizationError::Write(error) => return error.into(),
        })
    }
}

impl From<CompleteAuthorizationError> for Refusal {
    fn from(error: CompleteAuthorizationError) -> Self {
        Self(match error {
            CompleteAuthorizationError::Unfit(error) => return error.into(),
            CompleteAuthorizationError::Redirect(error) => {
                invalid_fields(vec![("redirect_uri".to_owned(), error.to_string())])
            }
            CompleteAuthorizationError::State => Reason::AuthorizationStateInvalid
                .says("the redirect answers no authorization that is under way: begin again"),
            CompleteAuthorizationError::Denied(refusal) => denied(refusal),
            CompleteAuthorizationError::CodeRefused => Reason::AuthorizationRequired.details(
                format!("Infor did not accept the code: {}", ion::AUTHORIZE_ADVICE),
                &[("oauth_error", "invalid_grant".to_owned())],
                ErrorDetails::new(),
            ),
            CompleteAuthorizationError::Redeem(error) => flight(&error, None),
            CompleteAuthorizationError::Write(error) => return error.into(),
        })
    }
}

fn denied(refusal: AuthorizationRefusal) -> Status {
    let reason = match refusal {
        AuthorizationRefusal::AccessDenied
        | AuthorizationRefusal::Unfinished
        | AuthorizationRefusal::Other => Reason::AuthorizationRequired,
        AuthorizationRefusal::UnauthorizedClient
        | AuthorizationRefusal::UnsupportedResponseType
        | AuthorizationRefusal::InvalidScope
        | AuthorizationRefusal::InvalidRequest => Reason::CredentialRefused,
        AuthorizationRefusal::ServerError | AuthorizationRefusal::TemporarilyUnavailable => {
            Reason::ProviderUnavailable
        }
    };
    reason.details(
        format!("Infor gave no authorization ({refusal}): {}", refusal.advice()),
        &[("oauth_error", refusal.to_string())],
        ErrorDetails::new(),
    )
}
