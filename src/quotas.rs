//! How often callers may call, and how often a tenant may be asked about.
//!
//! A caller has a quota of its own, so that one that calls as fast as it can is refused and nobody
//! else. A tenant has one that all its callers share, so that one customer's load leaves the
//! services free for the others. Changes, which the disk and Infor feel, have smaller quotas beside
//! those of all calls.
//!
//! The quota of a caller comes before everything else: what a refused call costs is little. Calls
//! that name no caller share one, so that nothing is free. The quota of a tenant is charged only for
//! calls that policy permits. Otherwise strangers could use it up, and learn from its end that
//! somebody is there.

mod clock;
mod limiter;
mod places;
mod settings;

use std::hash::Hash;
use std::time::Duration;

use metrics::counter;

pub use settings::{QuotaSettings, Rate};

use crate::model::{Caller, TenantId};
use limiter::Limiter;

/// Counts calls. Memory is bounded, whoever calls and whatever they name.
pub struct Quotas {
    caller: Pair<Caller>,
    /// By the listener that they came in by.
    unidentified: Limiter<&'static str>,
    tenant: Pair<TenantId>,
}

/// The two rates of one kind of key.
struct Pair<K: Clone + Eq + Hash> {
    calls: Limiter<K>,
    changes: Limiter<K>,
}

/// What a call does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It is answered from what the vault holds, or by a flight that many share.
    Reads,
    /// It writes to the store, or has Infor asked for this caller alone.
    Changes,
}

/// What is counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quota {
    /// All calls of one caller.
    CallerCalls,
    /// Changes by one caller.
    CallerChanges,
    /// All calls on one listener that name no caller, or one that cannot be believed.
    UnidentifiedCalls,
    /// All calls about one tenant that policy permits.
    TenantCalls,
    /// Changes in one tenant that policy permits.
    TenantChanges,
}

impl Quota {
    /// The setting that says its average.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallerCalls | Self::UnidentifiedCalls => "calls_per_second_per_caller",
            Self::CallerChanges => "changes_per_second_per_caller",
            Self::TenantCalls => "calls_per_second_per_tenant",
            Self::TenantChanges => "changes_per_second_per_tenant",
        }
    }

    const fn counts(self) -> &'static str {
        match self {
            Self::CallerCalls => "calls of one caller",
            Self::CallerChanges => "changes by one caller",
            Self::UnidentifiedCalls => "calls without a usable identity, all together,",
            Self::TenantCalls => "calls about one tenant, of all callers together,",
            Self::TenantChanges => "changes in one tenant, by all callers together,",
        }
    }
}

/// The call would pass a quota. The text is told to the caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("too many calls: {} may be {rate}", .quota.counts())]
pub struct QuotaExceeded {
    /// Which one.
    pub quota: Quota,
    /// What it allows.
    pub rate: Rate,
    /// When the next call is allowed, unless others of the same quota come first.
    pub retry_after: Duration,
}

impl Quotas {
    /// Nobody has called yet.
    #[must_use]
    pub fn new(settings: QuotaSettings) -> Self {
        let QuotaSettings { caller_calls, caller_changes, tenant_calls, tenant_changes } = settings;
        Self {
            caller: Pair {
                calls: Limiter::new(caller_calls),
                changes: Limiter::new(caller_changes),
            },
            // They may as often as one caller: who comes in vain takes nothing from who does not.
            unidentified: Limiter::new(caller_calls),
            tenant: Pair {
                calls: Limiter::new(tenant_calls),
                changes: Limiter::new(tenant_changes),
            },
        }
    }

    /// Charges a call to its caller.
    ///
    /// # Errors
    ///
    /// [`QuotaExceeded`], of the calls or of the changes of this caller.
    pub fn charge_caller(&self, caller: &Caller, effect: Effect) -> Result<(), QuotaExceeded> {
        self.caller.charge(caller, effect, [Quota::CallerCalls, Quota::CallerChanges])
    }

    /// Charges a call that names nobody to all such calls on its listener. They change nothing,
    /// whatever they ask for.
    ///
    /// # Errors
    ///
    /// [`QuotaExceeded`].
    pub fn charge_unidentified(&self, listener: &'static str) -> Result<(), QuotaExceeded> {
        charge(&self.unidentified, &listener, Quota::UnidentifiedCalls)
    }

