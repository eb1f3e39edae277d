//! The limits, and what each attempt may use of them.

use std::time::Duration;

use metrics::counter;

use crate::model::BudgetLimits;

use super::Attempt;
use super::charges::{Charges, DAY, Granule, MINUTE};

/// One of Infor's limits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BudgetLimit {
    /// Token requests of one client of an authorization server in 24 hours.
    TokensPerClientAndDay,
    /// Log-ins in one Infor tenant in 24 hours.
    LoginsPerTenantAndDay,
    /// Log-ins in one Infor tenant in a minute.
    LoginsPerTenantAndMinute,
}

/// The part of a limit that an attempt may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BudgetShare {
    /// All of it.
    Whole,
    /// Four fifths: a token that still lives is renewed ahead of time.
    Early,
    /// The small share of all accounts together that never got a token.
    Unproven,
}

/// The attempt would pass a limit. Infor was not asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the token budget is used up: {} of {max} for {}", .limit.name(), .share.name())]
pub struct BudgetExhausted {
    /// Which limit.
    pub limit: BudgetLimit,
    /// Which part of it.
    pub share: BudgetShare,
    /// How many attempts that part is.
    pub max: u32,
    /// When there is room again, unless others take it. More than zero.
    pub retry_after: Duration,
}

impl BudgetLimit {
    /// What is charged to the bucket of a client.
    pub(super) const OF_CLIENT: [Self; 1] = [Self::TokensPerClientAndDay];

    /// What is charged to the bucket of an Infor tenant.
    pub(super) const OF_TENANT: [Self; 2] =
        [Self::LoginsPerTenantAndDay, Self::LoginsPerTenantAndMinute];

    /// Its name, as in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokensPerClientAndDay => "tokens_per_client_and_day",
            Self::LoginsPerTenantAndDay => "logins_per_tenant_and_day",
            Self::LoginsPerTenantAndMinute => "logins_per_tenant_and_minute",
        }
    }

    pub(super) const fn max(self, limits: &BudgetLimits) -> u32 {
        match self {
            Self::TokensPerClientAndDay => limits.tokens_per_client_and_day,
            Self::LoginsPerTenantAndDay => limits.logins_per_tenant_and_day,
            Self::LoginsPerTenantAndMinute => limits.logins_per_tenant_and_minute,
        }
    }

    pub(super) const fn window(self) -> Duration {
        match self {
            Self::TokensPerClientAndDay | Self::LoginsPerTenantAndDay => DAY,
            Self::LoginsPerTenantAndMinute => MINUTE,
        }
    }

    /// How many attempts `share` is. The small one is 5 of a client's 100, 50 of a tenant's 1,000
    /// and 5 of its 20 per minute, in proportion: a person who connects a tenant uploads several
    /// files within a minute. But one at least, or no account could ever begin.
    pub(super) fn share(self, share: BudgetShare, limits: &BudgetLimits) -> u32 {
        let max = self.max(limits);
        match (share, self) {
            (BudgetShare::Whole, _) => max,
            (BudgetShare::Early, _) => four_fifths(max),
            (BudgetShare::Unproven, Self::TokensPerClientAndDay) => (max / 20).max(1),
            (BudgetShare::Unproven, Self::LoginsPerTenantAndDay) => (max / 20).max(1),
            (BudgetShare::Unproven, Self::LoginsPerTenantAndMinute) => (max / 4).max(1),
        }
    }

    /// Why `attempt` may not be made now, if it may not.
    pub(super) fn refusal(
        self,
        limits: &BudgetLimits,
        charges: &Charges,
        attempt: &Attempt<'_>,
        now: Duration,
    ) -> Option<BudgetExhausted> {
        let all: (BudgetShare, fn(&Granule) -> u32) =
            (if attempt.early { BudgetShare::Early } else { BudgetShare::Whole }, |granule| {
                granule.attempts
            });
        let unproven: (BudgetShare, fn(&Granule) -> u32) =
            (BudgetShare::Unproven, |granule| granule.unproven);
        let bounds = [Some(all), (!attempt.proven).then_some(unproven)];
        let refusals = bounds.into_iter().flatten().filter_map(|(share, count)| {
            let max = self.share(share, limits);
            let room_at = charges.room_at(now, self.window(), max, count);
            let retry_after = room_at.saturating_sub(now);
            let exhausted = BudgetExhausted { limit: self, share, max, retry_after };
            (!retry_after.is_zero()).then_some(exhausted)
        });
        refusals.max_by_key(|refusal| refusal.retry_after)
    }

    /// Whether so much is used that an operator should know.
    pub(super) fn is_scarce(self, limits: &BudgetLimits, used: u32) -> bool {
        used >= four_fifths(self.max(limits)).max(1)
    }

    /// Whether so little is used that the next time is another time: a rolling window would else
    /// cross the same line again with each attempt.
    pub(super) fn is_ample(self, limits: &BudgetLimits, used: u32) -> bool {
        used < self.max(limits) / 2
    }
}

impl BudgetShare {
    /// For whom it is, in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "all",
            Self::Early => "renewals ahead of time",
            Self::Unproven => "accounts that never got a token",
        }
    }
}

impl BudgetExhausted {
    pub(super) fn count(&self) {
        let (limit, share) = (self.limit.name(), self.share.name());
        counter!("ionvault_budget_refusals_total", "limit" => limit, "share" => share).increment(1);
    }
}

const fn four_fifths(max: u32) -> u32 {
    max - max.div_ceil(5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_in_proportion_to_the_limits() {
        let limits = BudgetLimits::default();
        let most = BudgetLimits {
            tokens_per_client_and_day: 5_000,
            logins_per_tenant_and_day: 5_000,
            logins_per_tenant_and_minute: 1_000,
        };
        let least = BudgetLimits {
            tokens_per_client_and_day: 1,
            logins_per_tenant_and_day: 1,
            logins_per_tenant_and_minute: 1,
        };
        for (limits, limit, expected) in [
            (limits, BudgetLimit::TokensPerClientAndDay, [100, 80, 5]),
            (limits, BudgetLimit::LoginsPerTenantAndDay, [1_000, 800, 50]),
            (limits, BudgetLimit::LoginsPerTenantAndMinute, [20, 16, 5]),
            (most, BudgetLimit::TokensPerClientAndDay, [5_000, 4_000, 250]),
            (most, BudgetLimit::LoginsPerTenantAndDay, [5_000, 4_000, 250]),
            (most, BudgetLimit::LoginsPerTenantAndMinute, [1_000, 800, 250]),
            (least, BudgetLimit::TokensPerClientAndDay, [1, 0, 1]),
            (least, BudgetLimit::LoginsPerTenantAndDay, [1, 0, 1]),
            (least, BudgetLimit::LoginsPerTenantAndMinute, [1, 0, 1]),
        ] {
            let shares = [BudgetShare::Whole, BudgetShare::Early, BudgetShare::Unproven];
            assert_eq!(shares.map(|share| limit.share(share, &limits)), expected, "{limit:?}");
        }
    }
}
