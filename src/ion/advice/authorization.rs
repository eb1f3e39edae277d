//! What a person's browser brings back from Infor instead of an authorization.

use std::fmt;

/// Why a person's visit to Infor ended without an authorization: an error code of RFC 6749
/// (section 4.1.2.1), of OpenID Connect Core 1.0 (section 3.1.2.6), or none of them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AuthorizationRefusal {
    /// The person said no, or may not say yes.
    AccessDenied,
    /// The person did not finish the log-in or the consent.
    Unfinished,
    /// The app may not be authorized in this way.
    UnauthorizedClient,
    /// Infor does not give codes.
    UnsupportedResponseType,
    /// The scopes are not the app's.
    InvalidScope,
    /// Infor does not understand the request.
    InvalidRequest,
    /// Infor failed.
    ServerError,
    /// Infor cannot now.
    TemporarilyUnavailable,
    /// A code that no standard defines; its text is not kept.
    Other,
}

impl AuthorizationRefusal {
    /// The refusal that this `error` parameter stands for.
    #[must_use]
    pub fn of(code: &[u8]) -> Self {
        match code {
            b"access_denied" => Self::AccessDenied,
            b"login_required"
            | b"interaction_required"
            | b"consent_required"
            | b"account_selection_required" => Self::Unfinished,
            b"unauthorized_client" => Self::UnauthorizedClient,
            b"unsupported_response_type" => Self::UnsupportedResponseType,
            b"invalid_scope" => Self::InvalidScope,
            b"invalid_request" => Self::InvalidRequest,
            b"server_error" => Self::ServerError,
            b"temporarily_unavailable" => Self::TemporarilyUnavailable,
            _ => Self::Other,
        }
    }

    /// What to do about it, for the person and for an administrator of Infor.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::AccessDenied => {
                "The log-in was cancelled, or this user may not authorize the app. Begin again with \
                 a user of Infor who may use the app (best a service user), and agree."
            }
            Self::Unfinished => {
                "The log-in was not finished. Begin again, and go on until the browser leaves Infor."
            }
            Self::UnauthorizedClient | Self::UnsupportedResponseType => {
                "Infor does not let this app be authorized by a person. In Infor ION API, \
                 Authorized Apps, check that the app is of the type Web Application or Mobile \
                 Application, download its credentials again and upload the new file."
            }
            Self::InvalidScope => {
                "Infor does not grant the scopes that are asked for. In Infor ION API, Authorized \
                 Apps, open the app, check its scopes, save, download the credentials again and \
                 upload the new file. (An on-premises app is asked for the scope offline_access, \
                 too, which needs Issue Refresh Tokens to be on.)"
            }
            Self::InvalidRequest => {
                "Infor does not accept the request, mostly because of the redirect address. In \
                 Infor ION API, Authorized Apps, open the app, check its redirect URL, save, \
                 download the credentials again and upload the new file."
            }
            Self::ServerError | Self::TemporarilyUnavailable => {
                "Infor could not do it now. Begin again later."
            }
            Self::Other => "Infor ended the log-in for a reason of its own. Begin again.",
        }
    }
}

impl fmt::Display for AuthorizationRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccessDenied => "access_denied",
            Self::Unfinished => "interaction_required",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidRequest => "invalid_request",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::Other => "other",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_standards_are_known_and_others_are_not_repeated() {
        for code in [
            "access_denied",
            "unauthorized_client",
            "unsupported_response_type",
            "invalid_scope",
            "invalid_request",
            "server_error",
            "temporarily_unavailable",
        ] {
            assert_eq!(AuthorizationRefusal::of(code.as_bytes()).to_string(), code);
        }
        for code in ["login_required", "consent_required", "interaction_required"] {
            let refusal = AuthorizationRefusal::of(code.as_bytes());
            assert_eq!(refusal, AuthorizationRefusal::Unfinished, "{code}");
        }
        for code in [&b"ACCESS_DENIED"[..], b"", b"\xff", b"planted"] {
            assert_eq!(AuthorizationRefusal::of(code), AuthorizationRefusal::Other);
        }
    }
}
