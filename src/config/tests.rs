mod issuers;
mod witnesses;

use std::collections::BTreeSet;

use super::*;
use crate::audit::RECORD_BYTES_MAX;
use crate::model::BudgetLimits;
use crate::tokens::RefreshRotation;

/// With every setting that has no default, and no other.
const LEAST: &str = r#"
[store]
data_dir = "data"
[root_key]
file = "root.key"
[listen.admin]
socket = "admin.sock"
[access]
policy = "policy.cedar"
"#;

const EXAMPLE: &str = include_str!("../../deploy/ionvault.example.toml");

fn refusal(text: &str) -> String {
    let error = Config::parse(text).expect_err(text);
    assert!(!error.to_string().contains('\n'), "one sentence: {error}");
    error.to_string()
}

/// `LEAST` with something after it.
fn with(more: &str) -> String {
    format!("{LEAST}{more}")
}

/// The example with its switched-off settings switched on.
fn example_with_everything_on() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') && !setting.is_empty() => setting.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_segment_of_the_audit_log_has_room_for_all_calls_that_may_be_at_work() {
    for calls in [1, 4_096, 65_536] {
        let config = Config::parse(&with(&format!("[limits]\ncalls = {calls}\n"))).unwrap();
        let room = config.audit.settings.segment_bytes / RECORD_BYTES_MAX as u64;
        assert!(room > calls + 2, "{calls}: {room}");
    }
    let default = Config::parse(LEAST).unwrap().audit.settings.segment_bytes;
    assert_eq!(default, 4_352 * 10_240);
}

#[test]
fn the_example_is_valid_and_shows_the_defaults() {
    let example = Config::parse(EXAMPLE).unwrap();
    let least = Config::parse(LEAST).unwrap();
    assert_eq!(example.limits, least.limits);
    assert_eq!(example.limits, Limits::default());
    assert_eq!(example.quotas, least.quotas);
    assert_eq!(example.quotas, QuotaSettings::default());
    let kept = |config: &Config| format!("{:?}", config.audit.settings);
    assert_eq!(kept(&example), kept(&least));
    let nobody = Witnesses { directory: None, server: None, log: false };
    assert_eq!((&example.audit.witnesses, &least.audit.witnesses), (&nobody, &nobody));
    assert_eq!(example.drain, least.drain);
    assert_eq!(example.egress, least.egress);
    assert_eq!(example.budget, least.budget);
    assert_eq!(example.budget, BudgetLimits::default());
    assert_eq!(example.servers, least.servers);
    assert_eq!(example.log.format, least.log.format);
    assert_eq!(example.log.filter, least.log.filter);
    let admin = |config: &Config| {
        let admin = config.listeners.admin.clone().unwrap();
        (admin.mode, admin.allowed_uids, admin.reflection)
    };
    assert_eq!(admin(&example), admin(&least));
    let mtls = example.listeners.mtls.unwrap();
    let short = r#"
[listen.mtls]
address = "[::1]:8443"
certificate = "a"
key = "b"
client_ca = "c"
trust_domain = "prod.example"
"#;
    let defaults = Config::parse(&with(short)).unwrap().listeners.mtls.unwrap();
    assert_eq!(mtls.allow_dns_san, defaults.allow_dns_san);
    assert_eq!(mtls.reflection, defaults.reflection);
    let all_on = Config::parse(&example_with_everything_on()).unwrap();
    let mesh = all_on.listeners.mesh.unwrap();
    let short = r#"
[listen.mesh]
address = "127.0.0.1:8081"
identity_header = "x-forwarded-client-cert"
trust_domain = "prod.example"
"#;
    let defaults = Config::parse(&with(short)).unwrap().listeners.mesh.unwrap();
    assert_eq!((mesh.place, mesh.reflection), (defaults.place, defaults.reflection));
    assert!(
        example.listeners.mesh.is_none(),
        "whoever reaches it is believed: off unless asked for"
    );
}

#[test]
fn the_example_with_everything_on_is_valid() {
    let config = Config::parse(&example_with_everything_on()).unwrap();
    let Egress { hosts, proxy } = config.egress;
    assert_eq!(hosts.len(), 1);
    assert!(hosts[0].private_addresses && hosts[0].ca.is_some() && proxy.is_some());
    let Witnesses { directory: Some(_), server: Some(server), log: false } = config.audit.witnesses
    else {
        panic!()
    };
    assert_eq!(server.url.as_str(), "https://witness.customer.example/ionvault");
    assert!(server.ca.is_some());
    let mut servers = ServerSettings::default();
    servers.settle("inforos.customer.example".to_owned(), 9443, RefreshRotation::None);
    assert_eq!(config.servers, servers);
    assert_eq!(config.listeners.admin.unwrap().allowed_uids, Some(vec![0, 1000]));
}

