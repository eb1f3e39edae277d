//! Which reason each refusal of [`crate::quotas`] has.

use tonic::Status;
use tonic_types::ErrorDetails;

use crate::quotas::QuotaExceeded;

use super::super::Refusal;
use super::Reason;

impl From<QuotaExceeded> for Refusal {
    fn from(error: QuotaExceeded) -> Self {
        Self(rate_limited(error))
    }
}

/// The same, where no handler has seen the call yet.
pub(in crate::grpc) fn rate_limited(error: QuotaExceeded) -> Status {
    let told = error.to_string();
    let mut details = ErrorDetails::with_retry_info(Some(error.retry_after));
    details.add_quota_failure_violation(error.quota.name(), told.as_str());
    Reason::CallerRateLimited.details(told, &[], details)
}