    /// Charges a call that policy permits to the tenant that it is about.
    ///
    /// # Errors
    ///
    /// [`QuotaExceeded`], of the calls or of the changes of this tenant.
    pub fn charge_tenant(&self, tenant: &TenantId, effect: Effect) -> Result<(), QuotaExceeded> {
        self.tenant.charge(tenant, effect, [Quota::TenantCalls, Quota::TenantChanges])
    }
}

impl<K: Clone + Eq + Hash> Pair<K> {
    /// A change is a call, too, also if it is refused as a change.
    fn charge(
        &self,
        key: &K,
        effect: Effect,
        [calls, changes]: [Quota; 2],
    ) -> Result<(), QuotaExceeded> {
        charge(&self.calls, key, calls)?;
        match effect {
            Effect::Reads => Ok(()),
            Effect::Changes => charge(&self.changes, key, changes),
        }
    }
}

fn charge<K: Clone + Eq + Hash>(
    limiter: &Limiter<K>,
    key: &K,
    quota: Quota,
) -> Result<(), QuotaExceeded> {
    limiter.charge(key).map_err(|retry_after| {
        counter!("ionvault_quota_refusals_total", "quota" => quota.name()).increment(1);
        QuotaExceeded { quota, rate: limiter.rate(), retry_after }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas() -> Quotas {
        Quotas::new(QuotaSettings {
            caller_calls: Rate::of(100, 5),
            caller_changes: Rate::of(10, 2),
            tenant_calls: Rate::of(50, 4),
            tenant_changes: Rate::of(5, 1),
        })
    }

    fn caller(uid: u32) -> Caller {
        Caller::LocalUser(uid)
    }

    fn refusals(calls: usize, charge: impl Fn() -> Result<(), QuotaExceeded>) -> usize {
        (0..calls).filter(|_| charge().is_err()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_says_which_quota_and_when_again() {
        let quotas = quotas();
        let change = || quotas.charge_caller(&caller(1), Effect::Changes);
        assert_eq!(refusals(2, change), 0);
        let refused = change().unwrap_err();
        assert_eq!(
            (refused.quota, refused.retry_after),
            (Quota::CallerChanges, Duration::from_millis(100))
        );
        assert_eq!(
            refused.to_string(),
            "too many calls: changes by one caller may be 10 a second, and 2 at once"
        );
        tokio::time::advance(refused.retry_after - Duration::from_nanos(1)).await;
        assert_eq!(change().unwrap_err().retry_after, Duration::from_nanos(1));
        tokio::time::advance(Duration::from_nanos(1)).await;
        assert_eq!(change(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn changes_are_calls_and_calls_are_no_changes() {
        let quotas = quotas();
        let one = caller(1);
        assert_eq!(refusals(2, || quotas.charge_caller(&one, Effect::Changes)), 0);
        assert_eq!(refusals(3, || quotas.charge_caller(&one, Effect::Reads)), 0);
        let refused = quotas.charge_caller(&one, Effect::Reads).unwrap_err();
        assert_eq!(refused.quota, Quota::CallerCalls);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(refusals(5, || quotas.charge_caller(&one, Effect::Reads)), 0);
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(quotas.charge_caller(&one, Effect::Changes), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_one_caller_refuses_no_other() {
        let quotas = quotas();
        assert_eq!(refusals(1_000, || quotas.charge_caller(&caller(1), Effect::Reads)), 995);
        assert_eq!(refusals(5, || quotas.charge_caller(&caller(2), Effect::Reads)), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_without_identity_share_a_quota_and_use_up_nobody_elses() {
        let quotas = quotas();
        let (one, other) =
            (|| quotas.charge_unidentified("jwt"), || quotas.charge_unidentified("mesh"));
        assert_eq!(refusals(1_000, one), 995);
        assert_eq!(refusals(5, other), 0);
        assert_eq!(refusals(5, || quotas.charge_caller(&caller(1), Effect::Reads)), 0);
        assert_eq!(
            one().unwrap_err().to_string(),
            "too many calls: calls without a usable identity, all together, may be 100 a second, \
             and 5 at once"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_on_one_tenant_refuses_no_other() {
        let quotas = quotas();
        let (acme, globex) = ("acme".parse().unwrap(), "globex".parse().unwrap());
        assert_eq!(refusals(1_000, || quotas.charge_tenant(&acme, Effect::Reads)), 996);
        assert_eq!(refusals(4, || quotas.charge_tenant(&globex, Effect::Reads)), 0);
        assert_eq!(
            quotas.charge_tenant(&globex, Effect::Reads).unwrap_err().retry_after,
            Duration::from_millis(20)
        );
    }
}
