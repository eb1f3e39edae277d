//! Which hosts pass, and with which trust.

use super::*;

const CLOUD: &str = "https://mingle-sso.eu1.inforcloudsuite.com/ACME_TST/as/";

fn file(pu: &str, iu: Option<&str>) -> IonApiFile {
    let iu = iu.map_or_else(String::new, |iu| format!("\"iu\":\"{iu}\","));
    let text = format!("{{\"ci\":\"x\",\"cs\":\"invented\",{iu}\"pu\":\"{pu}\",\"ot\":\"token\"}}");
    IonApiFile::parse(text.as_bytes()).unwrap_or_else(|invalid| panic!("{invalid}"))
}

fn approved(host: &str, port: u16) -> ApprovedHost {
    ApprovedHost { host: host.into(), port, private_addresses: false, trust_anchors: vec![] }
}

fn allowed(rules: &HostRules, pu: &str, iu: Option<&str>) -> bool {
    rules.check(&file(pu, iu), &[]).is_ok()
}

#[test]
fn infors_cloud_is_known_and_its_look_alikes_are_not() {
    let rules = HostRules::new(vec![]);
    for host in [
        "mingle-sso.eu1.inforcloudsuite.com",
        "mingle-sso.inforcloudsuite.com",
        "mingle35-sso.se2.inforcloudsuite.com:443",
        "MINGLE-SSO.CA1.INFORCLOUDSUITE.COM",
        "mingle-ionapi.eu1.inforcloudsuite.com",
        "mingle-sso.inforgov.com",
    ] {
        assert!(allowed(&rules, &format!("https://{host}/ACME_TST/as/"), None), "{host}");
    }
    for host in [
        "mingle-sso.eu1.inforcloudsuite.com:8443",
        "mingle-sso.eu1.inforcloudsuite.com.evil.example",
        "mingle-sso.eu1.inforcloudsuite.com.",
        "mingle-sso.eu1inforcloudsuite.com",
        "mingle-sso.evil.eu1.inforcloudsuite.com",
        "mingle-sso-evil.eu1.inforcloudsuite.com",
        "mingle-x5-sso.eu1.inforcloudsuite.com",
        "evil-mingle-sso.eu1.inforcloudsuite.com",
        "sso.eu1.inforcloudsuite.com",
        "mingle-sso.eu-1.inforcloudsuite.com",
        "mingle-sso..inforcloudsuite.com",
        "inforcloudsuite.com",
        "inforgov.com",
        "erp.example",
        "127.0.0.1",
        "[::1]",
        "localhost",
        "2130706433",
    ] {
        assert!(!allowed(&rules, &format!("https://{host}/ACME_TST/as/"), None), "{host}");
    }
}

#[test]
fn an_approval_is_for_one_host_and_one_port() {
    let rules = HostRules::new(vec![approved("erp.example", 8443), approved("2001:db8::7", 443)]);
    for pu in ["https://erp.example:8443/sts/", "https://ERP.example:8443", "https://[2001:DB8::7]"]
    {
        assert!(allowed(&rules, pu, None), "{pu}");
    }
    for pu in [
        "https://erp.example/",
        "https://www.erp.example:8443/",
        "https://erp.example.evil.example:8443/",
        "https://[2001:db8::8]/",
    ] {
        assert!(!allowed(&rules, pu, None), "{pu}");
    }
}

#[test]
fn both_hosts_of_a_file_must_be_allowed() {
    let rules = HostRules::new(vec![approved("sts.example", 443)]);
    let refusal = |pu: &str, iu: &str| {
        rules.check(&file(pu, Some(iu)), &[]).err().map(|refused| refused.to_string())
    };
    assert_eq!(refusal(CLOUD, "https://mingle-ionapi.eu1.inforcloudsuite.com"), None);
    assert_eq!(refusal("https://sts.example/", "https://sts.example"), None);
    let refused = rules.check(&file("https://sts.example/", Some("https://api.example:7443")), &[]);
    let refused = refused.err().unwrap();
    assert_eq!((refused.key(), refused.host(), refused.port()), ("iu", "api.example", 7443));
    assert_eq!(
        refused.to_string(),
        "`iu` points to api.example, port 7443, which is neither Infor's cloud nor approved (the \
         operator of the vault must add this host and port to [[egress.host]])"
    );
    assert_eq!(
        refusal("https://erp.example/", "https://erp.example:7443").as_deref(),
        Some(
            "`pu` points to erp.example, port 443, and `iu` to erp.example, port 7443, which are \
             neither Infor's cloud nor approved (the operator of the vault must add these hosts \
             and ports to [[egress.host]])"
        )
    );
    assert_eq!(
        refusal("https://erp.example/", "https://erp.example/").as_deref(),
        Some(
            "`pu` points to erp.example, port 443, which is neither Infor's cloud nor approved \
             (the operator of the vault must add this host and port to [[egress.host]])"
        )
    );
}

#[test]
fn an_approval_says_which_certificates_and_addresses_unless_the_upload_does() {
    let anchor = |byte: u8| CertificateDer::from(vec![byte]);
    let rules = HostRules::new(vec![ApprovedHost {
        private_addresses: true,
        trust_anchors: vec![anchor(1)],
        ..approved("10.0.0.7", 443)
    }]);
    let on_premises = file("https://10.0.0.7/sts/", None);
    let target =
        |uploaded: &[CertificateDer<'static>]| rules.check(&on_premises, uploaded).unwrap();
    assert_eq!(
        target(&[]),
        Target {
            url: on_premises.token_endpoint().clone(),
            private_addresses: true,
            trust_anchors: vec![anchor(1)],
        }
    );
    assert_eq!(target(&[anchor(2)]).trust_anchors, [anchor(2)]);
    let cloud = rules.check(&file(CLOUD, None), &[]).unwrap();
    assert!(!cloud.private_addresses && cloud.trust_anchors.is_empty());
}

#[test]
fn one_endpoint_is_checked_as_the_file_it_came_from() {
    let anchor = CertificateDer::from(vec![1]);
    let rules = HostRules::new(vec![ApprovedHost {
        private_addresses: true,
        trust_anchors: vec![anchor.clone()],
        ..approved("sts.example", 8443)
    }]);
    let endpoint = |text: &str| Url::parse(text).unwrap();
    let revocation = endpoint("https://sts.example:8443/sts/connect/revocation");
    assert_eq!(
        rules.target(&revocation, &[]),
        Ok(Target { url: revocation, private_addresses: true, trust_anchors: vec![anchor] })
    );
    assert!(rules.target(&endpoint(CLOUD), &[]).is_ok());
    let refused = rules.target(&endpoint("https://sts.example/sts/"), &[]).unwrap_err();
    assert_eq!((refused.key(), refused.host(), refused.port()), ("pu", "sts.example", 443));
}
