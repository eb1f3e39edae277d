//! The code flow, with a browser that agrees to everything.

use data_encoding::BASE64URL_NOPAD;
use ionvault::simulator::{App, AppGrant, ServerKind, Simulator, SimulatorConfig};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::browser::Browser;
use crate::{CLOUD, STS, client, start};

const REDIRECT: &str = "https://docbits.example/infor?from=here";
const VERIFIER: &str = "invented-verifier-of-at-least-43-characters-000";

fn web_app(simulator: &Simulator, tenant: &str, server: ServerKind) -> App {
    let mut app = App::sample(tenant, "web");
    app.grant = AppGrant::AuthorizationCode { redirect_uri: REDIRECT.to_owned() };
    app.server = server;
    simulator.add_app(app.clone()).unwrap();
    app
}

fn challenge() -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER))
}

/// What a client asks a browser to open.
fn question<'a>(app: &'a App, challenge: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("response_type", "code"),
        ("client_id", &app.client_id),
        ("redirect_uri", REDIRECT),
        ("state", "a state & more"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

/// The parameters that a browser brings back.
fn brought(location: &str) -> Vec<(String, String)> {
    assert!(location.starts_with("https://docbits.example/infor?from=here&"), "{location}");
    Url::parse(location).unwrap().query_pairs().into_owned().skip(1).collect()
}

async fn code(browser: &Browser, path: &str, question: &[(&str, &str)]) -> String {
    let (status, location) = browser.get(path, question).await;
    assert_eq!(status, 302, "{location}");
    let brought = brought(&location);
    assert_eq!(brought[1], ("state".to_owned(), "a state & more".to_owned()));
    assert_eq!(brought[0].0, "code");
    brought[0].1.clone()
}

async fn trade(browser: &Browser, app: &App, changed: &[(&str, &str)], code: &str) -> (u16, Value) {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    form.extend(client(app));
    for (name, value) in changed {
        form.iter_mut().find(|(found, _)| found == name).unwrap().1 = value;
    }
    let path = if app.server == ServerKind::InforSts { STS } else { CLOUD };
    browser.post(path, None, &form).await
}

const AUTHORIZE: &str = "/ACME_TST/as/authorization.oauth2";
const AUTHORIZE_STS: &str = "/InforIntSTS/connect/authorize";

#[tokio::test]
async fn a_code_gets_tokens_once_and_kills_them_when_it_is_used_again() {
    let (simulator, browser, _, _) = start(SimulatorConfig::default()).await;
    let app = web_app(&simulator, "ACME_TST", ServerKind::PingFederate);
    let other = web_app(&simulator, "ACME_TST", ServerKind::PingFederate);
    let stranger = App { client_id: "ACME_TST~stranger".to_owned(), ..other };
    simulator.add_app(stranger.clone()).unwrap();
    let challenge = challenge();
    let code = code(&browser, AUTHORIZE, &question(&app, &challenge)).await;
    for (who, changed, told) in [
        (&stranger, [].as_slice(), "the code is not known"),
        (&app, &[("code_verifier", "wrong")], "code_verifier does not fit code_challenge"),
        (
            &app,
            &[("redirect_uri", "https://docbits.example/infor")],
            "redirect_uri is not the one the code was given for",
        ),
    ] {
        let (status, answer) = trade(&browser, who, changed, &code).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some("invalid_grant")));
        assert_eq!(answer["error_description"], told);
    }
    let (_, incomplete) = trade(&browser, &app, &[("code_verifier", "")], &code).await;
    assert_eq!(incomplete["error"], "invalid_request");
    let (status, tokens) = trade(&browser, &app, &[], &code).await;
    assert_eq!(status, 200, "{tokens}");
    let redeem = [
        ("grant_type", "refresh_token"),
        ("refresh_token", tokens["refresh_token"].as_str().unwrap()),
    ];
    let redeem = [redeem.as_slice(), &client(&app)].concat();
    assert_eq!(browser.post(CLOUD, None, &redeem).await.0, 200);
    let (_, again) = trade(&browser, &app, &[], &code).await;
    assert_eq!(again["error_description"], "the code was used before");
    assert_eq!(
        (browser.post(CLOUD, None, &redeem).await.0, simulator.families_revoked()),
        (400, 1)
    );
    let counted = simulator.requests_of(&app.client_id);
    let others = simulator.requests_of(&stranger.client_id);
    assert_eq!((counted.authorizations, counted.authorization_code), (1, 5));
    assert_eq!((others.authorizations, others.authorization_code), (0, 1));
    simulator.shutdown().await;
}

#[tokio::test]
async fn on_premises_a_refresh_token_comes_to_those_who_asked_the_person_for_it() {
    let (simulator, browser, _, _) = start(SimulatorConfig::default()).await;
    let app = web_app(&simulator, "infor", ServerKind::InforSts);
    let challenge = challenge();
    for (scope, given) in [(None, false), (Some(("scope", "offline_access")), true)] {
        let question = [question(&app, &challenge), scope.into_iter().collect()].concat();
        let code = code(&browser, AUTHORIZE_STS, &question).await;
        let (_, tokens) = trade(&browser, &app, &[], &code).await;
        assert_eq!(tokens.get("refresh_token").is_some(), given, "{tokens}");
    }
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_wrong_question_is_refused_where_it_is_safe_to_say_so() {
    let (simulator, browser, cloud, _) = start(SimulatorConfig::default()).await;
    let app = web_app(&simulator, "ACME_TST", ServerKind::PingFederate);
    let challenge = challenge();
    let with = |name: &'static str, value: &'static str| {
        let mut question = question(&app, &challenge);
        question.retain(|(found, _)| *found != name);
        question.push((name, value));
        question
    };
    let mut of_another_type = question(&cloud, &challenge);
    of_another_type[2].1 = "https://attacker.example/";
    for (question, why) in [
        (with("client_id", "nobody"), "client_id names no app"),
        (with("redirect_uri", "https://docbits.example/infor"), "redirect_uri is missing, or"),
        (with("redirect_uri", "https://attacker.example/"), "redirect_uri is missing, or"),
        (with("redirect_uri", ""), "redirect_uri is missing, or"),
        (of_another_type, "The app's type has no redirect URI"),
        ([with("state", "1"), vec![("state", "2")]].concat(), "a parameter is there twice"),
    ] {
        let (status, page) = browser.get(AUTHORIZE, &question).await;
        assert!(status == 400 && page.contains(why), "{status}: {page}");
    }
    for (question, error) in [
        (with("response_type", "token"), "unsupported_response_type"),
        (with("code_challenge_method", "plain"), "invalid_request"),
        (with("code_challenge_method", ""), "invalid_request"),
        (with("code_challenge", ""), "invalid_request"),
        (with("code_challenge", "short"), "invalid_request"),
        (with("scope", "Infor-M3"), "invalid_scope"),
    ] {
        let (status, location) = browser.get(AUTHORIZE, &question).await;
        assert_eq!(status, 302, "{location}");
        let brought = brought(&location);
        assert_eq!(brought[0], ("error".to_owned(), error.to_owned()));
        assert_eq!(brought[2], ("state".to_owned(), "a state & more".to_owned()));
    }
    let mut disabled = app.clone();
    disabled.enabled = false;
    simulator.add_app(disabled).unwrap();
    assert_eq!(browser.get(AUTHORIZE, &question(&app, &challenge)).await.0, 400);
    simulator.shutdown().await;
}
