//! Limits like Infor's: how many tokens a client gets, and how often accounts may log in.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use super::answer::Refusal;
use super::app::{App, ServerKind};

/// How much there is, over rolling windows; `None` is without end.
///
/// Infor publishes the numbers ([`Limits::INFOR`]) but not how a refusal looks. Here it is status
/// 429 with the body of an OAuth error whose code no standard knows, and without `Retry-After`: a
/// client that copes with that relies on nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Access tokens that are given to one client in 24 hours.
    pub tokens_per_day: Option<u32>,
    /// Log-ins (every grant but the refresh grant) of one tenant in 24 hours, good or bad.
    pub log_ins_per_day: Option<u32>,
    /// Log-ins of one tenant in a minute, good or bad.
    pub log_ins_per_minute: Option<u32>,
}

impl Limits {
    /// No limit at all.
    pub const NONE: Self =
        Self { tokens_per_day: None, log_ins_per_day: None, log_ins_per_minute: None };

    /// Those of Infor OS Essentials.
    pub const INFOR: Self = Self {
        tokens_per_day: Some(100),
        log_ins_per_day: Some(1_000),
        log_ins_per_minute: Some(20),
    };
}

/// What was used of the limits.
///
/// Bounded: a row holds as many times as its limit allows, and there is one for each app and tenant
/// that was registered.
pub(super) struct Usage {
    limits: Limits,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    tokens: HashMap<String, Times>,
    log_ins: HashMap<Tenant, (Times, Times)>,
}

/// A tenant is one at its server.
type Tenant = (ServerKind, String);

/// When something was used, oldest first.
#[derive(Default)]
struct Times(VecDeque<Instant>);

impl Usage {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, used: Mutex::default() }
    }

    /// Counts a log-in to the app's tenant, unless there were enough.
    pub(super) fn log_in(&self, app: &App) -> Result<(), Refusal> {
        let Limits { tokens_per_day: _, log_ins_per_day, log_ins_per_minute } = self.limits;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let (day, minute) = used.log_ins.entry((app.server, app.tenant.clone())).or_default();
        let now = Instant::now();
        if !day.free(log_ins_per_day, now, DAY) {
            return Err(exhausted("the tenant's log-ins of a day are used up"));
        }
        if !minute.free(log_ins_per_minute, now, MINUTE) {
            return Err(exhausted("the tenant's log-ins of a minute are used up"));
        }
        day.use_one(log_ins_per_day, now);
        minute.use_one(log_ins_per_minute, now);
        Ok(())
    }

    /// Counts a token that is given to the app's client, unless it had enough.
    pub(super) fn take_token(&self, app: &App) -> Result<(), Refusal> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = used.tokens.entry(app.client_id.clone()).or_default();
        let now = Instant::now();
        if !tokens.free(self.limits.tokens_per_day, now, DAY) {
            return Err(exhausted("the client's tokens of a day are used up"));
        }
        tokens.use_one(self.limits.tokens_per_day, now);
        Ok(())
    }

    /// The token was not given after all.
    pub(super) fn give_token_back(&self, app: &App) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = used.tokens.get_mut(&app.client_id) {
            tokens.0.pop_back();
        }
    }
}

impl Times {
    /// Whether less than `limit` was used in the last `window`.
    fn free(&mut self, limit: Option<u32>, now: Instant, window: Duration) -> bool {
        while self.0.front().is_some_and(|time| now.duration_since(*time) >= window) {
            self.0.pop_front();
        }
        limit.is_none_or(|limit| self.0.len() < limit as usize)
    }

    fn use_one(&mut self, limit: Option<u32>, now: Instant) {
        if limit.is_some() {
            self.0.push_back(now);
        }
    }
}

const fn exhausted(description: &'static str) -> Refusal {
    Refusal { status: StatusCode::TOO_MANY_REQUESTS, code: "limit_exceeded", description }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const MINUTE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn told(outcome: Result<(), Refusal>) -> &'static str {
        outcome.map_or_else(|refusal| refusal.description, |()| "good")
    }

    #[tokio::test(start_paused = true)]
    async fn each_limit_holds_over_its_own_window_and_for_its_own_owner() {
        let limits = Limits { log_ins_per_day: Some(3), ..Limits::INFOR };
        let usage = Usage::new(Limits { log_ins_per_minute: Some(2), ..limits });
        let (app, stranger) = (App::sample("ACME_TST", "A"), App::sample("OTHER_TST", "A"));
        assert_eq!([(); 2].map(|()| told(usage.log_in(&app))), ["good"; 2]);
        assert_eq!(told(usage.log_in(&app)), "the tenant's log-ins of a minute are used up");
        assert_eq!(told(usage.log_in(&stranger)), "good");
        tokio::time::advance(MINUTE).await;
        // One app of the tenant uses up what all of its apps have.
        assert_eq!(told(usage.log_in(&App::sample("ACME_TST", "B"))), "good");
        assert_eq!(told(usage.log_in(&app)), "the tenant's log-ins of a day are used up");
        tokio::time::advance(DAY - MINUTE).await;
        assert_eq!(told(usage.log_in(&app)), "good");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_gets_its_tokens_and_no_more_until_the_first_is_a_day_old() {
        let usage = Usage::new(Limits::INFOR);
        let app = App::sample("ACME_TST", "A");
        for _ in 0..100 {
            assert_eq!(told(usage.take_token(&app)), "good");
        }
        usage.give_token_back(&app);
        assert_eq!(told(usage.take_token(&app)), "good");
        assert_eq!(told(usage.take_token(&app)), "the client's tokens of a day are used up");
        assert_eq!(told(usage.take_token(&App::sample("ACME_TST", "B"))), "good");
        tokio::time::advance(DAY).await;
        assert_eq!(told(usage.take_token(&app)), "good");
    }

    #[test]
    fn without_limits_nothing_is_remembered() {
        let usage = Usage::new(Limits::NONE);
        let app = App::sample("ACME_TST", "A");
        for _ in 0..2_000 {
            assert_eq!((told(usage.log_in(&app)), told(usage.take_token(&app))), ("good", "good"));
        }
        let used = usage.used.lock().unwrap();
        assert!(used.tokens.values().all(|times| times.0.is_empty()));
        assert!(used.log_ins.values().all(|(day, minute)| day.0.is_empty() && minute.0.is_empty()));
    }
}
