use super::*;
use crate::identity::TokenRules;

#[test]
fn the_example_shows_the_defaults_of_token_issuers() {
    let jwt = Config::parse(&example_with_everything_on()).unwrap().listeners.jwt.unwrap();
    let [JwtIssuer { rules, jwks: Jwks::Address { url, ca: Some(_) } }] = jwt.issuers.as_slice()
    else {
        panic!("{jwt:?}");
    };
    assert_eq!(rules.algorithms, TokenRules::ALGORITHMS);
    assert_eq!(rules.lifetime_max, TokenRules::LIFETIME_MAX);
    assert_eq!(url.as_str(), "https://kubernetes.default.svc/openid/v1/jwks");
    let short = Config::parse(&issuer("jwks = \"keys.json\"\n")).unwrap().listeners.jwt.unwrap();
    assert_eq!(short.reflection, jwt.reflection);
    assert_eq!(short.issuers[0].rules.algorithms, rules.algorithms);
    assert_eq!(short.issuers[0].rules.lifetime_max, rules.lifetime_max);
    assert_eq!(short.issuers[0].jwks, Jwks::File("keys.json".into()));
}

/// `[listen.jwt]` with one issuer, which has these settings, too.
fn issuer(more: &str) -> String {
    let listener = "[listen.jwt]\naddress = \"127.0.0.1:0\"\ncertificate = \"a\"\nkey = \"b\"\n";
    let issuer = "[[listen.jwt.issuer]]\nissuer = \"https://a.example\"\naudience = \"ionvault\"\n";
    with(&format!("{listener}{issuer}{more}"))
}

#[test]
fn issuers_of_tokens_that_could_not_be_checked_are_refused_by_key() {
    let key = |name: &str| format!("listen.jwt.issuer.{name}");
    let replaced = |from: &str, to: &str| {
        let text = issuer("jwks = \"keys.json\"\n");
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let more = |text: &str| issuer(&format!("jwks = \"keys.json\"\n{text}\n"));
    let twice =
        "[[listen.jwt.issuer]]\nissuer = \"https://a.example\"\naudience = \"b\"\njwks = \"c\"";
    for (key, text) in [
        (key("issuer"), replaced("https://a.example", "")),
        (key("issuer"), replaced("https://a.example", "https://a.example#b")),
        (key("issuer"), replaced("https://a.example", "https://a.example ")),
        (key("audience"), replaced("ionvault", "")),
        (key("audience"), replaced("ionvault", "ion vault")),
        (key("jwks"), replaced("keys.json", "")),
        (key("jwks"), replaced("keys.json", "http://a.example/keys")),
        (key("jwks"), replaced("keys.json", "https://me:planted@a.example/keys")),
        (key("jwks"), replaced("keys.json", "https://a.example/keys?planted")),
        (key("jwks"), replaced("keys.json", "file:///keys.json")),
        (key("jwks_ca"), more("jwks_ca = \"ca.pem\"")),
        (key("algorithms"), more("algorithms = []")),
        (key("algorithms"), more("algorithms = [\"RS256\", \"none\"]")),
        (key("algorithms"), more("algorithms = [\"HS256\"]")),
        (key("algorithms"), more("algorithms = [\"rs256\"]")),
        (key("lifetime_max_seconds"), more("lifetime_max_seconds = 59")),
        (key("lifetime_max_seconds"), more("lifetime_max_seconds = 604801")),
        ("listen.jwt.issuer".to_owned(), more(twice)),
        (
            "listen.jwt.issuer".to_owned(),
            with(
                "[listen.jwt]\naddress = \"127.0.0.1:0\"\ncertificate = \"a\"\nkey = \"b\"\nissuer = []\n",
            ),
        ),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.starts_with(&format!("`{key}` must be ")), "{key}: {refusal}");
        assert!(!refusal.contains("planted"), "{refusal}");
    }
}
