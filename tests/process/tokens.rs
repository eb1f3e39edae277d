//! Callers with tokens: who is let in by a real vault, and who is not.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use ionvault::adapters::SystemClock;
use ionvault::identity::{self, InvalidToken, Issuers, TokenRules};
use ionvault::pb::v1::ListCredentialsRequest;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::ports::{Clock, KeySetSource, ReadKeySetError};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::crafted_tokens;
use super::installation::{Installation, Server};
use super::issuer::{AUDIENCE, CLUSTER, Keys, OTHER, RS256, changed, claims, sign};

/// A vault that takes tokens of two issuers, and lets the pods `export-*` of one namespace list.
fn vault(keys: &Keys) -> (Installation, Server) {
    let installation = Installation::initialized();
    installation.write("cluster.json", keys.set_of_cluster());
    installation.write("other.json", keys.set_of_other());
    let path = |name| installation.path(name).display().to_string();
    let listener = format!(
        "[listen.jwt]\naddress = \"127.0.0.1:0\"\ncertificate = {:?}\nkey = {:?}\n\
         [[listen.jwt.issuer]]\nissuer = \"{CLUSTER}\"\naudience = \"{AUDIENCE}\"\njwks = {:?}\n\
         [[listen.jwt.issuer]]\nissuer = \"{OTHER}\"\naudience = \"{AUDIENCE}\"\njwks = {:?}\n\
         algorithms = [\"EdDSA\"]\nlifetime_max_seconds = 600\n\
         [[access.group]]\nname = \"auditor\"\nmembers = [\"jwt:{OTHER}#people/a#b\"]\n[access]\n",
        path("server.pem"),
        path("server.key"),
        path("cluster.json"),
        path("other.json"),
    );
    installation.replace("ionvault.toml", "[access]\n", &listener);
    let policy = installation.read("policy.cedar")
        + &format!(
            "permit (principal, action == Action::\"ListCredentials\", resource) when {{\n\
             principal has issuer && principal.issuer == \"{CLUSTER}\" &&\n\
             principal has namespace && principal.namespace == \"docbits\" &&\n\
             principal has pod && principal.pod like \"export-*\"\n}};\n"
        );
    installation.write("policy.cedar", policy);
    let server = installation.serve();
    (installation, server)
}

async fn channel(installation: &Installation, server: &Server) -> Channel {
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(installation.read("ca.pem")))
        .domain_name("localhost");
    let address = format!("https://{}", server.jwt.unwrap());
    Endpoint::from_shared(address).unwrap().tls_config(tls).unwrap().connect().await.unwrap()
}

