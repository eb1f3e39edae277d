//! Which access token to issue, and when a kept one will do.
//!
//! Tokens are kept by account (the Infor log-in behind a file), not by credential: ten credentials
//! made from one file share one token, and a file with other secrets shares nothing. An account
//! never changes, so nothing here is ever invalidated.
//!
//! The store knows each account first: its tokens, and the attempt that is under way (`journal`).
//! Memory is a copy that callers read without a lock (`accounts`). One flight per account asks
//! Infor (`flight`, `exchange`), within Infor's limits (`budget`) and leaving servers alone that
//! are in trouble (`servers`).

mod access_token;
mod account;
mod accounts;
mod apart;
mod authorization;
mod backoff;
mod budget;
mod diagnosis;
mod early;
mod exchange;
mod explanation;
mod flight;
mod health;
mod jitter;
mod journal;
mod records;
mod revocation;
mod schedule;
mod seat;
mod servers;
mod standing;
mod start;
mod sweep;
mod verify;
mod watch;
mod windows;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use access_token::AccessToken;
pub use authorization::{
    Authorizations, CompleteAuthorizationError, InvalidRedirect, REDIRECT_BYTES_MAX,
    StartAuthorizationError, StartedAuthorization, Unfit,
};
pub use budget::{BudgetExhausted, BudgetLimit, BudgetShare, BudgetUsage};
pub use diagnosis::{Attempt, Diagnosis, Finding, Severity, Verdict};
pub use explanation::Explanation;
pub use flight::FlightError;
pub use health::HealthReport;
pub use jitter::Jitter;
pub use records::{ReadRecordError, SealRecordError};
pub use revocation::{Revocation, RevokeError};
pub use servers::{NotNow, RefreshRotation, ServerSettings, Why};
pub use standing::{Failing, Standing};
pub use verify::{TestError, Tested, Verification, VerifiedUpload, VerifyUploadError};
pub use watch::{News, TooManyWatchers, Watch};

use crate::ion::HostRules;
use crate::model::{AccountId, BudgetLimits, Credential, State, Version};
use crate::ports::{Clock, StoreError, TokenEndpoint};
use crate::vault::Vault;

use access_token::Fitness;
use accounts::Accounts;
use budget::Budgets;
use revocation::{Pending, REVOKING_MAX};
use schedule::Schedule;
use seat::Seat;
use servers::Servers;
use watch::Watchers;

/// Issues access tokens. Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct TokenIssuer(Arc<Inner>);

struct Inner {
    vault: Vault,
    hosts: Arc<HostRules>,
    endpoint: Arc<dyn TokenEndpoint>,
    clock: Arc<dyn Clock>,
    jitter: Arc<Jitter>,
    accounts: Accounts,
    budgets: Budgets,
    servers: Servers,
    /// The same servers as revocation endpoints: whether one takes tokens back says nothing about
    /// whether it grants them.
    revocation_servers: Servers,
    watchers: Arc<Watchers>,
    /// Which account's token is to be renewed ahead of time. Each has one place at most (see
    /// `Slot::take_schedule`).
    schedule: Schedule<AccountId>,
    /// What Infor is to be told.
    revocations: Schedule<Pending>,
    revoking: Semaphore,
    turns: verify::Turns,
    flights: TaskTracker,
}

/// What the operator can set.
#[derive(Clone, Debug, Default)]
pub struct TokenSettings {
    /// Infor's limits.
    pub limits: BudgetLimits,
    /// What is known of authorization servers.
    pub servers: ServerSettings,
}

/// What a caller wants of a token.
#[derive(Clone, Copy, Debug, Default)]
pub struct IssueQuery<'a> {
    /// How long it must live at least; `None` asks for the vault's own margin.
    pub min_remaining: Option<Duration>,
    /// The id of a token that the caller saw refused.
    pub rejected: Option<&'a str>,
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
    Flight {
        /// Why, when Infor was asked last.
        #[source]
        error: Arc<FlightError>,
        /// How long Infor is not asked again, if that is known.
        retry_after: Option<Duration>,
    },
    /// The token is of another tenant: a defect of this program. Nothing is given out.
    #[error("the token is of another tenant")]
    OtherTenant,
}

/// Why there is no issuer.
#[derive(Debug, thiserror::Error)]
pub enum OpenIssuerError {
    /// The store failed.
    #[error("the accounts could not be read")]
    Store(#[source] StoreError),
    /// More accounts than the limits of this version allow.
    #[error(
        "the store holds more than 131,072 accounts: it was written by another version of ionvault"
    )]
    TooMany,
}

