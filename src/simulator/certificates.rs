//! Certificates for one machine: an authority, and what it vouches for. For development and
//! tests; in production certificates come from the mesh or the company's own authority.

use std::time::{Duration, SystemTime};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use zeroize::Zeroizing;

/// A certification authority that signs for `localhost` and for SPIFFE ids.
pub struct Authority {
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub struct Identity {
    /// The certificate alone; clients have the authority's.
    pub certificate_pem: String,
    /// Its private key, PKCS #8.
    pub key_pem: Zeroizing<String>,
}

impl Authority {
    /// A new authority (ECDSA P-256), valid for ten years.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] if the machine gives no random bytes.
    pub fn generate() -> Result<Self, InvalidCertificate> {
        let key = KeyPair::generate()?;
        let params = authority_params();
        let certificate_pem = params.self_signed(&key)?.pem();
        Ok(Self { certificate_pem, issuer: Issuer::new(params, key) })
    }

    /// The authority whose [`Authority::certificate_pem`] and [`Authority::key_pem`] were kept.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] if the key is not one. That both belong together is not checked;
    /// clients will.
    pub fn from_pem(certificate_pem: &str, key_pem: &str) -> Result<Self, InvalidCertificate> {
        let issuer = Issuer::new(authority_params(), KeyPair::from_pem(key_pem)?);
        Ok(Self { certificate_pem: certificate_pem.to_owned(), issuer })
    }

    /// What clients and servers must trust.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key, PKCS #8: to be kept in a file that only its owner may read.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }

    /// A server certificate for `localhost`, 127.0.0.1 and ::1, valid for ninety days.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] if the machine gives no random bytes.
    pub fn server(&self) -> Result<Identity, InvalidCertificate> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, "localhost")
    }

    /// A client certificate with this SPIFFE id, valid for ninety days.
    ///
    /// # Errors
    ///
    /// [`InvalidCertificate`] if the id is not ASCII, or the machine gives no random bytes.
    pub fn client(&self, spiffe_id: &str) -> Result<Identity, InvalidCertificate> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(spiffe_id)?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, "ionvault development client")
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        common_name: &str,
    ) -> Result<Identity, InvalidCertificate> {
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        params.distinguished_name = named(common_name);
        limit(&mut params, LEAF_LIFE);
        let key = KeyPair::generate()?;
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Identity { certificate_pem, key_pem: Zeroizing::new(key.serialize_pem()) })
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[error("a development certificate cannot be made")]
pub struct InvalidCertificate(#[from] rcgen::Error);

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = named("ionvault development authority");
    limit(&mut params, AUTHORITY_LIFE);
    params
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

#[expect(clippy::disallowed_methods, reason = "certificates are dated by the machine that tests")]
fn limit(params: &mut CertificateParams, life: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + life).into();
}

/// Long enough that nobody's `.ionvault-dev` stops working in the middle of a project.
const AUTHORITY_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Leaves are made at each start.
const LEAF_LIFE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How far behind the clock of a container or virtual machine may be.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    use x509_parser::prelude::*;

    use super::*;

    #[test]
    fn leaves_are_no_authorities_and_carry_what_was_asked_for() {
        let authority = Authority::generate().unwrap();
        let kept = Authority::from_pem(authority.certificate_pem(), &authority.key_pem()).unwrap();
        let trusted = CertificateDer::from_pem_slice(kept.certificate_pem().as_bytes()).unwrap();
        let (_, trusted) = X509Certificate::from_der(&trusted).unwrap();
        assert!(trusted.is_ca());
        for (identity, sans) in [
            (kept.server().unwrap(), 3),
            (kept.client("spiffe://dev.ionvault/docbits").unwrap(), 1),
        ] {
            let der = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
            let (_, leaf) = X509Certificate::from_der(&der).unwrap();
            assert!(!leaf.is_ca() && leaf.basic_constraints().unwrap().is_some());
            let found = leaf.subject_alternative_name().unwrap().unwrap();
            assert_eq!(found.value.general_names.len(), sans);
            assert_eq!(leaf.issuer(), trusted.subject());
        }
    }
}
