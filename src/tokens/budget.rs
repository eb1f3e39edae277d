//! Infor's limits, counted across the whole vault and never passed.
//!
//! Each attempt to get a token is charged, durably, before Infor is asked; whatever comes of it, the
//! charge stays. There are two sorts of buckets: one for each client of an authorization server,
//! which every attempt is charged to, and one for each Infor tenant, which log-ins are charged to
//! besides. A bucket is one sealed record, and a copy in memory while it is in use.
//!
//! Two locks, two jobs. The map's lock is held only to find a bucket, never across an `.await`. A
//! bucket's turn is held from the check until the charge is known to be in the store, so that two
//! attempts never share the last place; always a client's before a tenant's, so that no two wait
//! for each other.

mod bucket;
mod charges;
mod damage;
mod forget;
mod limit;
mod record;
mod reservation;
mod time;

use std::sync::Arc;

use tokio::time::Instant;

use crate::model::BudgetLimits;
use crate::ports::{Clock, Revision, StoreError, Stored};
use crate::sealing::{RecordKind, SealError, StoreKey};
use crate::vault::{ReadError, Vault};

pub use limit::{BudgetExhausted, BudgetLimit, BudgetShare};
pub(super) use reservation::{Reservation, TooLate};

use bucket::{Bucket, Buckets, Known};
use charges::Charges;
use reservation::Held;
use time::BudgetTime;

/// Counts what is asked of Infor.
pub(super) struct Budgets {
    vault: Vault,
    limits: BudgetLimits,
    time: BudgetTime,
    buckets: Buckets,
}

/// One token request that is about to be made.
pub(super) struct Attempt<'a> {
    /// The authorization server: `pu`, normalised.
    pub(super) server: &'a str,
    /// `ci`
    pub(super) client_id: &'a str,
    /// `ti`
    pub(super) infor_tenant: &'a str,
    /// Whether it is a log-in: made with another grant than a refresh token.
    pub(super) login: bool,
    /// Whether the account got a token before. One that never did may belong to nobody: it has a
    /// small share only, so an invented file cannot use up another customer's day.
    pub(super) proven: bool,
    /// Whether it renews ahead of time: then it leaves the last fifth to those who have no token.
    pub(super) early: bool,
}

/// What was used of the limits in the last 24 hours.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BudgetUsage {
    /// Token requests of this client.
    pub tokens_used: u32,
    /// How many are allowed.
    pub tokens_limit: u32,
    /// Log-ins in this Infor tenant.
    pub logins_used: u32,
    /// How many are allowed.
    pub logins_limit: u32,
}

