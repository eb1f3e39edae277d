//! What an Infor administrator must change after a refusal, or should know before one.

mod authorization;
mod environment;

use crate::model::Grant;
use crate::ports::OauthError;

pub use authorization::AuthorizationRefusal;
pub use environment::environment_mismatch;

/// Says, in sentences that an administrator of Infor can follow, what to do about a refusal of a
/// token request with the file's own grant. (A refused refresh token is no matter for a person:
/// the file's grant is tried next; only an app that a person authorized ends there.)
#[must_use]
pub fn advice(error: OauthError, grant: Grant) -> &'static str {
    match (error, grant) {
        (OauthError::InvalidClient, _) => {
            "Infor does not accept the app's client id and secret. In Infor ION API, Authorized \
             Apps, check that the app exists and is enabled. If its credentials were made anew, \
             or the tenant was refreshed from another one, download them again and upload the new \
             file."
        }
        (OauthError::InvalidGrant, Grant::Password) => {
            "Infor does not accept the service account. In Infor, Security, Service Accounts, \
             check that the account exists, is enabled and belongs to an active user. If not, \
             download the app's credentials again with \"Create Service Account\" on and upload \
             the new file; delete the old service account afterwards."
        }
        (OauthError::InvalidGrant, Grant::ClientCredentials) => {
            "Infor does not accept this log-in without a service account. In Infor ION API, \
             Authorized Apps, open the app, press Download Credentials with \"Create Service \
             Account\" on, and upload the new file."
        }
        (OauthError::InvalidGrant, Grant::AuthorizationCode) => {
            "Infor has ended the authorization. A person must authorize the app again."
        }
        (OauthError::UnauthorizedClient | OauthError::UnsupportedGrantType, Grant::Password) => {
            "Infor does not let this app log in with a service account. In Infor ION API, \
             Authorized Apps, check that the app is of the type Backend Service and that its \
             grant type fits; otherwise create such an app, download its credentials with \
             \"Create Service Account\" on and upload that file."
        }
        (
            OauthError::UnauthorizedClient | OauthError::UnsupportedGrantType,
            Grant::ClientCredentials,
        ) => {
            "Infor does not let this app log in without a service account. In Infor ION API, \
             Authorized Apps, either set the app's grant type to Client Credentials, or press \
             Download Credentials with \"Create Service Account\" on and upload the new file."
        }
        (
            OauthError::UnauthorizedClient | OauthError::UnsupportedGrantType,
            Grant::AuthorizationCode,
        ) => {
            "Infor does not let this app be authorized by a person. In Infor ION API, Authorized \
             Apps, check that the app is of the type Web Application or Mobile Application and \
             that Issue Refresh Tokens is on."
        }
        (OauthError::InvalidScope, _) => {
            "Infor does not grant the scopes that the file names. In Infor ION API, Authorized \
             Apps, open the app, check its scopes, save, download the credentials again and \
             upload the new file. (An on-premises app is asked for the scope offline_access, too, \
             which needs Issue Refresh Tokens to be on.)"
        }
        (OauthError::InvalidRequest | OauthError::UnsupportedTokenType, _) => {
            "Infor does not understand the request. Check that the file is complete and of the \
             right tenant: in Infor ION API, Authorized Apps, download the credentials again and \
             upload the new file."
        }
    }
}

/// What to do if there is nothing at a file's token endpoint (status 404 or 410): Infor's cloud
/// answers so if the tenant in the path is not known.
pub const NO_ENDPOINT_ADVICE: &str = "There is no token endpoint at the address in the file. In Infor's cloud this mostly means that the \
     tenant in `pu` does not exist (any more): check that the tenant was not renamed or removed, \
     then, in Infor ION API, Authorized Apps, download the credentials again and upload the new \
     file. On-premises, check `pu` and `ot` with the administrator of Infor STS.";

/// What to do if a log-in is granted without a refresh token, although its grant can have one:
/// then each new token costs one of the tenant's 1,000 log-ins of a day.
pub const NO_REFRESH_TOKEN_ADVICE: &str = "Infor gave no refresh token, so each new token is a new log-in of the service account, and \
     Infor limits these to 1,000 per tenant and day. In Infor ION API, Authorized Apps, open the \
     app, switch Issue Refresh Tokens on and save; the file stays the same.";

/// What to do about an app that a person must authorize, and nobody has, or Infor has ended it.
pub const AUTHORIZE_ADVICE: &str = "A person must authorize the app: run `ionvault authorize` with the name of the credential, \
     log in to Infor as the user that the app shall work as (best a service user, who does not \
     leave), and give back the address that the browser ends at.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_the_place_in_infor_and_what_to_do_there() {
        for (error, grant, place, deed) in [
            (OauthError::InvalidClient, Grant::Password, "Authorized Apps", "enabled"),
            (OauthError::InvalidGrant, Grant::Password, "Service Accounts", "enabled"),
            (
                OauthError::InvalidGrant,
                Grant::ClientCredentials,
                "Authorized Apps",
                "\"Create Service Account\" on",
            ),
            (
                OauthError::UnauthorizedClient,
                Grant::ClientCredentials,
                "Authorized Apps",
                "grant type to Client Credentials",
            ),
            (
                OauthError::UnsupportedGrantType,
                Grant::Password,
                "Authorized Apps",
                "Backend Service",
            ),
            (OauthError::InvalidScope, Grant::Password, "Authorized Apps", "scopes"),
            (OauthError::InvalidGrant, Grant::AuthorizationCode, "person", "authorize"),
        ] {
            let advice = advice(error, grant);
            assert!(advice.contains(place) && advice.contains(deed), "{error:?} {grant:?}");
        }
    }

    #[test]
    fn the_advice_without_an_error_code_names_the_switch_too() {
        for (advice, deed) in [
            (NO_ENDPOINT_ADVICE, "tenant"),
            (NO_REFRESH_TOKEN_ADVICE, "Issue Refresh Tokens on"),
            (AUTHORIZE_ADVICE, "service user"),
        ] {
            assert!(advice.contains(deed), "{advice}");
        }
    }
}
