//! What an Infor administrator must change after a refusal.

use crate::model::Grant;
use crate::ports::OauthError;

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
             upload the new file."
        }
        (OauthError::InvalidRequest, _) => {
            "Infor does not understand the request. Check that the file is complete and of the \
             right tenant: in Infor ION API, Authorized Apps, download the credentials again and \
             upload the new file."
        }
    }
}

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
}
