//! Planned faults, as a client meets them.

use std::time::Duration;

use http::StatusCode;
use ionvault::simulator::{
    App, Fault, Moment, OtherAnswer, Plan, RefreshPolicy, RequestKind, SimulatorConfig,
};
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::{CLOUD, client, log_in, start};

fn once() -> Plan {
    Plan { times: Some(1), ..Plan::default() }
}

fn strict() -> SimulatorConfig {
    SimulatorConfig { refresh: RefreshPolicy::RotateAndRevokeFamily, ..SimulatorConfig::default() }
}

fn redeem<'a>(app: &'a App, token: &'a str) -> Vec<(&'a str, &'a str)> {
    let grant = [("grant_type", "refresh_token"), ("refresh_token", token)];
    [grant.as_slice(), &client(app)].concat()
}

async fn first_token(browser: &Browser, app: &App) -> String {
    let (status, answer) = browser.post(CLOUD, None, &log_in(app)).await;
    assert_eq!(status, 200, "{answer}");
    answer["refresh_token"].as_str().unwrap().to_owned()
}

/// The words of an error and of all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn an_answer_is_lost_before_or_after_its_effect() {
    for (fault, lost) in [
        (Fault::Reset as fn(Moment) -> Fault, "reset"),
        (|moment| Fault::Answer(moment, OtherAnswer::html(StatusCode::BAD_GATEWAY)), "502"),
        (Fault::Hang, "hangs"),
    ] {
        // A replay shows whether the first request had an effect: it kills the family.
        for (moment, replayed, revoked) in
            [(Moment::BeforeEffect, 200, 0), (Moment::AfterEffect, 400, 1)]
        {
            let (simulator, browser, app, _) = start(strict()).await;
            let token = first_token(&browser, &app).await;
            let mut planned = simulator.plan(once(), fault(moment)).unwrap();
            let form = redeem(&app, &token);
            let outcome = tokio::select! {
                answer = browser.try_post(CLOUD, &form) => Some(answer),
                // A client that gives up; there is no answer to wait for.
                () = planned.happened(1), if lost == "hangs" => None,
            };
            match outcome {
                None => assert_eq!(lost, "hangs"),
                Some(Ok(answer)) => assert_eq!((lost, answer.status().as_u16()), ("502", 502)),
                Some(Err(error)) => assert!(chain(&error).contains("reset"), "{}", chain(&error)),
            }
            assert_eq!(planned.count(), 1);
            let replay = browser.post(CLOUD, None, &form).await;
            assert_eq!((replay.0, simulator.families_revoked()), (replayed, revoked), "{lost}");
            simulator.shutdown().await;
        }
    }
}

#[tokio::test]
async fn an_answer_is_replaced_to_the_letter() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let throttled = OtherAnswer::empty(StatusCode::TOO_MANY_REQUESTS).retry_after("120");
    let unusable = OtherAnswer::empty(StatusCode::SERVICE_UNAVAILABLE).retry_after("soon\n");
    let oauth = OtherAnswer::oauth(StatusCode::UNAUTHORIZED, "invalid_client");
    let page = OtherAnswer::html(StatusCode::INTERNAL_SERVER_ERROR);
    for (other, status, retry_after, kind, body) in [
        (throttled, 429, Some("120"), None, ""),
        (unusable, 503, None, None, ""),
        (oauth, 401, None, Some("application/json;charset=UTF-8"), r#"{"error":"invalid_client"}"#),
        (
            page,
            500,
            None,
            Some("text/html;charset=utf-8"),
            "<!DOCTYPE html><html><body>An error occurred.</body></html>",
        ),
    ] {
        simulator.plan(once(), Fault::Answer(Moment::BeforeEffect, other)).unwrap();
        let answer = browser.try_post(CLOUD, &log_in(&app)).await.unwrap();
        let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!((header("retry-after"), header("content-type")), (retry_after, kind));
        assert_eq!(answer.text().await.unwrap(), body);
    }
    assert_eq!(browser.post(CLOUD, None, &log_in(&app)).await.0, 200);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_field_of_the_answer_is_changed_or_left_out() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    for value in [Some(json!("7200")), Some(json!(-1)), Some(json!(0)), Some(json!(1e30)), None] {
        let fault = Fault::Field("expires_in", value.clone());
        let planned = simulator.plan(once(), fault).unwrap();
        let (status, answer) = browser.post(CLOUD, None, &log_in(&app)).await;
        assert_eq!((status, answer.get("expires_in")), (200, value.as_ref()));
        assert_eq!(planned.count(), 1);
    }
    let planned = simulator.plan(once(), Fault::Field("error", Some(Value::Null))).unwrap();
    let (_, refused) = browser.post(CLOUD, None, &redeem(&app, "unknown")).await;
    assert_eq!((&refused["error"], planned.count()), (&json!("invalid_grant"), 0));
    simulator.shutdown().await;
}

