//! What is kept of an account across restarts, but for its secrets.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::ion;
use crate::model::{AccountId, Grant};
use crate::ports::{ExchangeError, OauthError};

use super::access_token::AccessToken;
use super::flight::FlightError;
use super::servers::RefreshRotation;

/// The state of an account, as its record has it beside the tokens themselves.
///
/// Invariant: `token` is there if and only if the record holds an access token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountState {
    /// Which account; its record lies under a hash of it.
    pub(super) id: AccountId,
    /// Grows with each attempt and each revocation. What an attempt brought is believed only if no
    /// later epoch began meanwhile.
    pub(super) epoch: u64,
    /// The attempt that is under way, or whose end nobody saw.
    pub(super) intent: Option<Intent>,
    /// How often the refresh token was redeemed without a word of what came of it, the attempt
    /// under way included.
    pub(super) redemptions: u32,
    /// What became clear about how its server rotates refresh tokens.
    pub(super) rotation: Option<RefreshRotation>,
    /// The access token, without the token.
    pub(super) token: Option<KeptToken>,
    /// When Infor last granted a token; `None`: it never did.
    pub(super) last_success: Option<SystemTime>,
    /// Why Infor is not asked now.
    pub(super) failure: Option<Failure>,
}

/// An attempt to have tokens.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Intent {
    /// The epoch that began with it.
    pub(super) epoch: u64,
    /// What was sent.
    pub(super) grant: GrantKind,
}

/// Which grant an attempt uses.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum GrantKind {
    /// The refresh token.
    Refresh,
    /// What the file itself allows.
    Own,
}

/// An access token, without the token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptToken {
    pub(super) id: String,
    pub(super) expire_time: SystemTime,
    pub(super) lifetime: Duration,
    pub(super) scopes: Option<Vec<String>>,
}

/// Why Infor is not asked now, and until when.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Failure {
    /// What Infor said last.
    pub(super) cause: Cause,
    /// How often it failed in a row.
    pub(super) count: u32,
    /// When that began.
    pub(super) since: SystemTime,
    /// When Infor may be asked again.
    pub(super) retry_time: SystemTime,
}

/// What Infor, or the way to it, had against an attempt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cause {
    /// Infor refused the file's own grant: definite.
    Refused(OauthError),
    /// As [`ExchangeError::Unreachable`].
    Unreachable(Cow<'static, str>),
    /// As [`ExchangeError::Throttled`].
    Throttled,
    /// As [`ExchangeError::Unavailable`].
    Unavailable(Cow<'static, str>),
    /// As [`ExchangeError::Misbehaved`].
    Misbehaved(Cow<'static, str>),
    /// As [`ExchangeError::NoEndpoint`].
    NoEndpoint,
    /// As [`ExchangeError::AddressNotAllowed`].
    Address(Cow<'static, str>),
}

impl AccountState {
    pub(super) fn new(id: AccountId) -> Self {
        Self {
            id,
            epoch: 0,
            intent: None,
            redemptions: 0,
            rotation: None,
            token: None,
            last_success: None,
            failure: None,
        }
    }
}

impl KeptToken {
    pub(super) fn of(token: &AccessToken) -> Self {
        Self {
            id: token.id.clone(),
            expire_time: token.expire_time,
            lifetime: token.lifetime,
            scopes: token.scopes.clone(),
        }
    }
}

impl Cause {
    /// Whether the same request will not be granted later, so that asking again only brings the
    /// account nearer to being locked.
    pub(super) fn is_definite(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// What callers are told.
    pub(super) fn error(&self, grant: Grant, retry_after: Option<Duration>) -> FlightError {
        match self.clone() {
            Self::Refused(error) => {
                FlightError::Refused { error, advice: ion::advice(error, grant) }
            }
            Self::Unreachable(what) | Self::Unavailable(what) => {
                FlightError::Unavailable { what, retry_after }
            }
            Self::Throttled => FlightError::Throttled { retry_after },
            Self::Misbehaved(what) => FlightError::Misbehaved(what),
            Self::NoEndpoint => FlightError::NoEndpoint,
            Self::Address(what) => FlightError::Address(what),
        }
    }
}

impl From<&ExchangeError> for Cause {
    fn from(error: &ExchangeError) -> Self {
        match error {
            ExchangeError::Refused(error) => Self::Refused(*error),
            ExchangeError::Unreachable(what) => Self::Unreachable((*what).into()),
            ExchangeError::Throttled { .. } => Self::Throttled,
            ExchangeError::Unavailable { what, .. } => Self::Unavailable((*what).into()),
            ExchangeError::Misbehaved(what) => Self::Misbehaved((*what).into()),
            ExchangeError::NoEndpoint => Self::NoEndpoint,
            ExchangeError::AddressNotAllowed(what) => Self::Address((*what).into()),
        }
    }
}
