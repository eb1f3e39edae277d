//! Which access token to issue, and when a cached one will do.
//!
//! Tokens are kept by account (the Infor log-in behind a file), not by credential: ten credentials
//! made from one file share one token, and a file with other secrets shares nothing. An account
//! never changes, so nothing here is ever invalidated.

mod access_token;
mod accounts;
#[cfg_attr(not(test), allow(dead_code, reason = "flights come to use it"))]
mod backoff;
#[cfg_attr(not(test), allow(dead_code, reason = "flights come to use it"))]
mod budget;
mod exchange;
mod flight;
#[cfg_attr(not(test), allow(dead_code, reason = "flights come to use it"))]
mod jitter;
#[allow(dead_code, unused_imports, reason = "flights come to use it")]
mod servers;
#[cfg_attr(not(test), allow(dead_code, reason = "flights come to use it"))]
mod windows;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

pub use access_token::AccessToken;
pub use budget::{BudgetExhausted, BudgetLimit, BudgetShare, BudgetUsage};
pub use flight::FlightError;
pub use jitter::Jitter;
pub use servers::{RefreshRotation, ServerSettings};

use crate::ion::HostRules;
use crate::model::{Credential, State, Version};
use crate::ports::{Clock, TokenEndpoint};
use crate::vault::Vault;

use accounts::{Accounts, Slot};

/// Issues access tokens. Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct TokenIssuer(Arc<Inner>);

struct Inner {
    vault: Vault,
    hosts: Arc<HostRules>,
    endpoint: Arc<dyn TokenEndpoint>,
    clock: Arc<dyn Clock>,
    accounts: Accounts,
    flights: TaskTracker,
    permits: Semaphore,
}

/// A token, and the version of the credential that it was issued from.
pub struct Issued {
    /// The token; shared with everyone who was given it.
    pub token: Arc<AccessToken>,
    /// What goes with it.
    pub version: Arc<Version>,
}

/// Why no token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The credential is deleted.
    #[error("the credential is deleted")]
    Deleted,
    /// No version serves.
    #[error("no version of the credential serves")]
    NoActiveVersion,
    /// More was asked for than this credential's tokens can give.
    #[error("tokens of this credential can be asked for {0:?} of life at most")]
    LifetimeTooLong(Duration),
    /// A token could not be had from Infor.
    #[error("a token could not be had")]
    Flight(#[from] Arc<FlightError>),
    /// The cached token is of another tenant: a defect of this program. Nothing is given out.
    #[error("the cached token is of another tenant")]
    OtherTenant,
}

impl TokenIssuer {
    /// Wires the issuer.
    #[must_use]
    pub fn new(
        vault: Vault,
        hosts: Arc<HostRules>,
        endpoint: Arc<dyn TokenEndpoint>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Inner {
            vault,
            hosts,
            endpoint,
            clock,
            accounts: Accounts::new(),
            flights: TaskTracker::new(),
            permits: Semaphore::new(FLIGHTS_MAX),
        }))
    }

    /// A token that lives `min_remaining` longer at least; `None` asks for the vault's own margin.
    ///
    /// A hit costs neither a lock nor a system call. Callers who miss together share one flight.
    ///
    /// # Errors
    ///
    /// As [`IssueError`] says.
    pub async fn issue(
        &self,
        credential: &Arc<Credential>,
        min_remaining: Option<Duration>,
    ) -> Result<Issued, IssueError> {
        if credential.state != State::Active {
            return Err(IssueError::Deleted);
        }
        let version = credential.active().ok_or(IssueError::NoActiveVersion)?;
        let slot = self.0.accounts.slot(&version.account);
        let token = match slot.token() {
            Some(token) if token.serves(min_remaining, &self.0.now())? => token,
            Some(_) | None => self.renew(&slot, credential, version, min_remaining).await?,
        };
        if token.tenant_uid != credential.tenant_uid {
            return Err(IssueError::OtherTenant);
        }
        Ok(Issued { token, version: Arc::clone(version) })
    }

    /// A token that Infor issued now, or while this caller was on its way here.
    async fn renew(
        &self,
        slot: &Arc<Slot>,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
        min_remaining: Option<Duration>,
    ) -> Result<Arc<AccessToken>, IssueError> {
        let serves = |token: &AccessToken| token.serves(min_remaining, &self.0.now());
        let landed = || slot.token().filter(|token| serves(token).unwrap_or(true));
        let token = self.0.fly(slot, credential, version, landed).await?;
        // It may be too short-lived for this caller, and that it is the first to learn.
        if serves(&token)? { Ok(token) } else { Err(Arc::new(FlightError::ShortLived).into()) }
    }

    /// Waits until no flight is under way. Call it after the last request was answered.
    pub async fn drain(&self) {
        self.0.flights.close();
        self.0.flights.wait().await;
    }
}

/// The same moment on both clocks. A suspended machine stops the first, NTP moves the second.
pub(crate) struct Now {
    monotonic: Instant,
    wall: std::time::SystemTime,
}

impl Inner {
    fn now(&self) -> Now {
        Now { monotonic: Instant::now(), wall: self.clock.now() }
    }
}

/// Bounds the connections to Infor, all accounts together; further flights wait for a place.
const FLIGHTS_MAX: usize = 256;
