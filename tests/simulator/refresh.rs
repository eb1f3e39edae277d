//! Refresh tokens: who gets one, what becomes of it, and revocation.

use std::time::Duration;

use ionvault::simulator::{App, AppGrant, RefreshPolicy, ServerKind, SimulatorConfig};
use serde_json::Value;

use crate::browser::Browser;
use crate::{CLOUD, STS, client, log_in, start};

async fn refresh(browser: &Browser, path: &str, app: &App, token: &str) -> (u16, Value) {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", token)];
    browser.post(path, None, &[grant, client(app)].concat()).await
}

fn token(answer: &(u16, Value)) -> &str {
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn used_tokens_stay_die_or_kill_as_told() {
    for (refresh_policy, replayed, successor) in [
        (RefreshPolicy::Keep, 200, None),
        (RefreshPolicy::Rotate, 400, Some(200)),
        (RefreshPolicy::RotateAndRevokeFamily, 400, Some(400)),
        (RefreshPolicy::RotateWithGrace(Duration::from_secs(3_600)), 200, Some(200)),
        (RefreshPolicy::RotateWithGrace(Duration::ZERO), 400, Some(400)),
    ] {
        let config = SimulatorConfig { refresh: refresh_policy, ..SimulatorConfig::default() };
        let (simulator, browser, app, _) = start(config).await;
        let first = browser.post(CLOUD, None, &log_in(&app)).await;
        let second = refresh(&browser, CLOUD, &app, token(&first)).await;
        assert_eq!(second.0, 200);
        let replay = refresh(&browser, CLOUD, &app, token(&first)).await;
        assert_eq!(replay.0, replayed, "{refresh_policy:?}");
        match successor {
            None => assert_eq!(second.1.get("refresh_token"), None),
            Some(status) => {
                let again = replay.1["refresh_token"].as_str();
                assert!(again.is_none_or(|again| again != token(&second)));
                assert_eq!(replay.1["error"] == "invalid_grant", replayed == 400);
                let next = refresh(&browser, CLOUD, &app, token(&second)).await;
                assert_eq!(next.0, status, "{refresh_policy:?}");
                assert_eq!(simulator.families_revoked(), u64::from(status == 400));
            }
        }
        simulator.shutdown().await;
    }
}

#[tokio::test]
async fn refresh_tokens_are_given_to_those_who_may_have_them() {
    let (simulator, browser, cloud, premises) = start(SimulatorConfig::default()).await;
    let mut sliderless = App::sample("ACME_TST", "slider off");
    sliderless.issue_refresh_tokens = false;
    let mut service = App::sample("ACME_TST", "client credentials");
    service.grant = AppGrant::ClientCredentials;
    for app in [&sliderless, &service] {
        simulator.add_app(app.clone()).unwrap();
    }
    let offline = [log_in(&premises), vec![("scope", "Infor-ION offline_access")]].concat();
    let own = [[("grant_type", "client_credentials")].as_slice(), &client(&service)].concat();
    for (path, form, given) in [
        (CLOUD, log_in(&cloud), true),
        (CLOUD, log_in(&sliderless), false),
        (CLOUD, own, false),
        (STS, log_in(&premises), false),
        (STS, offline, true),
    ] {
        let (status, answer) = browser.post(path, None, &form).await;
        assert_eq!((status, answer.get("refresh_token").is_some()), (200, given), "{path}");
    }
    let refused = refresh(&browser, CLOUD, &sliderless, "any").await;
    assert_eq!(refused.1["error"], "unauthorized_client");
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_refresh_token_is_good_for_its_client_and_its_scopes_only() {
    let (simulator, browser, _, premises) = start(SimulatorConfig::default()).await;
    let mut other = App::sample("infor", "another");
    other.server = ServerKind::InforSts;
    simulator.add_app(other.clone()).unwrap();
    let offline = [log_in(&premises), vec![("scope", "offline_access")]].concat();
    let first = browser.post(STS, None, &offline).await;
    let stolen = refresh(&browser, STS, &other, token(&first)).await;
    assert_eq!(stolen.1["error"], "invalid_grant");
    let wider =
        [("grant_type", "refresh_token"), ("refresh_token", token(&first)), ("scope", "Infor-ION")];
    let wider = browser.post(STS, None, &[wider.as_slice(), &client(&premises)].concat()).await;
    assert_eq!(wider.1["error"], "invalid_scope");
    assert_eq!(refresh(&browser, STS, &premises, token(&first)).await.0, 200);
    simulator.shutdown().await;
}

#[tokio::test]
async fn revoking_ends_the_grant_of_the_client_that_asks() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let other = App::sample("ACME_TST", "another");
    simulator.add_app(other.clone()).unwrap();
    let first = browser.post(CLOUD, None, &log_in(&app)).await;
    let path = "/ACME_TST/as/revoke_token.oauth2";
    let wrong_secret = [("client_id", app.client_id.as_str()), ("client_secret", "wrong")];
    for (who, revoked, status, then) in [
        (client(&other), token(&first), 400, 200),
        (wrong_secret, token(&first), 400, 200),
        (client(&app), "unknown", 200, 200),
        (client(&app), token(&first), 200, 400),
        (client(&app), token(&first), 200, 400),
    ] {
        let form = [[("token", revoked)].as_slice(), &who].concat();
        assert_eq!(browser.post(path, None, &form).await.0, status);
        assert_eq!(refresh(&browser, CLOUD, &app, token(&first)).await.0, then);
    }
    assert_eq!(simulator.requests().revocations, 5);
    simulator.shutdown().await;
}
