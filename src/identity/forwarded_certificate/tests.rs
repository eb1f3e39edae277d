use http::HeaderValue;

use super::*;

const INVOICES: &str = "spiffe://prod.example/ns/docs/sa/invoices";

fn caller_of(lines: &[&[u8]]) -> Result<Caller, UnusableIdentity> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(FORWARDED_CLIENT_CERT, HeaderValue::from_bytes(line).unwrap());
    }
    ForwardedCertificate::new(TrustDomain::new("prod.example").unwrap()).caller(&headers)
}

fn caller(lines: &[&str]) -> Result<Caller, UnusableIdentity> {
    caller_of(&lines.iter().map(|line| line.as_bytes()).collect::<Vec<_>>())
}

#[test]
fn the_nearest_proxy_names_the_caller() {
    let hash = "Hash=468ed33be74eee6556d90c0149c1309e9ba61d6425303443c0748a02dd8de688";
    for lines in [
        vec![format!("URI={INVOICES}")],
        vec![format!("uri={INVOICES}")],
        vec![format!("URI=\"{INVOICES}\"")],
        // As Istio writes it.
        vec![format!(
            "By=spiffe://prod.example/ns/ionvault/sa/ionvault;{hash};Subject=\"\";URI={INVOICES}"
        )],
        vec![format!(
            "By=;{hash};Subject=\"/C=DE/O=a, b; c=\\\"d\\\"/CN=e\";URI={INVOICES};DNS=a.example;DNS=b.example"
        )],
        // What other proxies, or the caller, said before it.
        vec![format!("URI=spiffe://prod.example/other,{hash};URI={INVOICES}")],
        vec![format!("URI=spiffe://prod.example/other, {hash};URI={INVOICES}")],
        vec!["URI=spiffe://prod.example/other".to_owned(), format!("URI={INVOICES}")],
        vec![format!("Subject=\",URI=spiffe://prod.example/other\",URI={INVOICES}")],
        vec![format!("URI=a;URI=b,URI={INVOICES}")],
    ] {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_eq!(caller(&lines), Ok(Caller::Spiffe(INVOICES.to_owned())), "{lines:?}");
    }
}

#[test]
fn nobody_else_does() {
    use UnusableIdentity::{
        ForeignTrustDomain, InvalidSpiffeId, NoHeader, NoSpiffeId, SeveralUris,
    };
    for (lines, expected) in [
        (vec![], NoHeader),
        (vec!["By=spiffe://prod.example/a"], NoSpiffeId),
        (vec!["Hash=00;URI="], NoSpiffeId),
        (vec!["URI=\"\""], NoSpiffeId),
        (vec!["URI=spiffe://prod.example/a,Hash=00"], NoSpiffeId),
        (vec!["URI=spiffe://prod.example/a", "Hash=00"], NoSpiffeId),
        (vec!["Subject=\";URI=spiffe://prod.example/a\""], NoSpiffeId),
        (vec!["DNS=a.example"], NoSpiffeId),
        (vec!["URI=spiffe://prod.example/a;URI=spiffe://prod.example/b"], SeveralUris),
        (vec!["URI=spiffe://prod.example/a;URI=spiffe://prod.example/a"], SeveralUris),
        (vec!["URI=spiffe://prod.example/a;uri=spiffe://prod.example/b"], SeveralUris),
        (vec!["URI=spiffe://prod.example/a;URI="], SeveralUris),
        (vec!["URI=https://prod.example/a"], InvalidSpiffeId),
        (vec!["URI=spiffe://prod.example"], InvalidSpiffeId),
        (vec!["URI=spiffe://prod.example/a/../b"], InvalidSpiffeId),
        (vec!["URI=spiffe%3A%2F%2Fprod.example%2Fa"], InvalidSpiffeId),
        (vec!["URI=\"spiffe://prod.example/a\\\"\""], InvalidSpiffeId),
        (vec!["URI= spiffe://prod.example/a"], InvalidSpiffeId),
        (vec!["URI=spiffe://prod.example/a "], InvalidSpiffeId),
        (vec!["URI=spiffe://test.example/a"], ForeignTrustDomain),
        (vec!["URI=spiffe://a.prod.example/a"], ForeignTrustDomain),
    ] {
        assert_eq!(caller(&lines), Err(expected), "{lines:?}");
    }
}

/// Also where the last element by itself would do: its beginning may be another than it seems.
#[test]
fn whatever_does_not_keep_to_the_format_names_nobody() {
    for lines in [
        vec![""],
        vec!["", "URI=spiffe://prod.example/a"],
        vec!["spiffe://prod.example/a"],
        vec!["=a;URI=spiffe://prod.example/a"],
        vec!["URI=spiffe://prod.example/a,"],
        vec!["URI=spiffe://prod.example/a;"],
        vec![",URI=spiffe://prod.example/a"],
        vec!["Hash=00,,URI=spiffe://prod.example/a"],
        vec!["Hash=00;;URI=spiffe://prod.example/a"],
        vec!["Hash=0=0,URI=spiffe://prod.example/a"],
        vec!["Ha sh=00,URI=spiffe://prod.example/a"],
        vec![" URI=spiffe://prod.example/a"],
        vec!["Hash=0\"0,URI=spiffe://prod.example/a"],
        // A quote that the caller began and the proxy's own would end.
        vec!["Hash=\"", "URI=spiffe://prod.example/a"],
        vec!["Hash=\",URI=spiffe://prod.example/a"],
        vec![
            "Hash=\",Subject=\"CN=a,URI=spiffe://prod.example/b;O=c\";URI=spiffe://prod.example/a",
        ],
        vec!["Hash=\",Subject=\"\";URI=spiffe://prod.example/a"],
        vec!["Subject=\"CN=a\\\";URI=spiffe://prod.example/a"],
        vec!["Subject=\"a\"b;URI=spiffe://prod.example/a"],
        vec!["URI=\"spiffe://prod.example/a"],
        vec!["URI=\"spiffe://prod.example/a\" "],
    ] {
        assert_eq!(caller(&lines), Err(UnusableIdentity::MalformedHeader), "{lines:?}");
    }
    let bytes = "URI=spiffe://prod.example/ä".as_bytes();
    assert_eq!(caller_of(&[bytes]), Err(UnusableIdentity::MalformedHeader));
}

#[test]
fn what_is_too_long_names_nobody() {
    let uri = format!("URI={INVOICES}");
    let before = |bytes: usize| format!("Hash={}", "0".repeat(bytes - "Hash=".len()));
    let fits = before(HEADER_BYTES_MAX - uri.len());
    assert_eq!(caller(&[&fits, &uri]), Ok(Caller::Spiffe(INVOICES.to_owned())));
    let long = before(HEADER_BYTES_MAX - uri.len() + 1);
    assert_eq!(caller(&[&long, &uri]), Err(UnusableIdentity::HeaderTooLong));
}
