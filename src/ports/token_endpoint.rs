//! Infor's authorization server: the token endpoint of RFC 6749 and the revocation endpoint of
//! RFC 7009.

use std::time::Duration;

use async_trait::async_trait;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::secret::Secret;

/// Trades credentials for tokens, and gives tokens back.
#[async_trait]
pub trait TokenEndpoint: Send + Sync {
    /// Sends one token request and reads the answer. Ends within ten seconds.
    ///
    /// # Errors
    ///
    /// As [`ExchangeError`] says.
    async fn exchange(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, ExchangeError>;

    /// Sends one revocation request (RFC 7009) and reads the answer. Ends within ten seconds. A
    /// server that does not know the token answers as if it had revoked it (section 2.2).
    ///
    /// # Errors
    ///
    /// As [`ExchangeError`] says.
    async fn revoke(&self, request: &RevocationRequest<'_>) -> Result<(), ExchangeError>;
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
    /// Section 4.1.3, with the proof of RFC 7636 (section 4.5).
    AuthorizationCode {
        /// `code`: what the server gave to the person's browser.
        code: &'a Secret,
        /// `redirect_uri`: exactly as it stood in the authorization request.
        redirect_uri: &'a str,
        /// `code_verifier`.
        code_verifier: &'a Secret,
    },
}

/// One revocation request.
pub struct RevocationRequest<'a> {
    /// Where it goes: the revocation endpoint.
    pub target: &'a Target,
    /// `client_id`.
    pub client_id: &'a str,
    /// `client_secret`.
    pub client_secret: &'a Secret,
    /// `token`.
    pub token: &'a Secret,
    /// `token_type_hint`.
    pub kind: TokenKind,
}

/// What a revoked token is (RFC 7009, section 2.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// `access_token`
    Access,
    /// `refresh_token`
    Refresh,
}

/// An endpoint that the operator approves: the result of checking a file's host, and the only thing
/// that requests are sent to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The endpoint; `https`.
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
    /// The request did not reach the server, so it had no effect. Trying again may help.
    #[error("the authorization server cannot be reached: {0}")]
    Unreachable(&'static str),
    /// The server wants fewer requests (status 429); this one had no effect.
    #[error("the authorization server wants fewer requests")]
    Throttled {
        /// `Retry-After`, if it came.
        retry_after: Option<Duration>,
    },
    /// The server did not answer, or answered that it cannot now. Whether the request had an effect
    /// is not known: a refresh token in it may be used up. Trying again may help.
    #[error("the authorization server did not answer or cannot answer now: {what}")]
    Unavailable {
        /// What happened, in fixed words.
        what: &'static str,
        /// `Retry-After`, if it came.
        retry_after: Option<Duration>,
    },
    /// The answer is not one of RFC 6749. Whether the request had an effect is not known.
    #[error("the authorization server's answer is not a token answer: {0}")]
    Misbehaved(&'static str),
    /// There is nothing at this path (status 404 or 410): the tenant in it may be unknown. The
    /// request had no effect.
    #[error("there is no such endpoint at the authorization server")]
    NoEndpoint,
    /// The host resolves to an address that is not approved. Nothing was sent.
    #[error("the authorization server's address is not approved: {0}")]
    AddressNotAllowed(&'static str),
}

impl ExchangeError {
    /// Whether the request may have had an effect at the server all the same: then a refresh token
    /// in it may be used up, and a token may have been counted.
    #[must_use]
    pub fn may_have_had_effect(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Misbehaved(_) => true,
            Self::Refused(_)
            | Self::Unreachable(_)
            | Self::Throttled { .. }
            | Self::NoEndpoint
            | Self::AddressNotAllowed(_) => false,
        }
    }
}

/// Error codes of RFC 6749 (section 5.2) and RFC 7009 (section 2.2.1) that mean no for good.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
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
    /// Tokens of this kind cannot be revoked here. Only revocations are refused with it.
    UnsupportedTokenType,
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
            Self::UnsupportedTokenType => "unsupported_token_type",
        })
    }
}
