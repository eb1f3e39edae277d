//! How an account stands: what people are shown, and whether Infor may be asked.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Now;
use super::account::{AccountState, Failure};
use super::flight::FlightError;
use crate::model::Grant;

/// How an account stands. Holds no secret.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// When Infor last granted a token; `None`: never.
    pub last_success: Option<SystemTime>,
    /// Whether there is a refresh token.
    pub has_refresh_token: bool,
    /// What is wrong, if anything is.
    pub failing: Option<Failing>,
}

/// What is wrong with an account.
#[derive(Clone, Debug)]
pub struct Failing {
    /// What Infor said last.
    pub error: Arc<FlightError>,
    /// Whether Infor said no for good.
    pub definite: bool,
    /// How often it failed in a row.
    pub count: u32,
    /// When that began.
    pub since: SystemTime,
    /// Until when Infor is not asked.
    pub(super) until: Instant,
}

impl Standing {
    /// How the account stands by its record.
    pub(super) fn of(
        state: &AccountState,
        has_refresh_token: bool,
        grant: Grant,
        now: &Now,
    ) -> Self {
        let failing = state.failure.as_ref().map(|failure| Failing::of(failure, grant, now));
        Self { last_success: state.last_success, has_refresh_token, failing }
    }

    /// Why Infor is not asked now, and how long it is not.
    pub(super) fn held(&self, now: &Now) -> Option<(Arc<FlightError>, Duration)> {
        let failing = self.failing.as_ref()?;
        let left = failing.until.saturating_duration_since(now.monotonic);
        (!left.is_zero()).then(|| (Arc::clone(&failing.error), left))
    }

    /// The same account, whose tokens were taken.
    pub(super) fn without_tokens(&self) -> Self {
        Self { has_refresh_token: false, ..self.clone() }
    }
}

impl Failing {
    fn of(failure: &Failure, grant: Grant, now: &Now) -> Self {
        let Failure { cause, count, since, retry_time } = failure;
        // The wall clock may have been put back meanwhile; nobody waits longer than for the
        // slowest probe.
        let left = retry_time.duration_since(now.wall).unwrap_or_default().min(HOLD_MAX);
        Self {
            error: Arc::new(cause.error(grant, Some(left))),
            definite: cause.is_definite(),
            count: *count,
            since: *since,
            until: now.monotonic + left,
        }
    }
}

/// The slowest probe of an account that Infor refused: see `backoff.rs`.
const HOLD_MAX: Duration = Duration::from_secs(24 * 60 * 60);
