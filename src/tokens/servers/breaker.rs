//! The circuit breaker of one authorization server.
//!
//! Closed, until so many requests in a row failed; then open, and nobody asks; then half-open: one
//! request goes out as a probe, and what it comes to closes the breaker or opens it for longer.

use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::Instant;

use crate::ports::ExchangeError;
use crate::tokens::backoff::doubled;
use crate::tokens::jitter::Jitter;

/// What a request told about the server's health.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::tokens) enum Health {
    /// It is there and does its work, also if it said no.
    Answered,
    /// It is not there or does not do its work.
    Failed,
    /// Nothing: the request was not made, or the server only wanted fewer of them.
    Neutral,
}

/// What the outcome of an exchange says about the server; `None`: a token came.
pub(in crate::tokens) fn health_of(failure: Option<&ExchangeError>) -> Health {
    match failure {
        None | Some(ExchangeError::Refused(_) | ExchangeError::NoEndpoint) => Health::Answered,
        Some(
            ExchangeError::Unreachable(_)
            | ExchangeError::Unavailable { .. }
            | ExchangeError::Misbehaved(_),
        ) => Health::Failed,
        Some(ExchangeError::Throttled { .. } | ExchangeError::AddressNotAllowed(_)) => {
            Health::Neutral
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// Grows whenever the breaker opens or closes: what a request before that says is out of date.
    turn: u64,
}

#[derive(Debug)]
enum State {
    /// Requests go out.
    Closed {
        /// In a row.
        failures: u32,
    },
    /// Nobody asks until then.
    Open { until: Instant, times: u32, mark: OpenMark },
    /// One probe is on its way.
    HalfOpen { times: u32, mark: OpenMark },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// The right to ask; goes back with [`Breaker::report`], or nobody could probe any more.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Ticket {
    turn: u64,
}

impl Breaker {
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// How long nobody may ask yet; `None` if somebody may.
    pub(super) fn closed_for(&self, now: Instant) -> Option<Duration> {
        match &self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } => {
                Some(until.saturating_duration_since(now)).filter(|rest| !rest.is_zero())
            }
            State::HalfOpen { .. } => Some(PROBE_PATIENCE),
        }
    }

    /// The right to ask, or how long to wait for one.
    pub(super) fn enter(&mut self, now: Instant) -> Result<Ticket, Duration> {
        if let Some(rest) = self.closed_for(now) {
            return Err(rest);
        }
        self.state = match std::mem::take(&mut self.state) {
            State::Open { times, mark, .. } => State::HalfOpen { times, mark },
            other @ (State::Closed { .. } | State::HalfOpen { .. }) => other,
        };
        Ok(Ticket { turn: self.turn })
    }

    /// What came of it. `true` if the breaker opened or closed.
    pub(super) fn report(
        &mut self,
        ticket: &Ticket,
        health: Health,
        now: Instant,
        jitter: &Jitter,
    ) -> bool {
        // Asked before the breaker opened or closed: it says nothing about the server of now.
        if ticket.turn != self.turn {
            return false;
        }
        let (state, turned) = match (std::mem::take(&mut self.state), health) {
            (State::Closed { failures }, Health::Failed) if failures + 1 >= FAILURES_MAX => {
                (open(1, OpenMark::new(), now, jitter), true)
            }
            (State::Closed { failures }, Health::Failed) => {
                (State::Closed { failures: failures + 1 }, false)
            }
            (State::Closed { .. }, Health::Answered) => (State::Closed { failures: 0 }, false),
            (State::HalfOpen { .. }, Health::Answered) => (State::Closed { failures: 0 }, true),
            (State::HalfOpen { times, mark }, Health::Failed) => {
                (open(times.saturating_add(1), mark, now, jitter), true)
            }
            // The probe's place is given back: the next who comes is the probe.
            (State::HalfOpen { times, mark }, Health::Neutral) => {
                (State::Open { until: now, times, mark }, false)
            }
            (other @ (State::Closed { .. } | State::Open { .. }), _) => (other, false),
        };
        self.state = state;
        self.turn = self.turn.wrapping_add(u64::from(turned));
        turned
    }
}

fn open(times: u32, mark: OpenMark, now: Instant, jitter: &Jitter) -> State {
    counter!("ionvault_breaker_openings_total").increment(1);
    let at_most = doubled(OPEN_FIRST, times, OPEN_MAX);
    let until = now + jitter.between(at_most - at_most / OPEN_SPREAD_SHARE, at_most);
    State::Open { until, times, mark }
}

/// Counts one breaker that is not closed, for as long as it is there.
#[derive(Debug)]
struct OpenMark(());

impl OpenMark {
    fn new() -> Self {
        gauge!("ionvault_breakers_open").increment(1.0);
        Self(())
    }
}

impl Drop for OpenMark {
    fn drop(&mut self) {
        gauge!("ionvault_breakers_open").decrement(1.0);
    }
}

/// More than a single bad moment, and less than all the attempts of one account's backoff.
const FAILURES_MAX: u32 = 5;

/// Three times the 10 s that a request may take.
const OPEN_FIRST: Duration = Duration::from_secs(30);

/// Within the advisory window of a token of two hours: a server that is back is noticed in it.
const OPEN_MAX: Duration = Duration::from_secs(5 * 60);

/// Up to a quarter sooner, so that the vault's replicas do not probe together.
const OPEN_SPREAD_SHARE: u32 = 4;

/// While a probe is on its way, others ask again after this; it takes 10 s at most.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
