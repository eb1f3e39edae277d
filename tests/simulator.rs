//! The simulator as a developer meets it: over HTTPS, with requests right and wrong.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "simulator/authorization.rs"]
mod authorization;
#[path = "simulator/browser.rs"]
mod browser;
#[path = "simulator/changes.rs"]
mod changes;
#[path = "simulator/faults.rs"]
mod faults;
#[path = "simulator/limits.rs"]
mod limits;
#[path = "simulator/refresh.rs"]
mod refresh;

use browser::Browser;
use data_encoding::BASE64;
use ionvault::simulator::{App, AppGrant, Requests, ServerKind, Simulator, SimulatorConfig};

/// A simulator with one app of each kind, and a client for it.
async fn start(config: SimulatorConfig) -> (Simulator, Browser, App, App) {
    let simulator = Simulator::start(config).await.unwrap();
    let cloud = App::sample("ACME_TST", "DocBits");
    let mut premises = App::sample("infor", "DocBits");
    premises.server = ServerKind::InforSts;
    premises.scopes = vec!["Infor-ION".to_owned()];
    for app in [&cloud, &premises] {
        simulator.add_app(app.clone()).unwrap();
    }
    let browser = Browser::new(&simulator);
    (simulator, browser, cloud, premises)
}

fn log_in(app: &App) -> Vec<(&str, &str)> {
    let AppGrant::Password { saak, sask } = &app.grant else { panic!("no service account") };
    let grant = [("grant_type", "password"), ("username", saak.as_str()), ("password", sask)];
    [grant.as_slice(), &client(app)].concat()
}

fn client(app: &App) -> [(&str, &str); 2] {
    [("client_id", &app.client_id), ("client_secret", &app.client_secret)]
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{id}:{secret}").as_bytes()))
}

const CLOUD: &str = "/ACME_TST/as/token.oauth2";
const STS: &str = "/InforIntSTS/connect/token";

#[tokio::test]
async fn the_client_authenticates_raw_in_the_header_or_in_the_body_and_never_in_both() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let in_body = log_in(&app);
    let (grant, _) = in_body.split_at(3);
    let raw = basic(&app.client_id, &app.client_secret);
    let encoded = basic(&app.client_id.replace('~', "%7E"), &app.client_secret);
    let wrong = basic(&app.client_id, "wrong");
    for (authorization, form, status, error) in [
        (None, in_body.as_slice(), 200, None),
        (Some(&raw), grant, 200, None),
        (Some(&raw), in_body.as_slice(), 400, Some("invalid_request")),
        (Some(&encoded), grant, 401, Some("invalid_client")),
        (Some(&wrong), grant, 401, Some("invalid_client")),
        (None, grant, 400, Some("invalid_client")),
    ] {
        let (found, answer) = browser.post(CLOUD, authorization, form).await;
        assert_eq!((found, answer["error"].as_str()), (status, error), "{answer}");
    }
    simulator.shutdown().await;
}

#[tokio::test]
async fn each_refusal_is_the_one_of_the_standard() {
    let (simulator, browser, cloud, premises) = start(SimulatorConfig::default()).await;
    let mut service = App::sample("ACME_TST", "client credentials");
    service.grant = AppGrant::ClientCredentials;
    simulator.add_app(service.clone()).unwrap();
    let with = |app: &App, more: &[(&'static str, &'static str)]| {
        let mut form: Vec<(String, String)> =
            client(app).iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        form.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        form
    };
    let wrong = &[("grant_type", "password"), ("username", "ACME_TST#x"), ("password", "x")];
    let own = &[("grant_type", "client_credentials")];
    let scope = &[("grant_type", "client_credentials"), ("scope", "Infor-M3")];
    let twice = &[("grant_type", "client_credentials"), ("grant_type", "client_credentials")];
    for (path, form, error) in [
        (CLOUD, with(&cloud, wrong), Some("invalid_grant")),
        (CLOUD, with(&cloud, own), Some("unauthorized_client")),
        (CLOUD, with(&service, wrong), Some("unauthorized_client")),
        (CLOUD, with(&service, own), None),
        (CLOUD, with(&service, scope), Some("invalid_scope")),
        (CLOUD, with(&service, twice), Some("invalid_request")),
        (CLOUD, with(&cloud, &[]), Some("invalid_request")),
        (CLOUD, with(&cloud, &[("grant_type", "password")]), Some("invalid_request")),
        (CLOUD, with(&cloud, &[("grant_type", "implicit")]), Some("unsupported_grant_type")),
        (CLOUD, with(&premises, own), Some("invalid_client")),
        (STS, with(&cloud, own), Some("invalid_client")),
    ] {
        let (status, answer) = browser.post(path, None, &form).await;
        assert_eq!(answer["error"].as_str(), error, "{answer}");
        assert_eq!(status, if error.is_none() { 200 } else { 400 });
    }
    simulator.remove_app(&service.client_id);
    let (_, answer) = browser.post(CLOUD, None, &with(&service, own)).await;
    assert_eq!(answer["error"], "invalid_client");
    let counted =
        Requests { password: 3, client_credentials: 6, other_grants: 2, ..Requests::default() };
    // A form that repeats a parameter is not read.
    assert_eq!(simulator.requests(), counted);
    let of_premises = Requests { client_credentials: 1, ..Requests::default() };
    // Asked at the wrong server, it is not the app that was meant.
    assert_eq!(simulator.requests_of(&premises.client_id), Requests::default());
    assert_eq!(browser.post(STS, None, &with(&premises, own)).await.0, 400);
    assert_eq!(simulator.requests_of(&premises.client_id), of_premises);
    simulator.shutdown().await;
}

