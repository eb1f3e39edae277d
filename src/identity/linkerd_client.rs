//! The caller that Linkerd names in `l5d-client-id`.

use http::HeaderMap;
use spiffe::TrustDomain;

use super::UnusableIdentity;
use super::header::L5D_CLIENT_ID;
use crate::model::Caller;

/// Believes a proxy of Linkerd, whose identities are DNS names such as
/// `invoices.docs.serviceaccount.identity.linkerd.cluster.local`.
#[derive(Debug)]
pub struct LinkerdClient {
    /// What names must end with: a dot and the trust domain.
    ending: String,
}

impl LinkerdClient {
    /// Takes names below `trust_domain`, which is Linkerd's `identityTrustDomain`.
    #[must_use]
    pub fn new(trust_domain: &TrustDomain) -> Self {
        Self { ending: format!(".{trust_domain}") }
    }

    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, UnusableIdentity> {
        let mut lines = headers.get_all(L5D_CLIENT_ID).iter();
        let name = match (lines.next(), lines.next()) {
            (None, _) => return Err(UnusableIdentity::NoHeader),
            // The proxy replaces whatever its client sent; two did not come from it.
            (Some(_), Some(_)) => return Err(UnusableIdentity::SeveralHeaders),
            (Some(name), None) => name,
        };
        let name = name.to_str().map_err(|_bytes| UnusableIdentity::MalformedHeader)?;
        let caller =
            format!("dns:{name}").parse().map_err(|_invalid| UnusableIdentity::MalformedHeader)?;
        if name.ends_with(&self.ending) {
            Ok(caller)
        } else {
            Err(UnusableIdentity::ForeignTrustDomain)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const INVOICES: &str = "invoices.docs.serviceaccount.identity.linkerd.cluster.local";

    fn caller(lines: &[&[u8]]) -> Result<Caller, UnusableIdentity> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(L5D_CLIENT_ID, HeaderValue::from_bytes(line).unwrap());
        }
        LinkerdClient::new(&TrustDomain::new("cluster.local").unwrap()).caller(&headers)
    }

    #[test]
    fn one_name_below_the_trust_domain_names_the_caller() {
        assert_eq!(caller(&[INVOICES.as_bytes()]), Ok(Caller::Dns(INVOICES.to_owned())));
    }

    #[test]
    fn anything_else_names_nobody() {
        use UnusableIdentity::{ForeignTrustDomain, MalformedHeader, NoHeader, SeveralHeaders};
        for (lines, expected) in [
            (vec![], NoHeader),
            (vec![INVOICES, INVOICES], SeveralHeaders),
            (vec![INVOICES, ""], SeveralHeaders),
            (vec![""], MalformedHeader),
            (vec!["Invoices.docs.serviceaccount.identity.linkerd.cluster.local"], MalformedHeader),
            (vec!["*.docs.serviceaccount.identity.linkerd.cluster.local"], MalformedHeader),
            (vec!["a.cluster.local,b.cluster.local"], MalformedHeader),
            (vec!["a.cluster.local "], MalformedHeader),
            (vec!["a.cluster.local."], MalformedHeader),
            (vec!["spiffe://cluster.local/a"], MalformedHeader),
            (vec!["dns:a.cluster.local"], MalformedHeader),
            (vec!["a..cluster.local"], MalformedHeader),
            (vec![".cluster.local"], MalformedHeader),
            (vec!["cluster.local"], ForeignTrustDomain),
            (vec!["acluster.local"], ForeignTrustDomain),
            (vec!["a.cluster.local.evil.example"], ForeignTrustDomain),
            (vec!["a.cluster.example"], ForeignTrustDomain),
        ] {
            let bytes: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
            assert_eq!(caller(&bytes), Err(expected), "{lines:?}");
        }
        assert_eq!(caller(&["ä.cluster.local".as_bytes()]), Err(MalformedHeader));
        let long = format!("{}.cluster.local", "a.".repeat(200));
        assert_eq!(caller(&[long.as_bytes()]), Err(MalformedHeader));
    }
}
