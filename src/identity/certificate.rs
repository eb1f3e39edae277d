//! The caller that a client certificate names.

use rustls_pki_types::CertificateDer;
use spiffe::TrustDomain;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::UnusableIdentity;
use super::workload::workload;
use crate::model::Caller;

/// Which certificates name a caller.
///
/// The rules are those of the SPIFFE X509-SVID standard (sections 2 to 5) for a leaf certificate.
/// That it chains to a trusted authority and is valid today has been checked by the TLS handshake.
#[derive(Clone, Debug)]
pub struct CertificateRules {
    trust_domain: TrustDomain,
    allow_dns_san: bool,
}

impl CertificateRules {
    /// Takes SPIFFE ids of `trust_domain`; with `allow_dns_san` also certificates without any URI,
    /// which then name their caller by their one DNS name.
    #[must_use]
    pub fn new(trust_domain: TrustDomain, allow_dns_san: bool) -> Self {
        Self { trust_domain, allow_dns_san }
    }

    /// The caller that this leaf certificate names, which came with these of its issuers. That they
    /// are authorities, the TLS handshake checked; whether their key usage lets them sign, it does
    /// not (RFC 5280, section 6.1.4 (n)).
    ///
    /// # Errors
    ///
    /// [`UnusableIdentity`], by the first rule that they break.
    pub fn caller_below(
        &self,
        issuers: &[CertificateDer<'_>],
        leaf: &CertificateDer<'_>,
    ) -> Result<Caller, UnusableIdentity> {
        for issuer in issuers {
            let (_, issuer) = X509Certificate::from_der(issuer).map_err(malformed)?;
            let usage = issuer.key_usage().map_err(malformed)?;
            if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
                return Err(UnusableIdentity::IssuerMayNotSign);
            }
        }
        self.caller(leaf)
    }

    /// The caller that this leaf certificate names.
    ///
    /// # Errors
    ///
    /// [`UnusableIdentity`], by the first rule that it breaks.
    pub fn caller(&self, leaf: &CertificateDer<'_>) -> Result<Caller, UnusableIdentity> {
        let (rest, certificate) = X509Certificate::from_der(leaf).map_err(malformed)?;
        if !rest.is_empty() {
            return Err(UnusableIdentity::Malformed);
        }
        refuse_authorities(&certificate)?;
        refuse_servers_only(&certificate)?;
        let (uris, dns_names) = names(&certificate)?;
        match (uris.as_slice(), dns_names.as_slice()) {
            ([uri], _) => workload(uri, &self.trust_domain),
            ([], _) if !self.allow_dns_san => Err(UnusableIdentity::NoSpiffeId),
            ([], [name]) => host(name),
            ([], []) => Err(UnusableIdentity::NoName),
            ([], _) => Err(UnusableIdentity::SeveralDnsNames),
            (_, _) => Err(UnusableIdentity::SeveralUris),
        }
    }
}

/// The second from which on a certificate is refused, since 1970; `None` if it is none.
#[must_use]
pub fn not_after(certificate: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// DNS names are compared without regard to case (RFC 4343), and a [`Caller`] has one spelling.
fn host(name: &str) -> Result<Caller, UnusableIdentity> {
    format!("dns:{}", name.to_ascii_lowercase())
        .parse()
        .map_err(|_invalid| UnusableIdentity::InvalidDnsName)
}

fn refuse_authorities(certificate: &X509Certificate<'_>) -> Result<(), UnusableIdentity> {
    let is_authority = certificate
        .basic_constraints()
        .map_err(malformed)?
        .is_some_and(|constraints| constraints.value.ca);
    let may_sign = certificate
        .key_usage()
        .map_err(malformed)?
        .is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign());
    if is_authority || may_sign { Err(UnusableIdentity::Authority) } else { Ok(()) }
}

fn refuse_servers_only(certificate: &X509Certificate<'_>) -> Result<(), UnusableIdentity> {
    let fits = certificate
        .extended_key_usage()
        .map_err(malformed)?
        .is_none_or(|usage| usage.value.client_auth || usage.value.any);
    if fits { Ok(()) } else { Err(UnusableIdentity::NotForClients) }
}

/// The URIs and the DNS names among the alternative names; the subject itself is never looked at.
type Names<'a> = (Vec<&'a str>, Vec<&'a str>);

fn names<'a>(certificate: &'a X509Certificate<'_>) -> Result<Names<'a>, UnusableIdentity> {
    let (mut uris, mut dns_names) = Names::default();
    let alternative_names = certificate.subject_alternative_name().map_err(malformed)?;
    for name in alternative_names.iter().flat_map(|names| &names.value.general_names) {
        if let GeneralName::URI(uri) = name {
            uris.push(*uri);
        } else if let GeneralName::DNSName(name) = name {
            dns_names.push(*name);
        } else if let GeneralName::Invalid(..) = name {
            return Err(UnusableIdentity::Malformed);
        }
    }
    Ok((uris, dns_names))
}

/// What exactly is malformed helps nobody: the certificate has to be made anew.
fn malformed<E>(_error: E) -> UnusableIdentity {
    UnusableIdentity::Malformed
}

#[cfg(test)]
mod tests;
