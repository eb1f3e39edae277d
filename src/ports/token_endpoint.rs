//! Infor's authorization server: the token endpoint of RFC 6749.

use std::time::Duration;

use async_trait::async_trait;
use rustls_pki_types::CertificateDer;
use url::Url;

use crate::secret::Secret;

/// Trades credentials for tokens.
#[async_trait]
pub trait TokenEndpoint: Send + Sync {
    /// Sends one token request and reads the answer. Ends within ten seconds.
    ///
    /// # Errors
    ///
    /// As [`ExchangeError`] says.
    async fn exchange(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, ExchangeError>;
}

/// One token request. Client id and secret travel in the body, never in a header: servers
/// disagree on how `~` is to be written there.
pub struct TokenRequest<'a> {
    /// Where it goes.
    pub target: &'a Target,
    /// `client_id`.
    pub client_id: &'a str,
    /// `client_secret`.
    pub client_secret: &'a Secret,
    /// The grant and what belongs to it.
    pub grant: GrantRequest<'a>,
    /// `scope`, joined by spaces; `None` leaves the parameter out.
    pub scope: Option<&'a str>,
}

/// The grants of RFC 6749 that the vault uses.
pub enum GrantRequest<'a> {
    /// Section 4.3: a service account.
    Password {
        /// `username`: the service-account access key.
        username: &'a Secret,
        /// `password`: the service-account secret key.
        password: &'a Secret,
    },
    /// Section 4.4: the client itself.
    ClientCredentials,
    /// Section 6: a refresh token.
    RefreshToken(&'a Secret),
}

/// A token endpoint that the operator approves: the result of checking a file's host, and the
/// only thing that requests are sent to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The token endpoint; `https`.
    pub url: Url,
    /// Whether the host may be at a private or loopback address.
    pub private_addresses: bool,
    /// The certificates to trust for this host; empty: the public roots.
    pub trust_anchors: Vec<CertificateDer<'static>>,
}

/// A token answer that was checked: `token_type` is Bearer, the token has the characters of RFC
/// 6750 (section 2.1), the lifetime is within bounds.
pub struct TokenAnswer {
    /// `access_token`.
    pub access_token: Secret,
    /// `expires_in`, counted from when the request was sent.
    pub expires_in: Duration,
    /// `refresh_token`, if one came.
    pub refresh_token: Option<Secret>,
    /// `scope`, if it came.
    pub scopes: Option<Vec<String>>,
}

/// Why there is no token answer. Nothing in here comes from the answer's text, save an OAuth
/// error code that RFC 6749 or Infor defines.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The server answered, and the answer was no. The same request will not be granted later.
    #[error("the authorization server refused: {0}")]
    Refused(OauthError),
    /// The server did not answer, or answered that it cannot now. Trying again may help.
    #[error("the authorization server cannot be reached or cannot answer now: {what}")]
    Unavailable {
        /// What happened, in fixed words.
        what: &'static str,
        /// `Retry-After`, if it came.
        retry_after: Option<Duration>,
    },
    /// The answer is not one of RFC 6749.
    #[error("the authorization server's answer is not a token answer: {0}")]
    Misbehaved(&'static str),
    /// The host resolves to an address that is not approved.
    #[error("the authorization server's address is not approved: {0}")]
    AddressNotAllowed(&'static str),
}

/// Error codes of RFC 6749 (section 5.2) that mean no for good.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OauthError {
    /// Client id or secret are wrong, or the app was deleted or disabled.
    InvalidClient,
    /// User name, password or refresh token are not good (any more).
    InvalidGrant,
    /// The app may not use this grant.
    UnauthorizedClient,
    /// The server does not know this grant.
    UnsupportedGrantType,
    /// The scopes are not assigned to the app.
    InvalidScope,
    /// The request is malformed, to this server's mind.
    InvalidRequest,
}

impl std::fmt::Display for OauthError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidRequest => "invalid_request",
        })
    }
}
