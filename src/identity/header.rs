//! The headers that name a caller, and who believes them.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, header};

use super::{ForwardedCertificate, Issuers, LinkerdClient, UnusableIdentity};
use crate::model::Caller;

/// How a listener that knows nobody beforehand reads the caller of each request.
#[derive(Debug)]
pub enum HeaderRule {
    /// A proxy looked at a certificate, and says what is in it.
    ForwardedCertificate(ForwardedCertificate),
    /// A proxy of Linkerd says whom it takes its client for.
    LinkerdClient(LinkerdClient),
    /// The client itself shows a token that an issuer signed.
    Token(Arc<Issuers>),
}

impl HeaderRule {
    /// The caller that the headers of a request name.
    ///
    /// # Errors
    ///
    /// [`UnusableIdentity`], by the first rule that they break.
    // Asynchronous: for a token its issuer's keys may have to be read again.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, UnusableIdentity> {
        match self {
            Self::ForwardedCertificate(rule) => rule.caller(headers),
            Self::LinkerdClient(rule) => rule.caller(headers),
            Self::Token(issuers) => issuers.caller(headers).await.map_err(UnusableIdentity::Token),
        }
    }
}

/// Removes every header that could name a caller. The listener has read its own before this, and
/// nothing behind it may believe one.
pub fn strip_identity(headers: &mut HeaderMap) {
    for name in [FORWARDED_CLIENT_CERT, L5D_CLIENT_ID, header::AUTHORIZATION] {
        headers.remove(name);
    }
}

/// As Envoy and Istio say whom they forward for.
pub(super) const FORWARDED_CLIENT_CERT: HeaderName =
    HeaderName::from_static("x-forwarded-client-cert");

/// As Linkerd does.
pub(super) const L5D_CLIENT_ID: HeaderName = HeaderName::from_static("l5d-client-id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_could_name_a_caller_is_removed_each_time_it_is_there() {
        let mut headers = HeaderMap::new();
        for name in ["x-forwarded-client-cert", "l5d-client-id", "authorization", "x-trace"] {
            for value in ["one", "other"] {
                headers.append(name, value.parse().unwrap());
            }
        }
        strip_identity(&mut headers);
        assert!(headers.keys().all(|name| name == "x-trace"), "{headers:?}");
        assert_eq!(headers.len(), 2);
    }
}
