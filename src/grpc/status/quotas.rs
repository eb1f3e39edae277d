//! Which reason each refusal of [`crate::quotas`] has.

use tonic_types::ErrorDetails;

use crate::quotas::QuotaExceeded;

use super::super::Refusal;
use super::Reason;

impl From<QuotaExceeded> for Refusal {
    fn from(error: QuotaExceeded) -> Self {
        let told = error.to_string();
        let mut details = ErrorDetails::with_retry_info(Some(error.retry_after));
        details.add_quota_failure_violation(error.quota.name(), told.as_str());
        Self(Reason::CallerRateLimited.details(told, &[], details))
    }
}