/// The clock is put forward once the request is known to wait.
#[tokio::test]
async fn a_slow_answer_comes_in_the_end() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let late = Duration::from_secs(9);
    let mut planned = simulator.plan(once(), Fault::Latency(late)).unwrap();
    let form = log_in(&app);
    let advance = async {
        planned.happened(1).await;
        tokio::time::pause();
        let since = tokio::time::Instant::now();
        tokio::time::advance(late - Duration::from_millis(1)).await;
        since
    };
    let (answer, since) = tokio::join!(browser.post(CLOUD, None, &form), advance);
    assert!(since.elapsed() >= late);
    tokio::time::resume();
    assert_eq!(answer.0, 200);
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_fault_meets_the_requests_that_it_is_planned_for() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let other = App::sample("ACME_TST", "another");
    simulator.add_app(other.clone()).unwrap();
    let token = first_token(&browser, &app).await;
    let fault = Fault::Answer(Moment::BeforeEffect, OtherAnswer::empty(StatusCode::BAD_GATEWAY));
    let refreshes = Plan {
        client_id: Some(app.client_id.clone()),
        kind: Some(RequestKind::RefreshToken),
        times: None,
    };
    let planned = simulator.plan(refreshes, fault.clone()).unwrap();
    assert_eq!(browser.post(CLOUD, None, &log_in(&app)).await.0, 200);
    let others = first_token(&browser, &other).await;
    assert_eq!(browser.post(CLOUD, None, &redeem(&other, &others)).await.0, 200);
    for _ in 0..3 {
        assert_eq!(browser.post(CLOUD, None, &redeem(&app, &token)).await.0, 502);
    }
    planned.lift();
    assert_eq!(browser.post(CLOUD, None, &redeem(&app, &token)).await.0, 200);

    let revocations = Plan { kind: Some(RequestKind::Revocation), ..Plan::default() };
    simulator.plan(revocations, fault).unwrap();
    let form = [[("token", token.as_str())].as_slice(), &client(&app)].concat();
    let path = "/ACME_TST/as/revoke_token.oauth2";
    assert_eq!(browser.post(path, None, &form).await.0, 502);
    assert_eq!(browser.post(CLOUD, None, &redeem(&app, &token)).await.0, 200);
    simulator.lift_all();
    assert_eq!(browser.post(path, None, &form).await.0, 200);
    assert_eq!(browser.post(CLOUD, None, &redeem(&app, &token)).await.0, 400);
    simulator.shutdown().await;
}

#[tokio::test]
async fn shutting_down_ends_what_hangs() {
    let (simulator, browser, app, _) = start(SimulatorConfig::default()).await;
    let mut planned = simulator.plan(once(), Fault::Hang(Moment::BeforeEffect)).unwrap();
    let form = log_in(&app);
    let end = async {
        planned.happened(1).await;
        simulator.shutdown().await;
    };
    let (answer, ()) = tokio::join!(browser.try_post(CLOUD, &form), end);
    assert!(answer.is_err());
}
