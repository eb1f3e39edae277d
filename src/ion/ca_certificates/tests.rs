//! Real certificates, and what is sent in their place.

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;

struct Authority {
    certificate: Certificate,
    params: CertificateParams,
    key: KeyPair,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "Invented root");
    let key = KeyPair::generate().unwrap();
    Authority { certificate: params.self_signed(&key).unwrap(), params, key }
}

/// A server's certificate, signed by the authority.
fn leaf(authority: &Authority) -> Certificate {
    let params = CertificateParams::new(vec!["erp.example".to_owned()]).unwrap();
    let issuer = Issuer::from_params(&authority.params, &authority.key);
    params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap()
}

#[test]
fn authorities_are_read_with_text_around_them() {
    let root = authority();
    let other = authority();
    let pem = format!(
        "Our CA, as agreed:\r\n{}\nand its successor\n{}",
        root.certificate.pem(),
        other.certificate.pem()
    );
    let read = parse_ca_certificates(pem.as_bytes()).unwrap();
    assert_eq!(read, [root.certificate.der().clone(), other.certificate.der().clone()]);
}

#[test]
fn a_self_signed_server_certificate_may_be_trusted_and_one_signed_by_others_may_not() {
    let params = CertificateParams::new(vec!["erp.example".to_owned()]).unwrap();
    let own = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    assert!(parse_ca_certificates(own.pem().as_bytes()).is_ok());
    let root = authority();
    let pem = format!("{}{}", root.certificate.pem(), leaf(&root).pem());
    assert_eq!(parse_ca_certificates(pem.as_bytes()), Err(InvalidCaCertificates::NotCa(2)));
}

#[test]
fn what_is_no_certificate_is_named() {
    let root = authority();
    let pem = root.certificate.pem();
    let block =
        |kind: &str, body: &str| format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n");
    let trailing = {
        let der = [root.certificate.der().as_ref(), b"x"].concat();
        block("CERTIFICATE", &data_encoding::BASE64.encode(&der))
    };
    for (text, why) in [
        (Vec::new(), InvalidCaCertificates::None),
        (b"no block at all".to_vec(), InvalidCaCertificates::None),
        (root.certificate.der().to_vec(), InvalidCaCertificates::Der),
        (format!("{pem}{}", root.key.serialize_pem()).into(), InvalidCaCertificates::PrivateKey),
        (block("X509 CRL", "AAAA").into(), InvalidCaCertificates::OtherKind(1)),
        (
            format!("{pem}{}", block("CERTIFICATE", "AAAA")).into(),
            InvalidCaCertificates::NotX509(2),
        ),
        (trailing.into(), InvalidCaCertificates::NotX509(1)),
        (block("CERTIFICATE", "!!").into(), InvalidCaCertificates::BrokenPem(1)),
        (pem.replace("-----END", "-----and").into(), InvalidCaCertificates::BrokenPem(1)),
    ] {
        let text: Vec<u8> = text;
        assert_eq!(parse_ca_certificates(&text), Err(why));
    }
}

#[test]
fn there_is_room_for_so_many_certificates_and_no_more() {
    let pem = authority().certificate.pem();
    let many = |count: usize| parse_ca_certificates(pem.repeat(count).as_bytes());
    assert_eq!(many(CA_CERTIFICATES_MAX).map(|read| read.len()), Ok(CA_CERTIFICATES_MAX));
    assert_eq!(many(CA_CERTIFICATES_MAX + 1), Err(InvalidCaCertificates::TooMany));
    let fits = pem.clone() + &" ".repeat(CA_CERTIFICATES_BYTES_MAX - pem.len());
    assert!(parse_ca_certificates(fits.as_bytes()).is_ok());
    assert_eq!(
        parse_ca_certificates((fits + " ").as_bytes()),
        Err(InvalidCaCertificates::TooLarge)
    );
}
