//! A place within the limits, until it is committed.

use std::sync::Arc;

use metrics::counter;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::model::BudgetLimits;
use crate::ports::{Expectation, Revision, Write};
use crate::sealing::{Keyring, SealError};

use super::Attempt;
use super::bucket::{Bucket, Known};
use super::charges::COMMITTED_WITHIN;
use super::limit::BudgetLimit;
use super::record::{self, BudgetRecord};
use super::time::BudgetTime;

/// A bucket whose turn is held, and what the store holds of it.
pub(super) struct Held {
    pub(super) bucket: Arc<Bucket>,
    pub(super) known: Arc<Known>,
    pub(super) turn: OwnedMutexGuard<()>,
}

/// The right to one attempt, as soon as its [`writes`](Self::writes) are in the store, if they are
/// there in time.
///
/// Dropped without [`committed`](Self::committed), it is not known whether they are: then the
/// buckets are read again before their next use.
#[must_use]
pub(in crate::tokens) struct Reservation {
    /// The charge is no younger than this.
    since: Instant,
    charged: Vec<Charged>,
}

/// The charge was in the store too late: it may stop to count before a request that is made now
/// stops to count at Infor. None may be made.
#[derive(Debug)]
#[must_use]
pub(in crate::tokens) struct TooLate;

/// A bucket with the attempt charged to it.
pub(super) struct Charged {
    bucket: Arc<Bucket>,
    next: Known,
    expectation: Expectation,
    write: Write,
    warnings: Vec<Warning>,
    is_committed: bool,
    /// Last, so that it is given back after what `Drop` does.
    _turn: OwnedMutexGuard<()>,
}

/// What the operator is told once the attempt is charged.
struct Warning {
    limit: BudgetLimit,
    used: u32,
    max: u32,
    server: String,
    /// The client or the Infor tenant.
    whose: String,
}

impl Reservation {
    pub(super) fn new(since: Instant, charged: Vec<Charged>) -> Self {
        Self { since, charged }
    }

    /// What must be so for the writes to be right.
    pub(in crate::tokens) fn expects(&self) -> Vec<Expectation> {
        self.charged.iter().map(|charged| charged.expectation.clone()).collect()
    }

    /// The charges; at most two.
    pub(in crate::tokens) fn writes(&self) -> Vec<Write> {
        self.charged.iter().map(|charged| charged.write.clone()).collect()
    }

    /// The writes are in the store since `revision`. Infor is to be asked at once.
    ///
    /// # Errors
    ///
    /// [`TooLate`] if that took longer than [`COMMITTED_WITHIN`]. The charge stays.
    pub(in crate::tokens) fn committed(self, revision: Revision) -> Result<(), TooLate> {
        for mut charged in self.charged {
            let next = std::mem::take(&mut charged.next);
            let next = Known { revision: Some(revision), ..next };
            charged.bucket.known.store(Some(Arc::new(next)));
            charged.is_committed = true;
            charged.warnings.iter().for_each(Warning::tell);
        }
        if self.since.elapsed() > COMMITTED_WITHIN { Err(TooLate) } else { Ok(()) }
    }
}

impl Held {
    /// Charges an attempt that `limits` allow.
    pub(super) fn charge(
        self,
        keyring: &Keyring,
        budget: &BudgetLimits,
        limits: &[BudgetLimit],
        attempt: &Attempt<'_>,
        time: &BudgetTime,
    ) -> Result<Charged, SealError> {
        let Self { bucket, known, turn } = self;
        let mut next = Known::clone(&known);
        next.charges.charge(time.now(), attempt.proven);
        let sealed = record::seal(keyring, &bucket.key, &BudgetRecord::new(&next.charges, time))?;
        let expectation = Expectation { key: bucket.key.clone(), revision: known.revision };
        let write = Write::Put(bucket.key.clone(), sealed);
        let mut warnings = Vec::new();
        for &limit in limits {
            let used = next.charges.used(time.now(), limit.window());
            if limit.is_ample(budget, used) {
                next.warned.retain(|warned| *warned != limit);
            }
            if limit.is_scarce(budget, used) && !next.warned.contains(&limit) {
                next.warned.push(limit);
                warnings.push(Warning::new(limit, used, limit.max(budget), attempt));
            }
        }
        let is_committed = false;
        Ok(Charged { bucket, next, expectation, write, warnings, is_committed, _turn: turn })
    }
}

impl Drop for Charged {
    fn drop(&mut self) {
        if !self.is_committed {
            self.bucket.known.store(None);
        }
    }
}

impl Warning {
    fn new(limit: BudgetLimit, used: u32, max: u32, attempt: &Attempt<'_>) -> Self {
        let whose = match limit {
            BudgetLimit::TokensPerClientAndDay => attempt.client_id,
            BudgetLimit::LoginsPerTenantAndDay | BudgetLimit::LoginsPerTenantAndMinute => {
                attempt.infor_tenant
            }
        };
        Self { limit, used, max, server: attempt.server.to_owned(), whose: whose.to_owned() }
    }

    fn tell(&self) {
        let Self { limit, used, max, server, whose } = self;
        let limit = limit.name();
        counter!("ionvault_budget_warnings_total", "limit" => limit).increment(1);
        tracing::warn!(limit, used, max, server, whose, "a token budget is nearly used up");
    }
}
