//! The workload that a SPIFFE id names.

use spiffe::{SpiffeId, TrustDomain};

use super::UnusableIdentity;
use crate::model::Caller;

/// The caller that `uri` names, if it is one of this trust domain.
///
/// # Errors
///
/// [`UnusableIdentity::InvalidSpiffeId`] and [`UnusableIdentity::ForeignTrustDomain`].
pub(super) fn workload(uri: &str, trust_domain: &TrustDomain) -> Result<Caller, UnusableIdentity> {
    let id = SpiffeId::new(uri).map_err(|_invalid| UnusableIdentity::InvalidSpiffeId)?;
    if !id.is_member_of(trust_domain) {
        return Err(UnusableIdentity::ForeignTrustDomain);
    }
    // Without a path it names the trust domain itself (X509-SVID, section 5.2).
    match uri.parse() {
        Ok(caller @ Caller::Spiffe(_)) if !id.path().is_empty() => Ok(caller),
        _ => Err(UnusableIdentity::InvalidSpiffeId),
    }
}
