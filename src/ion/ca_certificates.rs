//! The certificates that come with a file whose authorization server is on-premises.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{PemObject, SectionKind};

/// Why certificates are refused. Names numbers and kinds, nothing of the text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidCaCertificates {
    /// More than [`CA_CERTIFICATES_BYTES_MAX`].
    #[error("the certificates are larger than {CA_CERTIFICATES_BYTES_MAX} bytes")]
    TooLarge,
    /// More than [`CA_CERTIFICATES_MAX`].
    #[error("there are more than {CA_CERTIFICATES_MAX} certificates")]
    TooMany,
    /// There is no certificate in the text.
    #[error("there is no PEM certificate (-----BEGIN CERTIFICATE-----)")]
    None,
    /// DER, the binary form.
    #[error("the certificate is in the binary form DER (convert it to PEM)")]
    Der,
    /// The PEM text is broken.
    #[error("block {0} is broken PEM")]
    BrokenPem(usize),
    /// A private key came along.
    #[error("there is a private key, which must not leave its owner (send the certificates alone)")]
    PrivateKey,
    /// A PEM block of another kind.
    #[error("block {0} is not a certificate")]
    OtherKind(usize),
    /// The bytes within a block are no certificate.
    #[error("block {0} is not an X.509 certificate")]
    NotX509(usize),
    /// The certificate of a server, or of a person.
    #[error("certificate {0} is neither that of a CA nor self-signed")]
    NotCa(usize),
}

/// The largest text that is read; certificates have 1 to 2 KiB.
pub const CA_CERTIFICATES_BYTES_MAX: usize = 32 * 1024;

/// Most certificates in one text: a root, and intermediates of a few generations.
pub const CA_CERTIFICATES_MAX: usize = 16;

/// Reads CA certificates in PEM. Text around the blocks is ignored; an empty text is an error.
/// Validity periods are not looked at: TLS checks them at each connection.
///
/// # Errors
///
/// As [`InvalidCaCertificates`] says; numbers count blocks from 1.
pub fn parse_ca_certificates(
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, InvalidCaCertificates> {
    if pem.len() > CA_CERTIFICATES_BYTES_MAX {
        return Err(InvalidCaCertificates::TooLarge);
    }
    // Looked for before anything is decoded: a decoded key would not be wiped.
    if contains(pem, b"PRIVATE KEY-----") {
        return Err(InvalidCaCertificates::PrivateKey);
    }
    // The ASN.1 tag and length form that every certificate begins with.
    if pem.starts_with(&[0x30, 0x82]) {
        return Err(InvalidCaCertificates::Der);
    }
    let mut certificates = Vec::new();
    for (index, section) in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).enumerate() {
        let number = index + 1;
        let Ok((kind, der)) = section else {
            return Err(InvalidCaCertificates::BrokenPem(number));
        };
        if kind != SectionKind::Certificate {
            return Err(InvalidCaCertificates::OtherKind(number));
        }
        if number > CA_CERTIFICATES_MAX {
            return Err(InvalidCaCertificates::TooMany);
        }
        check(&der, number)?;
        certificates.push(CertificateDer::from(der));
    }
    if certificates.is_empty() { Err(InvalidCaCertificates::None) } else { Ok(certificates) }
}

fn check(der: &[u8], number: usize) -> Result<(), InvalidCaCertificates> {
    let Ok(([], certificate)) = x509_parser::parse_x509_certificate(der) else {
        return Err(InvalidCaCertificates::NotX509(number));
    };
    let self_issued = certificate.subject() == certificate.issuer();
    if certificate.is_ca() || self_issued {
        Ok(())
    } else {
        Err(InvalidCaCertificates::NotCa(number))
    }
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests;