impl TokenIssuer {
    /// Wires the issuer and loads what is known of accounts, then has interrupted attempts made
    /// again in the background.
    ///
    /// # Errors
    ///
    /// As [`OpenIssuerError`] says; nothing was changed.
    pub async fn open(
        vault: Vault,
        hosts: Arc<HostRules>,
        endpoint: Arc<dyn TokenEndpoint>,
        clock: Arc<dyn Clock>,
        settings: TokenSettings,
        jitter: Jitter,
    ) -> Result<Self, OpenIssuerError> {
        let TokenSettings { limits, servers } = settings;
        let jitter = Arc::new(jitter);
        let budgets = Budgets::new(vault.clone(), limits, Arc::clone(&clock));
        let revocation_servers = Servers::new(servers.clone(), Arc::clone(&jitter));
        let servers = Servers::new(servers, Arc::clone(&jitter));
        let inner = Arc::new(Inner {
            vault,
            hosts,
            endpoint,
            clock,
            jitter,
            accounts: Accounts::new(),
            budgets,
            servers,
            revocation_servers,
            watchers: Arc::default(),
            schedule: Schedule::new(),
            revocations: Schedule::new(),
            revoking: Semaphore::new(REVOKING_MAX),
            turns: verify::Turns::new(),
            flights: TaskTracker::new(),
        });
        for interrupted in inner.load().await? {
            inner.recover(interrupted);
        }
        inner.load_revocations().await?;
        Ok(Self(inner))
    }

    /// Does what has to be done unasked, until `drain` is cancelled: renews tokens that are in use
    /// before they end, and gives back to Infor what was revoked.
    pub async fn run(&self, drain: CancellationToken) {
        tokio::join!(self.0.renew_in_time(&drain), self.0.revoke_in_time(&drain));
    }

    /// A token that lives as long as the query asks, at least.
    ///
    /// A hit costs neither a lock nor a system call. Callers who miss together share one flight.
    ///
    /// # Errors
    ///
    /// As [`IssueError`] says.
    pub async fn issue(
        &self,
        credential: &Arc<Credential>,
        query: IssueQuery<'_>,
    ) -> Result<Issued, IssueError> {
        if credential.state != State::Active {
            return Err(IssueError::Deleted);
        }
        let version = credential.active().ok_or(IssueError::NoActiveVersion)?;
        let slot = self.0.accounts.slot(&version.account);
        let slot = slot.map_err(|_full| failed(FlightError::TooManyAccounts))?;
        // Before the token: one that comes for this call was not asked for since it came.
        slot.mark_used();
        let seat = Seat { inner: &self.0, slot: &slot, credential, version };
        let token = match slot.token() {
            None => seat.need(query).await?,
            Some(token) if query.rejected.is_some_and(|rejected| rejected == token.id) => {
                seat.replace(token, query).await?
            }
            Some(token) => match token.fitness(query.min_remaining, &self.0.now())? {
                Fitness::Good => token,
                Fitness::Ageing => {
                    self.0.renew_early(&slot, credential, version);
                    token
                }
                Fitness::Unfit => seat.need(query).await?,
            },
        };
        if token.tenant_uid != credential.tenant_uid {
            return Err(IssueError::OtherTenant);
        }
        Ok(Issued { token, version: Arc::clone(version) })
    }

    /// How the account behind a version stands. An account that was never asked for is `default`.
    #[must_use]
    pub fn standing(&self, version: &Version) -> Arc<Standing> {
        self.0.accounts.find(&version.account).map(|slot| slot.standing()).unwrap_or_default()
    }

    /// The token that is kept for a version, if it lives.
    #[must_use]
    pub fn kept(&self, version: &Version) -> Option<Arc<AccessToken>> {
        let token = self.0.accounts.find(&version.account)?.token()?;
        token.lives(&self.0.now()).then_some(token)
    }

    /// Waits until no flight is under way. Call it after the last request was answered.
    pub async fn drain(&self) {
        self.0.flights.close();
        self.0.flights.wait().await;
    }
}

fn failed(error: FlightError) -> IssueError {
    IssueError::Flight { error: Arc::new(error), retry_after: None }
}

/// The same moment on both clocks. A suspended machine stops the first, NTP moves the second.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    monotonic: Instant,
    wall: SystemTime,
}

impl Inner {
    fn now(&self) -> Now {
        Now { monotonic: Instant::now(), wall: self.clock.now() }
    }
}