#[tokio::test]
async fn what_is_no_form_is_refused_before_it_is_read() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let form = serde_urlencoded(&log_in(&app));
    let kind = "application/x-www-form-urlencoded";
    for (method, path, kind, body, status) in [
        ("POST", CLOUD, "application/x-www-form-urlencoded; charset=utf-8", form.clone(), 200),
        ("GET", CLOUD, kind, form.clone(), 405),
        ("POST", CLOUD, "application/json", "{}".to_owned(), 400),
        ("POST", CLOUD, "", form.clone(), 400),
        ("POST", CLOUD, kind, form.replace("%23", "#"), 400),
        ("POST", CLOUD, kind, "x".repeat(65_537), 413),
        ("POST", &format!("{CLOUD}?{form}"), kind, String::new(), 400),
        ("POST", "/NOBODY_TST/as/token.oauth2", kind, form.clone(), 404),
        ("POST", "/ACME_TST/as/authorization.oauth2", kind, form.clone(), 405),
        ("POST", "/", kind, form.clone(), 404),
    ] {
        let (found, text) = browser.send(method, path, kind, body).await;
        assert_eq!(found, status, "{method} {path}");
        assert_eq!(text.starts_with("<!DOCTYPE html>"), matches!(status, 404 | 405));
    }
    simulator.shutdown().await;
}

#[tokio::test]
async fn answers_are_held_until_they_are_released() {
    let (simulator, browser, cloud, premises) = start(SimulatorConfig::default()).await;
    simulator.hold();
    let (cloud_form, premises_form) = (log_in(&cloud), log_in(&premises));
    let seen = async {
        simulator.held(2).await;
        let seen = simulator.requests();
        simulator.release();
        seen
    };
    let (first, second, seen) = tokio::join!(
        browser.post(CLOUD, None, &cloud_form),
        browser.post(STS, None, &premises_form),
        seen,
    );
    assert_eq!((first.0, second.0, seen.password), (200, 200, 2));
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_port_and_an_authority_that_are_kept_keep_files_valid() {
    use ionvault::simulator::certificates::Authority;
    let authority = Authority::generate().unwrap();
    let kept = (authority.certificate_pem().to_owned(), authority.key_pem());
    let config = SimulatorConfig { authority: Some(authority), ..SimulatorConfig::default() };
    let (simulator, browser, app, _) = start(config).await;
    let (file, port) = (simulator.ion_api_file(&app), simulator.port());
    let taken = Simulator::start(SimulatorConfig { port, ..SimulatorConfig::default() }).await;
    assert!(taken.is_err_and(|e| e.to_string() == "the simulator cannot listen on its port"));
    simulator.shutdown().await;

    let authority = Some(Authority::from_pem(&kept.0, &kept.1).unwrap());
    let config = SimulatorConfig { port, authority, ..SimulatorConfig::default() };
    let again = Simulator::start(config).await.unwrap();
    again.add_app(app.clone()).unwrap();
    assert_eq!(again.ca_pem(), kept.0);
    assert!(again.ion_api_file(&app) == file);
    assert_eq!(browser.post(CLOUD, None, &log_in(&app)).await.0, 200);
    again.shutdown().await;
}

fn serde_urlencoded(form: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}
