use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    SanType,
};

use super::*;

fn rules(allow_dns_san: bool) -> CertificateRules {
    CertificateRules::new(TrustDomain::new("prod.example").unwrap(), allow_dns_san)
}

fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

fn certificate(
    names: &[SanType],
    change: impl FnOnce(&mut CertificateParams),
) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names.to_vec();
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}

#[test]
fn one_spiffe_id_names_the_caller_whatever_dns_names_are_there() {
    let id = "spiffe://prod.example/ns/docs/sa/invoices";
    for allow_dns_san in [false, true] {
        let leaf = certificate(&[dns("a.example"), uri(id), dns("b.example")], |_| {});
        assert_eq!(rules(allow_dns_san).caller(&leaf), Ok(Caller::Spiffe(id.to_owned())));
    }
}

#[test]
fn other_uris_name_nobody() {
    use UnusableIdentity::{ForeignTrustDomain, InvalidSpiffeId, SeveralUris};
    let good = "spiffe://prod.example/a";
    for (uris, expected) in [
        (vec![good, "spiffe://prod.example/b"], SeveralUris),
        (vec![good, good], SeveralUris),
        (vec![good, "https://a.example/"], SeveralUris),
        (vec!["https://prod.example/a"], InvalidSpiffeId),
        (vec!["spiffe://prod.example"], InvalidSpiffeId),
        (vec!["spiffe://prod.example/a/"], InvalidSpiffeId),
        (vec!["spiffe://prod.example/a/../b"], InvalidSpiffeId),
        (vec!["SPIFFE://prod.example/a"], InvalidSpiffeId),
        (vec!["spiffe://prod.example:443/a"], InvalidSpiffeId),
        (vec!["spiffe://test.example/a"], ForeignTrustDomain),
        (vec!["spiffe://a.prod.example/a"], ForeignTrustDomain),
        (vec!["spiffe://prod.example.evil.example/a"], ForeignTrustDomain),
    ] {
        let mut names: Vec<_> = uris.iter().map(|text| uri(text)).collect();
        names.push(dns("a.example"));
        // Also where DNS names are taken: a certificate with a URI stands or falls by it.
        assert_eq!(rules(true).caller(&certificate(&names, |_| {})), Err(expected), "{uris:?}");
    }
}

#[test]
fn one_dns_name_names_the_caller_only_where_allowed() {
    let leaf = certificate(&[dns("Invoices.Example")], |_| {});
    assert_eq!(rules(true).caller(&leaf), Ok(Caller::Dns("invoices.example".to_owned())));
    assert_eq!(rules(false).caller(&leaf), Err(UnusableIdentity::NoSpiffeId));
}

#[test]
fn other_dns_names_name_nobody() {
    use UnusableIdentity::{InvalidDnsName, NoName, SeveralDnsNames};
    for (names, expected) in [
        (vec![], NoName),
        (vec![SanType::IpAddress([127, 0, 0, 1].into())], NoName),
        (vec![dns("a.example"), dns("b.example")], SeveralDnsNames),
        (vec![dns("*.example")], InvalidDnsName),
        (vec![dns("")], InvalidDnsName),
        (vec![dns("a example")], InvalidDnsName),
    ] {
        assert_eq!(rules(true).caller(&certificate(&names, |_| {})), Err(expected), "{names:?}");
    }
}

#[test]
fn authorities_and_servers_are_no_callers() {
    let names = [uri("spiffe://prod.example/a")];
    let caller =
        |change: &dyn Fn(&mut CertificateParams)| rules(false).caller(&certificate(&names, change));
    let authority = Err(UnusableIdentity::Authority);
    assert_eq!(
        caller(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        authority
    );
    assert_eq!(caller(&|params| params.key_usages = vec![KeyUsagePurpose::KeyCertSign]), authority);
    assert_eq!(caller(&|params| params.key_usages = vec![KeyUsagePurpose::CrlSign]), authority);
    let usage = |purpose: ExtendedKeyUsagePurpose| {
        caller(&|params| params.extended_key_usages = vec![purpose.clone()])
    };
    assert_eq!(usage(ExtendedKeyUsagePurpose::ServerAuth), Err(UnusableIdentity::NotForClients));
    assert!(usage(ExtendedKeyUsagePurpose::ClientAuth).is_ok());
    assert!(caller(&|params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]).is_ok());
}

#[test]
fn whatever_is_cut_short_or_goes_on_is_malformed_and_never_a_panic() {
    let whole = certificate(&[uri("spiffe://prod.example/a")], |_| {});
    for length in 0..whole.len() {
        let cut = CertificateDer::from(whole.get(..length).unwrap());
        assert_eq!(rules(true).caller(&cut), Err(UnusableIdentity::Malformed), "{length}");
    }
    let longer = CertificateDer::from([whole.as_ref(), b"\0"].concat());
    assert_eq!(rules(true).caller(&longer), Err(UnusableIdentity::Malformed));
}
