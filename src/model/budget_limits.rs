//! How much may be asked of Infor.

use std::ops::RangeInclusive;

/// How many tokens may be asked for: Infor's limits, or what an operator set instead. They are
/// counted over rolling windows, across the whole vault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BudgetLimits {
    /// Token requests with one client id, whatever the grant, in 24 hours; 1 to 5,000.
    pub tokens_per_client_and_day: u32,
    /// Log-ins, that is token requests with another grant than a refresh token, in one Infor tenant
    /// in 24 hours; 1 to 5,000.
    pub logins_per_tenant_and_day: u32,
    /// The same in 60 seconds; 1 to 1,000.
    pub logins_per_tenant_and_minute: u32,
}

impl BudgetLimits {
    /// What a limit per day may be. An account needs some twelve tokens a day; and what is
    /// remembered of 5,000 fits into a record of 64 KiB.
    pub const PER_DAY: RangeInclusive<u32> = 1..=5_000;

    /// What a limit per minute may be.
    pub const PER_MINUTE: RangeInclusive<u32> = 1..=1_000;
}

/// Infor's own limits (Infor OS Essentials).
impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            tokens_per_client_and_day: 100,
            logins_per_tenant_and_day: 1_000,
            logins_per_tenant_and_minute: 20,
        }
    }
}
