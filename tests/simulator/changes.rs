//! What an administrator may change in Infor after the file was downloaded, and Infor's limits.

use std::time::Duration;

use ionvault::simulator::{App, AppGrant, Limits, SimulatorConfig};

use crate::{CLOUD, client, log_in, start};

/// A change, what then becomes of a log-in, and of a refresh token.
type Change = (&'static str, fn(&mut App), &'static str, &'static str);

#[tokio::test]
async fn each_change_to_an_app_is_refused_in_its_own_way() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let (_, first) = browser.post(CLOUD, None, &log_in(&app)).await;
    let refresh = [
        ("grant_type", "refresh_token"),
        ("refresh_token", first["refresh_token"].as_str().unwrap()),
    ];
    let refresh = [refresh.as_slice(), &client(&app)].concat();
    let scoped = [log_in(&app), vec![("scope", "Infor-ION")]].concat();
    let changes: [Change; 7] = [
        ("disabled", |app| app.enabled = false, "invalid_client", "invalid_client"),
        ("secret made anew", |app| app.client_secret.push('x'), "invalid_client", "invalid_client"),
        (
            "service account disabled",
            |app| app.service_account_enabled = false,
            "invalid_grant",
            "invalid_grant",
        ),
        (
            "service account made anew",
            |app| {
                app.grant = AppGrant::Password { saak: "a".to_owned(), sask: "b".to_owned() };
            },
            "invalid_grant",
            "good",
        ),
        (
            "another grant type",
            |app| app.grant = AppGrant::ClientCredentials,
            "unauthorized_client",
            "good",
        ),
        ("slider off", |app| app.issue_refresh_tokens = false, "good", "unauthorized_client"),
        ("nothing", |_| {}, "good", "good"),
    ];
    for (change, make, at_log_in, at_refresh) in changes {
        let mut changed = app.clone();
        make(&mut changed);
        simulator.add_app(changed).unwrap();
        for (form, told) in [(log_in(&app), at_log_in), (refresh.clone(), at_refresh)] {
            let (_, answer) = browser.post(CLOUD, None, &form).await;
            assert_eq!(answer["error"].as_str().unwrap_or("good"), told, "{change}");
        }
    }
    let (_, answer) = browser.post(CLOUD, None, &scoped).await;
    assert_eq!(answer["error"], "invalid_scope");
    simulator.shutdown().await;
}

#[tokio::test]
async fn an_app_may_have_a_life_of_its_own() {
    let (simulator, browser, mut app, _) = start(SimulatorConfig::default()).await;
    for life in [None, Some(3)] {
        app.token_life = life.map(Duration::from_secs);
        simulator.add_app(app.clone()).unwrap();
        let (_, answer) = browser.post(CLOUD, None, &log_in(&app)).await;
        assert_eq!(answer["expires_in"], life.unwrap_or(7_200));
    }
    simulator.shutdown().await;
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused_and_a_refresh_token_is_not_used_up_by_it() {
    let limits = Limits { tokens_per_day: Some(3), ..Limits::INFOR };
    let (simulator, browser, app, _) =
        start(SimulatorConfig { limits, ..SimulatorConfig::default() }).await;
    let (_, first) = browser.post(CLOUD, None, &log_in(&app)).await;
    let token = first["refresh_token"].as_str().unwrap();
    let redeem = [("grant_type", "refresh_token"), ("refresh_token", token)];
    let redeem = [redeem.as_slice(), &client(&app)].concat();
    let mut wrong = log_in(&app);
    wrong[2].1 = "wrong";
    // Those that are refused are no tokens, though they are log-ins.
    for (form, status, told) in [
        (&wrong, 400, "username or password is wrong"),
        (&redeem, 200, ""),
        (&redeem, 200, ""),
        (&redeem, 429, "the client's tokens of a day are used up"),
        (&log_in(&app), 429, "the client's tokens of a day are used up"),
    ] {
        let (found, answer) = browser.post(CLOUD, None, form).await;
        assert_eq!((found, answer["error_description"].as_str().unwrap_or("")), (status, told));
        assert_eq!(answer["error"] == "limit_exceeded", status == 429);
    }
    // 3 of the tenant's 20 per minute are gone; the same tenant's other apps have the rest.
    let other = App::sample("ACME_TST", "another");
    simulator.add_app(other.clone()).unwrap();
    let mut wrong = log_in(&other);
    wrong[2].1 = "wrong";
    for _ in 0..17 {
        assert_eq!(browser.post(CLOUD, None, &wrong).await.0, 400);
    }
    let (status, answer) = browser.post(CLOUD, None, &wrong).await;
    assert_eq!(status, 429);
    assert_eq!(answer["error_description"], "the tenant's log-ins of a minute are used up");
    simulator.shutdown().await;
}