/// What may be listed by policy, and says so if not.
async fn ask(channel: &Channel, headers: &[String]) -> Result<(), Status> {
    let parent = "tenants/acme".to_owned();
    let mut request = Request::new(ListCredentialsRequest { parent, ..Default::default() });
    for value in headers {
        request.metadata_mut().append("authorization", value.parse().unwrap());
    }
    CredentialServiceClient::new(channel.clone()).list_credentials(request).await.map(|_| ())
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

fn now() -> u64 {
    SystemClock.now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The same issuers as the vault's, at a time that stands still; and what reads their keys again when
/// a token names an unknown one.
async fn issuers(keys: &Keys, now: u64) -> (Arc<Issuers>, JoinSet<()>) {
    struct Stopped(SystemTime);
    impl Clock for Stopped {
        fn now(&self) -> SystemTime {
            self.0
        }
    }
    struct Fixed(String);
    #[async_trait]
    impl KeySetSource for Fixed {
        async fn read(&self) -> Result<Vec<u8>, ReadKeySetError> {
            Ok(self.0.clone().into_bytes())
        }
        fn read_every(&self) -> Duration {
            Duration::from_secs(3600)
        }
    }
    let mut issuers = Issuers::new(Arc::new(Stopped(UNIX_EPOCH + Duration::from_secs(now))));
    for (issuer, set, algorithms, lifetime_max) in [
        (CLUSTER, keys.set_of_cluster(), TokenRules::ALGORITHMS.to_vec(), TokenRules::LIFETIME_MAX),
        (OTHER, keys.set_of_other(), vec![identity::Algorithm::EdDsa], Duration::from_secs(600)),
    ] {
        let (issuer, audience) = (issuer.to_owned(), AUDIENCE.to_owned());
        let rules = TokenRules { issuer, audience, algorithms, lifetime_max };
        issuers.add_loaded(rules, Arc::new(Fixed(set))).await.unwrap();
    }
    let issuers = Arc::new(issuers);
    let (kept, mut keeping) = (issuers.clone(), JoinSet::new());
    keeping.spawn(async move { kept.keep_keys(&CancellationToken::new()).await });
    (issuers, keeping)
}

fn map(values: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("authorization", HeaderValue::from_str(value).unwrap());
    }
    headers
}

// Its client must be able to hear that the vault stops.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn crafted_tokens_are_refused_each_by_the_rule_that_it_breaks() {
    let keys = Keys::generate();
    let (installation, server) = vault(&keys);
    let channel = channel(&installation, &server).await;
    let now = now();
    let (issuers, _keeping) = issuers(&keys, now).await;
    let all = crafted_tokens::all(&keys, now);
    let mut wrong = Vec::new();
    for crafted in &all {
        let found = issuers.caller(&map(&crafted.headers)).await;
        if found != Err(crafted.expected) {
            wrong.push(format!("{}: {found:?}, not {:?}", crafted.name, crafted.expected));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut refused = 0;
    for crafted in &all {
        let name = &crafted.name;
        let status = ask(&channel, &crafted.headers).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{name}: {status:?}");
        assert_eq!(reason(&status), "CALLER_UNKNOWN", "{name}");
        assert_eq!(status.message(), crafted.expected.told(), "{name}");
        refused += 1;
    }
    println!("crafted tokens: {refused} of {} refused", all.len());
    assert!(all.len() >= 60);
    let good = sign(&keys.rsa, Algorithm::RS256, RS256, &claims(now).to_string());
    ask(&channel, &[format!("Bearer {good}")]).await.expect("a good one is taken all the same");
    drop(channel);
    server.stop();
}

// Its client must be able to hear that the vault stops.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn good_tokens_name_the_caller_that_the_policy_sees() {
    let keys = Keys::generate();
    let (installation, server) = vault(&keys);
    let channel = channel(&installation, &server).await;
    let now = now();
    let (issuers, _keeping) = issuers(&keys, now).await;
    let pod = format!("jwt:{CLUSTER}#system:serviceaccount:docbits:export");
    let person = |subject: &str| {
        let who = json!({ "iss": OTHER, "sub": subject, "aud": AUDIENCE });
        let mut claims = changed(now, "exp", Some(json!(now + 300)));
        claims.as_object_mut().unwrap().remove("kubernetes.io").unwrap();
        claims.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        sign(&keys.ed, Algorithm::EdDSA, r#"{"alg":"EdDSA"}"#, &claims.to_string())
    };
    let cluster = |header: &str, claims: &Value| {
        sign(&keys.rsa, Algorithm::RS256, header, &claims.to_string())
    };
    let claim = |name: &str, value: Value| cluster(RS256, &changed(now, name, Some(value)));
    let good = claims(now);
    let mut podless = good.clone();
    podless["kubernetes.io"].as_object_mut().unwrap().remove("pod").unwrap();
    let typed = r#"{"alg":"RS256","kid":"rsa","typ":"at+JWT"}"#;
    let with_more = r#"{"typ":"JWT","alg":"RS256","kid":"rsa","x5t":"AA","other":{"crit":[]}}"#;
    let es256 = r#"{"alg":"ES256","kid":"ec","typ":"JWT"}"#;
    let of_curve = sign(&keys.ec, Algorithm::ES256, es256, &good.to_string());
    for (what, token, caller, may) in [
        ("RS256", cluster(RS256, &good), pod.clone(), true),
        ("ES256", of_curve, pod.clone(), true),
        ("an access token of RFC 9068", cluster(typed, &good), pod.clone(), true),
        ("parameters that change nothing", cluster(with_more, &good), pod.clone(), true),
        ("one audience", claim("aud", json!(AUDIENCE)), pod.clone(), true),
        ("several audiences", claim("aud", json!(["other", AUDIENCE])), pod.clone(), true),
        ("a clock that is ahead", claim("nbf", json!(now + 20)), pod.clone(), true),
        ("no iat", cluster(RS256, &changed(now, "iat", None)), pod.clone(), true),
        ("no pod", cluster(RS256, &podless), pod.clone(), false),
        ("EdDSA, in a group", person("people/a#b"), format!("jwt:{OTHER}#people/a#b"), true),
        ("EdDSA, in none", person("people/c"), format!("jwt:{OTHER}#people/c"), false),
    ] {
        for scheme in ["Bearer", "bearer"] {
            let headers = [format!("{scheme} {token}")];
            let found = issuers.caller(&map(&headers)).await.unwrap();
            assert_eq!(found.to_string(), caller, "{what}");
            let code =
                ask(&channel, &headers).await.map_or_else(|status| status.code(), |()| Code::Ok);
            let expected = if may { Code::Ok } else { Code::PermissionDenied };
            assert_eq!(code, expected, "{what}");
        }
    }
    // Not asked of the vault, whose clock goes on.
    let just_over = [format!("Bearer {}", claim("exp", json!(now - 29)))];
    assert!(issuers.caller(&map(&just_over)).await.is_ok(), "a clock that is behind");
    for begins in ["nbf", "iat"] {
        let at = |time| [format!("Bearer {}", claim(begins, json!(time)))];
        assert!(issuers.caller(&map(&at(now + 30))).await.is_ok(), "{begins}");
        let early = issuers.caller(&map(&at(now + 31))).await;
        assert_eq!(early, Err(InvalidToken::NotYetValid), "{begins}");
    }
    drop(channel);
    server.stop();
}

#[test]
fn the_command_line_shows_a_token_and_is_told_what_is_wrong_with_one() {
    let keys = Keys::generate();
    let (installation, server) = vault(&keys);
    let now = now();
    let show = |claims: &Value| {
        let token = sign(&keys.rsa, Algorithm::RS256, RS256, &claims.to_string());
        installation.write("token", format!("{token}\n"));
        let mut command = installation.command(&["list", "acme"]);
        command
            .env("IONVAULT_ENDPOINT", format!("https://localhost:{}", server.jwt.unwrap().port()));
        command.env("IONVAULT_CA", installation.path("ca.pem"));
        command.env("IONVAULT_TOKEN_FILE", installation.path("token"));
        let ended = super::program::Program::spawn(command).end();
        let said = ended.said.join("\n");
        assert!(!said.contains(&token), "the token is shown");
        (ended.code, said)
    };
    let (code, said) = show(&claims(now));
    assert_eq!((code, said.as_str()), (Some(0), "No credentials."));
    let (code, said) = show(&changed(now, "exp", Some(json!(now - 40))));
    assert!(code == Some(4) && said.contains(InvalidToken::Expired.told()), "{said}");
    assert!(said.contains("--token-file"), "{said}");
    server.stop();
}
