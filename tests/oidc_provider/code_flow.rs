//! The authorization code flow with PKCE, asked of any server.

use data_encoding::BASE64URL_NOPAD;
use ionvault::ports::GrantRequest;
use ionvault::simulator::{App, ServerKind};
use sha2::{Digest, Sha256};
use url::Url;

use crate::browser;
use crate::questions::{Questions, REDIRECT, redeem, secret};

/// Asks everything; one line per question.
pub(crate) async fn ask(mut questions: Questions<'_>, base_url: &str, ca_pem: &str) -> Vec<String> {
    let [.., web, stranger] = questions.apps;
    let challenge = BASE64URL_NOPAD.encode(&Sha256::digest(VERIFIER));
    let open = async |changed: &[(&str, &str)]| {
        let url = authorization_url(base_url, web, &challenge, changed);
        browser::open(&url, ca_pem).await
    };

    let back = open(&[]).await.unwrap();
    assert_eq!(parameter(&back, "state").as_deref(), Some(STATE));
    let code = parameter(&back, "code").unwrap();
    assert!(back.as_str().starts_with(REDIRECT));
    questions.answers.push("a code and the state: yes".to_owned());
    for (question, changed) in [
        (
            "a plain challenge",
            [("code_challenge", VERIFIER), ("code_challenge_method", "plain")].as_slice(),
        ),
        ("no challenge", &[("code_challenge", ""), ("code_challenge_method", "")]),
        ("a scope that is not assigned", &[("scope", "Infor-M3")]),
        ("another redirect URI", &[("redirect_uri", "https://docbits.example/infor/")]),
        ("an unknown client", &[("client_id", "nobody")]),
    ] {
        let told = match open(changed).await {
            Ok(back) => {
                assert_eq!(parameter(&back, "state").as_deref(), Some(STATE));
                format!("back with {}", parameter(&back, "error").unwrap_or_default())
            }
            Err(status) => {
                assert_eq!(status, 400);
                "not sent back".to_owned()
            }
        };
        questions.answers.push(format!("{question}: {told}"));
    }

    let (code, verifier, wrong) =
        (secret(&code), secret(VERIFIER), secret(&VERIFIER.replace('0', "1")));
    let with = |code_verifier, redirect_uri| GrantRequest::AuthorizationCode {
        code: &code,
        redirect_uri,
        code_verifier,
    };
    let elsewhere = "https://docbits.example/infor/";
    questions.put("another verifier", web, with(&wrong, REDIRECT), None).await;
    questions.put("another redirect URI than before", web, with(&verifier, elsewhere), None).await;
    questions.put("another client", stranger, with(&verifier, REDIRECT), None).await;
    let first = questions.put("the code", web, with(&verifier, REDIRECT), None).await.unwrap();
    let second = questions.put("its refresh token", web, redeem(&first), None).await.unwrap();
    questions.put("the code again", web, with(&verifier, REDIRECT), None).await;
    questions.put("the newest refresh token after that", web, redeem(&second), None).await;
    questions.answers
}

/// What a client asks a browser to open; an empty parameter is left out.
fn authorization_url(base_url: &str, app: &App, challenge: &str, changed: &[(&str, &str)]) -> Url {
    let (path, scope) = match app.server {
        ServerKind::PingFederate => {
            (format!("/{}/as/authorization.oauth2", app.tenant), "Infor-ION")
        }
        ServerKind::InforSts => {
            ("/InforIntSTS/connect/authorize".to_owned(), "Infor-ION offline_access")
        }
    };
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", &app.client_id),
        ("redirect_uri", REDIRECT),
        ("scope", scope),
        // oidc-provider gives offline access only where the person is asked.
        ("prompt", "consent"),
        ("state", STATE),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in changed {
        parameters.retain(|(found, _)| found != name);
        if !value.is_empty() {
            parameters.push((name, value));
        }
    }
    let mut url: Url = format!("{base_url}{path}").parse().unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    url
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

const VERIFIER: &str = "invented-verifier-of-at-least-43-characters-000";

const STATE: &str = "a state & more";
