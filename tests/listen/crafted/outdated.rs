//! Client certificates of other days: of version 1, with weak signatures, below too long a path.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{Accepted, Crafted, Forge, Handshake, authority, der, invoices};

/// The authorities that signed those of [`weak_signatures`].
pub(super) const AUTHORITIES: [&str; 2] = [
    include_str!("../../fixtures/client_certificates/rsa2048-authority.pem"),
    include_str!("../../fixtures/client_certificates/rsa1024-authority.pem"),
];

/// `tests/fixtures/client_certificates/make.py` makes them.
pub(super) fn weak_signatures(forge: &mut Forge<'_>) {
    for (what, end, pem) in [
        (
            "signed with RSA of 2048 bits and SHA-256",
            Accepted,
            include_str!("../../fixtures/client_certificates/rsa2048-sha256.pem"),
        ),
        (
            "signed with SHA-1",
            Handshake,
            include_str!("../../fixtures/client_certificates/rsa2048-sha1.pem"),
        ),
        (
            "signed with RSA of 1024 bits",
            Handshake,
            include_str!("../../fixtures/client_certificates/rsa1024-sha256.pem"),
        ),
    ] {
        // An Ed25519 key (RFC 8410) with the seed that the script has, too.
        let ed25519 = der(0x30, &der(0x06, &[0x2b, 0x65, 0x70]));
        let seed = der(0x04, &der(0x04, &[7; 32]));
        let key = der(0x30, &[der(0x02, &[0]), ed25519, seed].concat());
        let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
        let key = KeyPair::try_from(key).unwrap();
        forge.made.push(Crafted { what: what.to_owned(), chain, key, end });
    }
}

/// What version 1 has, and no more: neither a version nor extensions, and so no names. Signed again,
/// it is good but for that.
pub(super) fn version_1(forge: &mut Forge<'_>) {
    for (what, left_out, end) in [
        ("signed again as it was", vec![], Accepted),
        ("of version 1", vec![VERSION, EXTENSIONS], Handshake),
    ] {
        let leaf = forge.authority.leaf(invoices);
        let parts = elements(content(&leaf.certificate));
        let mut fields = elements(content(parts[0]));
        fields.retain(|field| !left_out.contains(&field[0]));
        let signed = der(0x30, &fields.concat());
        let signature = [&[0], forge.authority.signature(&signed).as_slice()].concat();
        let whole = [signed.as_slice(), parts[1], &der(0x03, &signature)].concat();
        let chain = vec![CertificateDer::from(der(0x30, &whole))];
        forge.made.push(Crafted { what: what.to_owned(), chain, key: leaf.key, end });
    }
}

/// Tags of a certificate's fields (RFC 5280, section 4.1).
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;

/// What stands in an element of DER, with what follows it: all behind its tag and length.
fn content(element: &[u8]) -> &[u8] {
    let more = if element[1] < 0x80 { 0 } else { usize::from(element[1] & 0x7f) };
    &element[2 + more..]
}

/// The elements that stand in a sequence.
fn elements(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    while !rest.is_empty() {
        let head = rest.len() - content(rest).len();
        let length = match rest[1] {
            short @ ..0x80 => usize::from(short),
            _ => rest[2..head].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        let (element, behind) = rest.split_at(head + length);
        elements.push(element);
        rest = behind;
    }
    elements
}

/// A leaf below two authorities, the upper of which may have so many below it.
pub(super) fn path_lengths(forge: &mut Forge<'_>) {
    for (what, constraints, end) in [
        ("two authorities, the upper may have any number below it", None, Accepted),
        ("two authorities, the upper may have one below it", Some(1), Accepted),
        ("two authorities, the upper may have none below it", Some(0), Handshake),
    ] {
        let upper = forge.authority.leaf(|params| {
            authority(params);
            if let Some(number) = constraints {
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(number));
            }
        });
        let mut params = CertificateParams::default();
        authority(&mut params);
        let upper_issuer = Issuer::new(params.clone(), upper.key);
        params.distinguished_name.push(DnType::OrganizationName, "the lower one");
        let lower_key = KeyPair::generate().unwrap();
        let lower = params.signed_by(&lower_key, &upper_issuer).unwrap().der().clone();
        let lower_issuer = Issuer::new(params, lower_key);
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        invoices(&mut params);
        let leaf = params.signed_by(&key, &lower_issuer).unwrap().der().clone();
        let chain = vec![leaf, lower, upper.certificate];
        forge.made.push(Crafted { what: what.to_owned(), chain, key, end });
    }
}