/// Why an attempt may not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReserveError {
    /// It would pass a limit.
    #[error(transparent)]
    Exhausted(#[from] BudgetExhausted),
    /// What was used is not known: the store did not answer.
    #[error("what was used of the token budget could not be read")]
    Store(#[from] StoreError),
    /// The charge could not be sealed.
    #[error("the charge could not be sealed")]
    Seal(#[from] SealError),
}

/// What the store holds of a bucket.
enum Found {
    Known(Known),
    /// A record that does not open.
    Damaged {
        revision: Revision,
        error: ReadError,
    },
}

/// Which bucket, in words.
#[derive(Clone, Copy)]
struct Whose<'a> {
    server: &'a str,
    /// The client or the Infor tenant.
    name: &'a str,
}

impl Budgets {
    /// Nothing is read before it is needed.
    pub(super) fn new(vault: Vault, limits: BudgetLimits, clock: Arc<dyn Clock>) -> Self {
        Self { vault, limits, time: BudgetTime::new(clock), buckets: Buckets::default() }
    }

    /// A place within the limits, to be committed together with what announces the attempt. Waits
    /// for other attempts of the same client or tenant that are being committed. Nothing is charged
    /// yet.
    ///
    /// # Errors
    ///
    /// As [`ReserveError`] says. Of several limits that would be passed, the one that stays so
    /// longest is told. A record that does not open counts as a limit that was reached just now.
    pub(super) async fn reserve(&self, attempt: &Attempt<'_>) -> Result<Reservation, ReserveError> {
        let Attempt { server, client_id, infor_tenant, login, .. } = *attempt;
        let (client, tenant) =
            (Whose { server, name: client_id }, Whose { server, name: infor_tenant });
        let mut held = vec![self.hold(self.client_key(client), client).await?];
        let mut limits: Vec<&[BudgetLimit]> = vec![&BudgetLimit::OF_CLIENT];
        if login {
            held.push(self.hold(self.tenant_key(tenant), tenant).await?);
            limits.push(&BudgetLimit::OF_TENANT);
        }
        let (since, now) = (Instant::now(), self.time.now());
        let of_each = || held.iter().zip(&limits);
        let refusals = of_each().flat_map(|(held, limits)| {
            limits
                .iter()
                .filter_map(|limit| limit.refusal(&self.limits, &held.known.charges, attempt, now))
        });
        if let Some(exhausted) = refusals.max_by_key(|refusal| refusal.retry_after) {
            exhausted.count();
            return Err(exhausted.into());
        }
        let charged = held.into_iter().zip(limits).map(|(held, limits)| {
            held.charge(self.vault.keyring(), &self.limits, limits, attempt, &self.time)
        });
        Ok(Reservation::new(since, charged.collect::<Result<_, _>>()?))
    }

    /// What was used; more than any limit where the record does not open. Does not wait for attempts
    /// that are being committed.
    ///
    /// # Errors
    ///
    /// If the store did not answer.
    pub(super) async fn usage(
        &self,
        server: &str,
        client_id: &str,
        infor_tenant: &str,
    ) -> Result<BudgetUsage, StoreError> {
        let (client, tenant) =
            (Whose { server, name: client_id }, Whose { server, name: infor_tenant });
        let (tokens, logins) =
            (BudgetLimit::TokensPerClientAndDay, BudgetLimit::LoginsPerTenantAndDay);
        Ok(BudgetUsage {
            tokens_used: self.used(tokens, self.client_key(client)).await?,
            tokens_limit: tokens.max(&self.limits),
            logins_used: self.used(logins, self.tenant_key(tenant)).await?,
            logins_limit: logins.max(&self.limits),
        })
    }

    async fn used(&self, limit: BudgetLimit, key: StoreKey) -> Result<u32, StoreError> {
        let now = self.time.now();
        let used = |charges: &Charges| charges.used(now, limit.window());
        if let Some(known) = self.buckets.known(&key) {
            return Ok(used(&known.charges));
        }
        Ok(match self.read(&key).await? {
            Found::Known(known) => used(&known.charges),
            // The first attempt that needs it raises the alert, and mends it.
            Found::Damaged { .. } => used(&Charges::full(now)),
        })
    }

    async fn hold(&self, key: StoreKey, whose: Whose<'_>) -> Result<Held, ReserveError> {
        let bucket = self.buckets.bucket(key, self.time.now());
        let turn = Arc::clone(&bucket.turn).lock_owned().await;
        let known = match bucket.known.load_full() {
            Some(known) => known,
            None => {
                let known = Arc::new(self.learn(&bucket.key, whose).await?);
                bucket.known.store(Some(Arc::clone(&known)));
                known
            }
        };
        Ok(Held { bucket, known, turn })
    }

    async fn read(&self, key: &StoreKey) -> Result<Found, StoreError> {
        let Some(Stored { record, revision }) = self.vault.store().get(key).await? else {
            return Ok(Found::Known(Known::default()));
        };
        Ok(match record::open(self.vault.keyring(), key, &record) {
            Ok(told) => Found::Known(Known {
                charges: told.charges(&self.time),
                revision: Some(revision),
                warned: Vec::new(),
            }),
            Err(error) => Found::Damaged { revision, error },
        })
    }

    fn client_key(&self, client: Whose<'_>) -> StoreKey {
        self.key(b"client", client)
    }

    fn tenant_key(&self, tenant: Whose<'_>) -> StoreKey {
        self.key(b"tenant", tenant)
    }

    fn key(&self, sort: &[u8], Whose { server, name }: Whose<'_>) -> StoreKey {
        let names = [sort, server.as_bytes(), name.as_bytes()];
        self.vault.keyring().blind(RecordKind::Budget, &names)
    }
}

#[cfg(test)]
mod tests;
