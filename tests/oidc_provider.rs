//! The HTTPS client against oidc-provider, a certified OAuth2 server that behaves as Infor's two
//! kinds of server do, and against the simulator: both are asked the same questions, so that the
//! simulator is held to a server that we did not write.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::print_stderr, reason = "a skipped test says so, and one that counts says what")]

#[path = "oidc_provider/browser.rs"]
mod browser;
#[path = "oidc_provider/code_flow.rs"]
mod code_flow;
#[path = "oidc_provider/given_back.rs"]
mod given_back;
#[path = "third_party/installed.rs"]
mod installed;
#[path = "oidc_provider/introspection.rs"]
mod introspection;
#[path = "oidc_provider/questions.rs"]
mod questions;
#[path = "oidc_provider/server.rs"]
mod server;
#[path = "oidc_provider/tap.rs"]
mod tap;
#[path = "oidc_provider/vault.rs"]
mod vault;
#[path = "oidc_provider/web_apps.rs"]
mod web_apps;

use ionvault::simulator::{App, RefreshPolicy, Simulator, SimulatorConfig};
use questions::{Questions, apps};
use server::OidcProvider;

/// What both servers must answer, for either kind.
const EXPECTED: [&str; 20] = [
    "log in: token and refresh token for 7200 s",
    "refresh: token and refresh token for 7200 s",
    "refresh twice: token and refresh token for 7200 s",
    "replay the first refresh token: refused, invalid_grant",
    "use the newest after the replay: refused, invalid_grant",
    "log in again: token and refresh token for 7200 s",
    "another client's refresh token: refused, invalid_grant",
    "its own client's: token and refresh token for 7200 s",
    "wrong client secret: refused, invalid_client",
    "unknown client: refused, invalid_client",
    "wrong password: refused, invalid_grant",
    "wrong user name: refused, invalid_grant",
    "unknown refresh token: refused, invalid_grant",
    "after another client revoked it: token and refresh token for 7200 s",
    "after its own client did: refused, invalid_grant",
    "client credentials: token for 7200 s",
    "a scope that is assigned: token for 7200 s with the scope",
    "a scope that is not: refused, invalid_scope",
    "a log-in where the app's grant is another: refused, as the app's or the request's fault",
    "a path that does not exist: no token endpoint",
];

/// The same for people's apps.
const EXPECTED_OF_CODES: [&str; 13] = [
    "a code and the state: yes",
    "a plain challenge: back with invalid_request",
    "no challenge: back with invalid_request",
    "a scope that is not assigned: back with invalid_scope",
    "another redirect URI: not sent back",
    "an unknown client: not sent back",
    "another verifier: refused, invalid_grant",
    "another redirect URI than before: refused, invalid_grant",
    "another client: refused, invalid_grant",
    "the code: token and refresh token for 7200 s with the scope",
    "its refresh token: token and refresh token for 7200 s with the scope",
    "the code again: refused, invalid_grant",
    "the newest refresh token after that: refused, invalid_grant",
];

async fn check(server: &str, base_url: &str, ca_pem: &str, apps: &[App]) {
    for kind in apps.chunks_exact(5) {
        let [person, colleague, service, web, stranger] = kind else { unreachable!() };
        let apps = [person, colleague, service, web, stranger];
        let answers = Questions::new(base_url, ca_pem, apps).ask().await;
        assert_eq!(answers, EXPECTED, "{server}, {:?}", person.server);
        let questions = Questions::new(base_url, ca_pem, apps);
        let answers = code_flow::ask(questions, base_url, ca_pem).await;
        assert_eq!(answers, EXPECTED_OF_CODES, "{server}, {:?}", person.server);
    }
}

#[tokio::test]
async fn oidc_provider_answers_as_expected() {
    let apps = apps();
    let Some(server) = OidcProvider::start(&apps) else { return };
    check("oidc-provider", &server.base_url, &server.ca_pem, &apps).await;
}

#[tokio::test]
async fn the_simulator_answers_the_same() {
    let apps = apps();
    let refresh = RefreshPolicy::RotateAndRevokeFamily;
    let config = SimulatorConfig { refresh, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    for app in &apps {
        simulator.add_app(app.clone()).unwrap();
    }
    check("the simulator", &simulator.base_url(), simulator.ca_pem(), &apps).await;
    simulator.shutdown().await;
}
