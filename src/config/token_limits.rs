//! `[tokens.limits]`: how many tokens Infor may be asked for.

use serde::Deserialize;

use super::invalid::{InvalidConfig, within};
use crate::model::BudgetLimits;

/// `[tokens.limits]`
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TokenLimitsFile {
    tokens_per_client_and_day: u32,
    logins_per_tenant_and_day: u32,
    logins_per_tenant_and_minute: u32,
}

/// What the file says if it says nothing.
impl Default for TokenLimitsFile {
    fn default() -> Self {
        let BudgetLimits {
            tokens_per_client_and_day,
            logins_per_tenant_and_day,
            logins_per_tenant_and_minute,
        } = BudgetLimits::default();
        Self { tokens_per_client_and_day, logins_per_tenant_and_day, logins_per_tenant_and_minute }
    }
}

impl TokenLimitsFile {
    pub(super) fn check(self) -> Result<BudgetLimits, InvalidConfig> {
        let per_day = |key: &str, limit| {
            within(&format!("tokens.limits.{key}"), limit, BudgetLimits::PER_DAY)
        };
        let per_minute = "tokens.limits.logins_per_tenant_and_minute";
        Ok(BudgetLimits {
            tokens_per_client_and_day: per_day(
                "tokens_per_client_and_day",
                self.tokens_per_client_and_day,
            )?,
            logins_per_tenant_and_day: per_day(
                "logins_per_tenant_and_day",
                self.logins_per_tenant_and_day,
            )?,
            logins_per_tenant_and_minute: within(
                per_minute,
                self.logins_per_tenant_and_minute,
                BudgetLimits::PER_MINUTE,
            )?,
        })
    }
}
