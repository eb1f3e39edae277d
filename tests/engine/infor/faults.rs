//! What goes wrong at Infor and on the way to it.

use std::time::Duration;

use ionvault::ports::{ExchangeError, OauthError};

use super::super::fleet::{Fleet, Kind};
use super::super::randomness::Rng;
use super::EXCHANGE_TIME_MAX;

/// What can happen to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// It does not arrive, and the vault learns that.
    Unreachable,
    /// The connection ends before it has an effect.
    LostRequest,
    /// The connection ends after it had its effect.
    LostAnswer,
    /// Status 5xx, without an effect, with or without `Retry-After` in seconds.
    ServerError(Option<u64>),
    /// A page instead of an answer, after the effect.
    Garbage,
    /// Status 429, with or without `Retry-After` in seconds.
    Throttled(Option<u64>),
    /// An answer after up to 9 s.
    Slow,
    /// No answer within the port's limit; the request has its effect all the same.
    Hang,
}

/// A time in which a server has a fault.
pub(crate) struct Spell {
    pub(crate) server: usize,
    pub(crate) fault: Fault,
    /// So many requests of a thousand meet it.
    pub(crate) per_mille: u64,
    pub(crate) until: Duration,
}

/// A time in which an administrator at Infor has something switched off.
pub(crate) struct Switch {
    pub(crate) login: usize,
    /// `InvalidClient` and `UnauthorizedClient`: its whole app; else its service account.
    pub(crate) error: OauthError,
    pub(crate) until: Duration,
}

pub(crate) struct Faults {
    /// By server, by app, by log-in.
    spells: Vec<Option<Spell>>,
    apps: Vec<Option<(OauthError, Duration)>>,
    accounts: Vec<Option<(OauthError, Duration)>>,
}

/// What happens to one request, and how long the ways take.
pub(crate) struct Fate {
    pub(crate) fault: Option<Fault>,
    pub(crate) there: Duration,
    pub(crate) back: Duration,
}

impl Faults {
    pub(crate) fn new(fleet: &Fleet) -> Self {
        Self {
            spells: fleet.servers.iter().map(|_| None).collect(),
            apps: vec![None; fleet.clients.len()],
            accounts: vec![None; fleet.logins.len()],
        }
    }

    pub(crate) fn begin(&mut self, spell: Spell) {
        let server = spell.server;
        self.spells[server] = Some(spell);
    }

    pub(crate) fn switch_off(&mut self, fleet: &Fleet, switch: &Switch) {
        let off = Some((switch.error, switch.until));
        if matches!(switch.error, OauthError::InvalidClient | OauthError::UnauthorizedClient) {
            self.apps[fleet.logins[switch.login].client] = off;
        } else {
            self.accounts[switch.login] = off;
        }
    }

    /// What happens to a request at this time.
    pub(crate) fn fate(&self, rng: &mut Rng, server: usize, now: Duration) -> Fate {
        let spell = self.spells[server].as_ref().filter(|spell| now < spell.until);
        let fault = spell.filter(|spell| rng.chance(spell.per_mille)).map(|spell| spell.fault);
        let quick = rng.between(Duration::from_millis(10), Duration::from_millis(400));
        let (there, back) = match fault {
            Some(Fault::Slow) => {
                let all = rng.between(Duration::from_secs(1), Duration::from_secs(9));
                (all / 4, all - all / 4)
            }
            Some(Fault::Hang) => (quick, EXCHANGE_TIME_MAX - quick),
            _ => (quick, quick),
        };
        Fate { fault, there, back }
    }

    /// Why Infor says no to a log-in at this time, whatever it brings.
    pub(crate) fn refusal(&self, fleet: &Fleet, login: usize, now: Duration) -> Option<OauthError> {
        let off = |switch: &Option<(OauthError, Duration)>| {
            switch.filter(|(_, until)| now < *until).map(|(error, _)| error)
        };
        let known = &fleet.logins[login];
        if !known.knows_client_secret {
            return Some(OauthError::InvalidClient);
        }
        off(&self.apps[known.client])
            .or_else(|| (!known.knows_secret_key).then_some(OauthError::InvalidGrant))
            .or_else(|| {
                off(&self.accounts[login]).filter(|_| known.kind != Kind::ClientCredentials)
            })
    }
}

impl Fate {
    pub(crate) const fn has_effect(&self) -> bool {
        match self.fault {
            None | Some(Fault::LostAnswer | Fault::Garbage | Fault::Slow | Fault::Hang) => true,
            Some(
                Fault::Unreachable
                | Fault::LostRequest
                | Fault::ServerError(_)
                | Fault::Throttled(_),
            ) => false,
        }
    }

    /// What the vault learns instead of the answer.
    pub(crate) fn error(&self) -> Option<ExchangeError> {
        let unavailable = |what, retry_after: Option<u64>| ExchangeError::Unavailable {
            what,
            retry_after: retry_after.map(Duration::from_secs),
        };
        match self.fault? {
            Fault::Slow => None,
            Fault::Unreachable => Some(ExchangeError::Unreachable("the simulated network")),
            Fault::LostRequest | Fault::LostAnswer => {
                Some(unavailable("the connection ended", None))
            }
            Fault::ServerError(retry_after) => Some(unavailable("status 5xx", retry_after)),
            Fault::Garbage => Some(ExchangeError::Misbehaved("a page")),
            Fault::Throttled(after) => {
                Some(ExchangeError::Throttled { retry_after: after.map(Duration::from_secs) })
            }
            Fault::Hang => Some(unavailable("no answer in time", None)),
        }
    }
}