/// serde names all fields of a struct when it meets one that is not there.
fn keys_of(section: &str) -> BTreeSet<String> {
    let error = toml::from_str::<file::File>(&format!("{section}\nno_such_key = 1")).err().unwrap();
    let message = error.message().to_owned();
    assert!(message.contains("no_such_key"), "{message}");
    message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_key_is_in_the_example() {
    let example: toml::Table = example_with_everything_on().parse().unwrap();
    let mut sections = 0;
    let mut unread = vec![(String::new(), example)];
    while let Some((path, table)) = unread.pop() {
        let mut headers = vec![if path.is_empty() { String::new() } else { format!("[{path}]") }];
        // An array's table looks like any other from inside.
        headers.push(format!("[[{path}]]"));
        let array = ["access.group", "egress.host", "listen.jwt.issuer", "tokens.server"]
            .contains(&path.as_str());
        let header = &headers[usize::from(array)];
        let there: BTreeSet<_> = table.keys().cloned().collect();
        assert_eq!(there, keys_of(header), "{header}");
        sections += 1;
        for (key, value) in table {
            let inner = if path.is_empty() { key } else { format!("{path}.{key}") };
            if let toml::Value::Table(table) = value {
                unread.push((inner, table));
            } else if let toml::Value::Array(items) = value {
                let tables = items.into_iter().filter_map(|item| item.try_into().ok());
                unread.extend(tables.map(|table| (inner.clone(), table)));
            }
        }
    }
    assert_eq!(
        sections, 22,
        "the file, each section, three groups, an issuer, a host and a server"
    );
}

#[test]
fn what_is_missing_or_mistyped_is_named_with_its_line() {
    for (text, expected) in [
        (String::new(), "line 1: missing field `store`"),
        (with("[limits]\nconections = 1\n"), "line 11: unknown field `conections`, expected"),
        (
            with("[limits]\nconnections = \"many\"\n"),
            "line 11: invalid type: a text, expected usize",
        ),
        (with("[log]\nformat = \"xml\"\n"), "line 11: unknown word, expected `text` or `json`"),
        (
            with("[[tokens.server]]\nhost = \"a\"\nrefresh_rotation = \"some\"\n"),
            "line 12: unknown word, expected one of `strict`, `grace`, `none`",
        ),
        (with("[limits]\nconnections = -1\n"), "line 11: invalid value: integer `-1`"),
        (with("[listen.mtls]\naddress = \"localhost\"\n"), "line 11: invalid socket address"),
        (with("[store]\n"), "line 10: "),
        (with("[[access.group]]\nname = \"admin\"\n"), "line 10: missing field `members`"),
        ("drain_seconds 1".to_owned(), "line 1: "),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn a_configuration_that_serves_nobody_is_refused() {
    let text = LEAST.replace("[listen.admin]\nsocket = \"admin.sock\"", "[listen]");
    assert_eq!(Config::parse(&text).unwrap_err(), InvalidConfig::NoListener);
    let ops = LEAST.replace("admin]\nsocket = \"admin.sock\"", "ops]\naddress = \"127.0.0.1:0\"");
    assert_eq!(Config::parse(&ops).unwrap_err(), InvalidConfig::NoListener);
}

#[test]
fn every_number_has_a_range() {
    let of_callers = [
        ("connections", 1, 100_000),
        ("handshakes", 1, 4096),
        ("streams_per_connection", 1, 256),
        ("calls", 1, 65_536),
        ("call_seconds", 1, 600),
        ("handshake_seconds", 1, 60),
        ("connection_age_seconds", 60, 86_400),
        ("connection_age_grace_seconds", 1, 600),
        ("keepalive_seconds", 5, 3600),
        ("keepalive_timeout_seconds", 1, 60),
        ("calls_per_second_per_caller", 1, 1_000_000),
        ("calls_at_once_per_caller", 1, 1_000_000),
        ("changes_per_second_per_caller", 1, 1_000_000),
        ("changes_at_once_per_caller", 1, 1_000_000),
        ("calls_per_second_per_tenant", 1, 1_000_000),
        ("calls_at_once_per_tenant", 1, 1_000_000),
        ("changes_per_second_per_tenant", 1, 1_000_000),
        ("changes_at_once_per_tenant", 1, 1_000_000),
    ];
    let of_tokens = [
        ("tokens_per_client_and_day", 1, 5_000),
        ("logins_per_tenant_and_day", 1, 5_000),
        ("logins_per_tenant_and_minute", 1, 1_000),
    ];
    for (section, limits) in [("limits", &of_callers[..]), ("tokens.limits", &of_tokens[..])] {
        assert_eq!(limits.len(), keys_of(&format!("[{section}]")).len());
        for (key, least, most) in limits {
            let text = |number: u64| with(&format!("[{section}]\n{key} = {number}\n"));
            assert!(Config::parse(&text(*least)).is_ok(), "{key}");
            assert!(Config::parse(&text(*most)).is_ok(), "{key}");
            let range = format!("a whole number from {least} to {most}");
            let expected = format!("`{section}.{key}` must be {range}");
            assert_eq!(refusal(&text(least - 1)), expected);
            assert_eq!(refusal(&text(most + 1)), expected);
        }
    }
    for number in [0, 601] {
        let refusal = refusal(&format!("drain_seconds = {number}\n{LEAST}"));
        assert_eq!(refusal, "`drain_seconds` must be a whole number from 1 to 600");
    }
}

#[test]
fn values_that_no_part_of_the_program_could_use_are_refused_by_key() {
    let host = |text: &str| with(&format!("[[egress.host]]\n{text}\n"));
    let server =
        |text: &str| with(&format!("[[tokens.server]]\n{text}\nrefresh_rotation = \"strict\"\n"));
    let servers_twice = "host = \"a.example\"\nrefresh_rotation = \"none\"\n[[tokens.server]]\n\
                         host = \"a.example\"\nport = 443";
    let twice = "host = \"a.example\"\n[[egress.host]]\nhost = \"a.example\"";
    let group = |text: &str| with(&format!("[[access.group]]\n{text}\n"));
    let admin = |text: &str| LEAST.replace("socket = \"admin.sock\"", text);
    let mode = |mode: &str| admin(&format!("socket = \"a\"\nmode = \"{mode}\""));
    let trust_domain = |name: &str| {
        let paths =
            "address = \"127.0.0.1:0\"\ncertificate = \"a\"\nkey = \"b\"\nclient_ca = \"c\"";
        with(&format!("[listen.mtls]\n{paths}\ntrust_domain = \"{name}\"\n"))
    };
    for (key, text) in [
        ("store.data_dir", LEAST.replace("\"data\"", "\"\"")),
        ("root_key.file", LEAST.replace("\"root.key\"", "\"\"")),
        ("access.policy", LEAST.replace("\"policy.cedar\"", "\"\"")),
        ("listen.admin.socket", admin("socket = \"\"")),
        ("listen.admin.socket", admin(&format!("socket = \"/{}\"", "s".repeat(107)))),
        ("listen.admin.allowed_uids", admin("socket = \"a\"\nallowed_uids = []")),
        ("listen.admin.mode", mode("0400")),
        ("listen.admin.mode", mode("1777")),
        ("listen.admin.mode", mode("rw")),
        ("listen.admin.mode", mode("+600")),
        ("listen.admin.mode", mode("0888")),
        ("listen.mtls.trust_domain", trust_domain("")),
        ("listen.mtls.trust_domain", trust_domain("Prod.example")),
        ("listen.mtls.trust_domain", trust_domain("spiffe://prod.example/a")),
        ("egress.proxy", with("[egress]\nproxy = \"proxy.example:3128\"\n")),
        ("egress.proxy", with("[egress]\nproxy = \"http://proxy.example\"\n")),
        ("egress.proxy", with("[egress]\nproxy = \"http://proxy.example:0\"\n")),
        ("egress.proxy", with("[egress]\nproxy = \"http://proxy.example:3128/\"\n")),
        ("egress.proxy", with("[egress]\nproxy = \"https://proxy.example:3128\"\n")),
        ("egress.proxy", with("[egress]\nproxy = \"http://me:planted@proxy.example:3128\"\n")),
        ("egress.host.host", host("host = \"\"")),
        ("egress.host.host", host("host = \"A.example\"")),
        ("egress.host.host", host("host = \"https://a.example\"")),
        ("egress.host.host", host("host = \"a.example:443\"")),
        ("egress.host.host", host("host = \"a.example/\"")),
        ("egress.host.host", host("host = \"0x7f.1\"")),
        ("egress.host.port", host("host = \"a.example\"\nport = 0")),
        ("egress.host.ca", host("host = \"a.example\"\nca = \"\"")),
        ("egress.host", host(twice)),
        ("tokens.server.host", server("host = \"https://a.example\"")),
        ("tokens.server.port", server("host = \"a.example\"\nport = 0")),
        ("tokens.server", server(servers_twice)),
        ("access.group", group("name = \"Admin\"\nmembers = []")),
        ("access.group", group("name = \"admin\"\nmembers = [\"root\"]")),
        ("log.filter", with("[log]\nfilter = \"\"\n")),
        ("log.filter", with("[log]\nfilter = \"inof\"\n")),
        ("log.filter", with("[log]\nfilter = \"ionvault=loud\"\n")),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.starts_with(&format!("`{key}` must be ")), "{key}: {refusal}");
        assert!(!refusal.contains("planted"), "{refusal}");
    }
}

#[test]
fn a_group_is_written_once() {
    let group = "[[access.group]]\nname = \"admin\"\nmembers = [\"uid:0\"]\n";
    let refusal = refusal(&with(&format!("{group}{group}")));
    assert_eq!(refusal, "`access.group` must be each group once, and `admin` is there twice");
}

#[test]
fn what_needs_a_restart_is_named_and_policy_and_groups_do_not() {
    let started = Config::parse(LEAST).unwrap();
    let other_policy =
        LEAST.replace("policy.cedar", "other.cedar").replace("[store]", "# !\n[store]");
    let group = "[[access.group]]\nname = \"admin\"\nmembers = [\"uid:0\"]\n";
    for (text, expected) in [
        (other_policy, &[][..]),
        (with(group), &[]),
        (with("[log]\nformat = \"json\"\n"), &["log"]),
        (
            format!("drain_seconds = 9\n{}", LEAST.replace("data\"", "d\"")),
            &["drain_seconds", "store"],
        ),
    ] {
        let newer = Config::parse(&text).unwrap();
        assert_eq!(started.restart_for(&newer), expected, "{text}");
        assert_eq!(newer.restart_for(&started), expected, "{text}");
    }
}

#[test]
fn addresses_as_urls_write_them_can_be_approved() {
    for host in ["10.0.0.7", "[2001:db8::7]", "xn--bcher-kva.example"] {
        let text = with(&format!("[[egress.host]]\nhost = \"{host}\"\n"));
        let config = Config::parse(&text).unwrap();
        let approved = config.egress.hosts[0].approve().unwrap();
        assert_eq!(approved.host, host.trim_matches(['[', ']']));
        assert_eq!((approved.port, approved.private_addresses), (443, false));
        assert_eq!(approved.trust_anchors, []);
    }
}

#[test]
fn a_proxy_is_a_host_and_a_port() {
    for (written, host, port) in [
        ("http://proxy.example:3128", "proxy.example", 3128),
        ("http://10.0.0.7:80", "10.0.0.7", 80),
        ("http://[fd00::7]:8080", "fd00::7", 8080),
    ] {
        let config = Config::parse(&with(&format!("[egress]\nproxy = \"{written}\"\n"))).unwrap();
        assert_eq!(config.egress.proxy, Some(EgressProxy { host: host.to_owned(), port }));
    }
}

#[test]
fn an_approved_host_brings_the_authorities_of_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let host = EgressHost {
        host: "a.example".to_owned(),
        port: 9443,
        ca: Some(path.clone()),
        private_addresses: true,
    };
    let error = host.approve().unwrap_err();
    assert!(matches!(error, ReadCertificatesError::Read { .. }), "{error}");
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    std::fs::write(&path, authority.pem()).unwrap();
    let approved = host.approve().unwrap();
    assert_eq!(approved.trust_anchors, [authority.der().clone()]);
    assert_eq!((approved.port, approved.private_addresses), (9443, true));
}

#[test]
fn certificates_are_read_in_order_and_other_files_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let certificate = || {
        let key = rcgen::KeyPair::generate().unwrap();
        rcgen::CertificateParams::default().self_signed(&key).unwrap()
    };
    let (one, two) = (certificate(), certificate());
    std::fs::write(&path, format!("# ours\n{}{}", one.pem(), two.pem())).unwrap();
    assert_eq!(read_certificates(&path).unwrap(), [one.der().clone(), two.der().clone()]);

    let broken = one.pem().replace('M', "!");
    for text in ["", "no certificate", broken.as_str()] {
        std::fs::write(&path, text).unwrap();
        let error = read_certificates(&path).unwrap_err();
        assert!(matches!(error, ReadCertificatesError::NoCertificates { .. }), "{error}");
    }
    std::fs::write(&path, vec![b'\n'; 1024 * 1024 + 1]).unwrap();
    let error = read_certificates(&path).unwrap_err();
    assert!(matches!(error, ReadCertificatesError::TooLong { .. }), "{error}");
    let error = read_certificates(&dir.path().join("missing")).unwrap_err();
    assert!(matches!(error, ReadCertificatesError::Read { .. }), "{error}");
}
