//! Refusals that repeat: somebody who is refused again and again must not be able to fill the disk.
//!
//! The first refusals of a caller in a minute are recorded like any other call. Further ones are
//! counted here, and become one record for each caller, method and reason when the minute is over.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ports::Clock;

use super::{AuditLog, AuditUnavailable, Event, Repeats};

/// The refusals of the minute that is passing.
#[derive(Clone)]
pub struct Refusals {
    minute: Arc<Mutex<Minute>>,
    clock: Arc<dyn Clock>,
}

/// What was refused, as far as refusals are told apart when they are counted. The empty one stands
/// for all that are not.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Refusal {
    /// Whom; empty if nobody knows.
    pub caller: String,
    /// Where it came in.
    pub listener: &'static str,
    /// The RPC.
    pub method: &'static str,
    /// The code of the answer.
    pub outcome: &'static str,
    /// The reason in it.
    pub reason: String,
}

#[derive(Default)]
struct Minute {
    /// How many refusals of each caller were recorded by themselves.
    alone: HashMap<(String, &'static str), u32>,
    tallies: HashMap<Refusal, Repeats>,
}

impl Refusals {
    /// No refusals yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { minute: Arc::default(), clock }
    }

    /// Whether this refusal is to be recorded by itself. If not, it has been counted.
    #[must_use]
    pub fn stands_alone(&self, refusal: &Refusal) -> bool {
        let mut minute = self.minute();
        if minute.stands_alone(refusal) {
            return true;
        }
        minute.count(refusal, self.once());
        false
    }

    /// Counts a refusal that is not worth a record of its own.
    pub fn count(&self, refusal: &Refusal) {
        self.minute().count(refusal, self.once());
    }

    /// Ends the minute: what was counted is recorded, and everybody begins anew. What cannot be
    /// recorded is kept for the end of the next minute.
    ///
    /// # Errors
    ///
    /// [`AuditUnavailable`], if not all of it could be recorded.
    pub fn record(&self, log: &AuditLog) -> Result<(), AuditUnavailable> {
        let Minute { alone: _, tallies } = std::mem::take(&mut *self.minute());
        let mut outcome = Ok(());
        for (refusal, repeats) in tallies {
            if outcome.is_ok() {
                outcome = log.admit().and_then(|permit| {
                    permit.record(&refusal.event(repeats))?;
                    Ok(())
                });
            }
            if outcome.is_err() {
                self.minute().count(&refusal, repeats);
            }
        }
        outcome
    }

    fn once(&self) -> Repeats {
        let now = self.clock.now();
        Repeats { count: NonZeroU64::MIN, first: now, last: now }
    }

    fn minute(&self) -> MutexGuard<'_, Minute> {
        self.minute.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Minute {
    fn stands_alone(&mut self, refusal: &Refusal) -> bool {
        let room = self.alone.len() < CALLERS_MAX;
        let caller = (refusal.caller.clone(), refusal.listener);
        let recorded = match self.alone.entry(caller) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) if room => entry.insert(0),
            std::collections::hash_map::Entry::Vacant(_) => return false,
        };
        let alone = *recorded < ALONE_MAX;
        *recorded += u32::from(alone);
        alone
    }

    fn count(&mut self, refusal: &Refusal, repeats: Repeats) {
        if let Some(tally) = self.tallies.get_mut(refusal) {
            add(tally, repeats);
        } else if self.tallies.len() < TALLIES_MAX {
            self.tallies.insert(refusal.clone(), repeats);
        } else {
            let rest = self.tallies.entry(Refusal::default());
            rest.and_modify(|tally| add(tally, repeats)).or_insert(repeats);
        }
    }
}

fn add(tally: &mut Repeats, more: Repeats) {
    tally.count = tally.count.saturating_add(more.count.get());
    tally.first = tally.first.min(more.first);
    tally.last = tally.last.max(more.last);
}

impl Refusal {
    fn event(&self, repeats: Repeats) -> Event<'_> {
        let Self { caller, listener, method, outcome, reason } = self;
        Event {
            caller: caller.into(),
            listener: (*listener).into(),
            method: (*method).into(),
            outcome: if outcome.is_empty() { SEVERAL } else { outcome }.into(),
            reason: reason.into(),
            repeats: Some(repeats),
            ..Event::default()
        }
    }
}

/// The outcome of refusals that are counted together because there are too many kinds of them.
const SEVERAL: &str = "SEVERAL";

/// Enough to see what somebody tries; a service that is misconfigured makes thousands in a minute.
const ALONE_MAX: u32 = 20;

/// Callers that are told apart in one minute: more than any mesh has. The refusals of further ones
/// are all counted.
const CALLERS_MAX: usize = 1_000;

/// What is told apart in one minute; with names of usual length half a megabyte of memory, and a
/// megabyte of log.
const TALLIES_MAX: usize = 4_000;
