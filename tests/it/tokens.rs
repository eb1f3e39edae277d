//! Issuing tokens.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ionvault::model::CredentialName;
use ionvault::pb::v1::IssueTokenRequest;
use ionvault::ports::{ExchangeError, OauthError};
use ionvault::tokens::IssueQuery;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{ACME, ISSUER, TOKEN_LIFE, World, fields, ionapi, ionapi_with_secret, reason};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_token_comes_with_what_its_use_needs() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let token = world.issue(ACME).await.unwrap();
    assert_eq!(token.token_type, "Bearer");
    assert_eq!(token.infor_tenant, "ACME_PRD");
    assert_eq!(token.client_id, "ACME_PRD~app1");
    assert_eq!(token.api_base_url, "https://mingle-ionapi.eu1.inforcloudsuite.com/ACME_PRD");
    assert_eq!(token.credential_version, 1);
    assert_eq!(token.token_id.len(), 16);
    assert!(!token.access_token.contains(&token.token_id));
}

/// The answer is held until all of them wait.
#[tokio::test]
async fn ten_thousand_callers_at_expiry_share_one_request() {
    const CALLERS: u32 = 10_000;
    let world = Arc::new(World::new().await);
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let first = world.issue(ACME).await.unwrap().token_id;
    world.pass(TOKEN_LIFE).await;
    world.infor.hold();
    let name: CredentialName = ACME.parse().unwrap();
    let waiting = Arc::new(tokio::sync::Semaphore::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (world, name, waiting) = (world.clone(), name.clone(), waiting.clone());
        callers.spawn(async move {
            let credential = world.vault.find(&name).unwrap().unwrap();
            let mut issue = std::pin::pin!(world.issuer.issue(&credential, IssueQuery::default()));
            // Polled once, it waits for the flight.
            let first = std::future::poll_fn(|cx| std::task::Poll::Ready(issue.as_mut().poll(cx)));
            assert!(first.await.is_pending());
            waiting.add_permits(1);
            (issue.await.unwrap().token.id.clone(), Instant::now())
        });
    }
    drop(waiting.acquire_many(CALLERS).await.unwrap());
    world.infor.until_requests(2).await;
    let asked = Instant::now();
    // As long as an answer may well take, so that the figures below can be compared.
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.infor.release();
    let released = Instant::now();
    let (ids, times): (HashSet<String>, Vec<Instant>) =
        callers.join_all().await.into_iter().unzip();
    assert_eq!((ids.len(), world.infor.requests()), (1, 2));
    assert!(!ids.contains(&first));
    let mut behind: Vec<Duration> = times.into_iter().map(|time| time - released).collect();
    behind.sort_unstable();
    println!(
        "{CALLERS} callers at expiry, 1 request; provider's latency {:?}, callers' p50 {:?} and \
         p99 {:?} behind it",
        released - asked,
        behind[behind.len() / 2],
        behind[behind.len() * 99 / 100],
    );
}

/// The same over the wire, with fewer, through the handlers.
#[tokio::test]
async fn callers_on_many_connections_share_one_request() {
    let world = Arc::new(World::new().await);
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let world = world.clone();
        callers.spawn(async move { world.issue(ACME).await.unwrap().token_id });
    }
    callers.join_all().await;
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_flight() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.infor.hold();
    let credential = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    {
        let mut issue = std::pin::pin!(world.issuer.issue(&credential, IssueQuery::default()));
        let first = std::future::poll_fn(|cx| std::task::Poll::Ready(issue.as_mut().poll(cx)));
        assert!(first.await.is_pending());
    }
    world.infor.release();
    world.issuer.drain().await;
    world.issuer.issue(&credential, IssueQuery::default()).await.unwrap();
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn a_cached_token_serves_until_its_margin_by_the_wall_clock() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let first = world.issue(ACME).await.unwrap();
    world.clock.advance(7139 * SECOND);
    assert_eq!(world.issue(ACME).await.unwrap().token_id, first.token_id);
    world.clock.advance(2 * SECOND);
    assert_ne!(world.issue(ACME).await.unwrap().token_id, first.token_id);
    assert_eq!(world.infor.requests(), 2);
}

#[tokio::test]
async fn min_remaining_renews_early_and_has_a_ceiling() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let first = issue(&world, 3600).await.unwrap();
    world.clock.advance(3000 * SECOND);
    assert_eq!(issue(&world, 3600).await.unwrap(), first);
    world.clock.advance(601 * SECOND);
    assert_ne!(issue(&world, 3600).await.unwrap(), first);
    assert_eq!(world.infor.requests(), 2);
    let refused = issue(&world, 3601).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::OutOfRange, "LIFETIME_TOO_LONG")
    );
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["max_seconds"], "3600");
    assert_eq!(world.infor.requests(), 2, "a refusal asks nobody");
    for seconds in [-1, 24 * 3600 + 1] {
        let refused = issue(&world, seconds).await.unwrap_err();
        assert_eq!(
            (refused.code(), fields(&refused)),
            (Code::InvalidArgument, vec!["min_remaining".into()])
        );
    }
}

#[tokio::test]
async fn the_first_caller_that_asks_for_too_much_learns_it_too() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let refused = issue(&world, 7000).await.unwrap_err();
    assert_eq!(reason(&refused), "LIFETIME_TOO_LONG");
    issue(&world, 60).await.unwrap();
    assert_eq!(world.infor.requests(), 1, "the token that came is kept");
}

#[tokio::test]
async fn a_token_that_is_dead_on_arrival_is_not_given_out() {
    let world = World::new().await;
    world.infor.set_life(Duration::ZERO);
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    assert_eq!(reason(&issue(&world, 0).await.unwrap_err()), "PROVIDER_MISBEHAVED");
}

/// It saw the old token, and a flight took off and landed before it could join.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_a_flight_overtakes_finds_its_token() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    world.clock.advance(7200 * SECOND);
    let credential = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    let (looks, go_on) = world.clock.hold_next();
    let (issuer, held) = (world.issuer.clone(), credential.clone());
    let late = tokio::spawn(async move {
        issuer.issue(&held, IssueQuery::default()).await.unwrap().token.id.clone()
    });
    tokio::task::spawn_blocking(move || looks.recv().unwrap()).await.unwrap();
    let token =
        world.issuer.issue(&credential, IssueQuery::default()).await.unwrap().token.id.clone();
    go_on.send(()).unwrap();
    assert_eq!(late.await.unwrap(), token);
    assert_eq!(world.infor.requests(), 2);
}

#[tokio::test]
async fn a_refresh_token_is_used_and_its_successor_kept() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    for _ in 0..3 {
        world.issue(ACME).await.unwrap();
        world.clock.advance(7200 * SECOND);
    }
    assert_eq!(
        (world.infor.requests_by("password"), world.infor.requests_by("refresh_token")),
        (1, 2)
    );
}

#[tokio::test]
async fn a_refused_refresh_token_falls_back_to_the_files_own_grant_once() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    world.infor.forget_refresh_tokens();
    world.clock.advance(7200 * SECOND);
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests_by("refused refresh_token"), 1);
    assert_eq!(world.infor.requests_by("password"), 2);
    world.clock.advance(7200 * SECOND);
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests_by("refresh_token"), 1);
}

#[tokio::test]
async fn an_outage_while_refreshing_uses_no_log_in() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    world.clock.advance(7200 * SECOND);
    world
        .infor
        .fail_with(Some(|| ExchangeError::Unavailable { what: "status 503", retry_after: None }));
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "PROVIDER_UNAVAILABLE");
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "PROVIDER_UNAVAILABLE");
    assert_eq!(world.infor.requests(), 2, "a server in trouble is left alone");
    world.infor.fail_with(None);
    world.pass(2 * SECOND).await;
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests_by("refresh_token"), 1);
}

#[tokio::test]
async fn a_client_that_is_refused_while_refreshing_uses_no_log_in() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    world.clock.advance(7200 * SECOND);
    world.infor.fail_with(Some(|| ExchangeError::Refused(OauthError::InvalidClient)));
    for _ in 0..3 {
        assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "CREDENTIAL_REFUSED");
    }
    assert_eq!(world.infor.requests(), 2, "a refusal is not asked for again");
    world.infor.fail_with(None);
    world.pass(2 * 3600 * SECOND).await;
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests_by("refresh_token"), 1, "the refresh token was kept");
}

#[tokio::test]
async fn what_infor_says_becomes_a_code_and_a_reason() {
    let world = World::new().await;
    type Fault = fn() -> ExchangeError;
    let faults: [(Fault, Code, &str); 5] = [
        (
            || ExchangeError::Refused(OauthError::InvalidGrant),
            Code::FailedPrecondition,
            "CREDENTIAL_REFUSED",
        ),
        (
            || ExchangeError::Unavailable {
                what: "status 503",
                retry_after: Some(Duration::from_secs(7)),
            },
            Code::Unavailable,
            "PROVIDER_UNAVAILABLE",
        ),
        (|| ExchangeError::Misbehaved("no JSON"), Code::Unavailable, "PROVIDER_MISBEHAVED"),
        (|| ExchangeError::NoEndpoint, Code::Unavailable, "PROVIDER_MISBEHAVED"),
        (
            || ExchangeError::AddressNotAllowed("loopback"),
            Code::FailedPrecondition,
            "HOST_NOT_ALLOWED",
        ),
    ];
    for (number, (fault, code, told)) in faults.into_iter().enumerate() {
        let name = format!("tenants/acme/credentials/infor{number}");
        world.upload(&name, &ionapi(&format!("ACME{number}_PRD"), "app1")).await;
        world.infor.fail_with(Some(fault));
        let refused = world.issue(&name).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (code, told));
        let details = refused.get_error_details();
        match told {
            "CREDENTIAL_REFUSED" => {
                assert_eq!(details.error_info().unwrap().metadata["oauth_error"], "invalid_grant");
                assert!(refused.message().contains("Infor"), "{}", refused.message());
            }
            "PROVIDER_UNAVAILABLE" => {
                let delay = details.retry_info().unwrap().retry_delay;
                assert!(delay > Some(6 * SECOND) && delay < Some(20 * SECOND), "{delay:?}");
            }
            "PROVIDER_MISBEHAVED" => {
                assert!(details.retry_info().is_some());
                let advised = refused.message() == ionvault::ion::NO_ENDPOINT_ADVICE;
                assert_eq!(advised, matches!(fault(), ExchangeError::NoEndpoint));
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_web_app_needs_a_person() {
    let world = World::new().await;
    let file = String::from_utf8(ionapi("ACME_PRD", "web")).unwrap();
    let (before, _) = file.split_once(r#","v":"1.0""#).unwrap();
    let file = format!(r#"{before},"ru":"https://docbits.example/callback"}}"#);
    world.upload(ACME, file.as_bytes()).await;
    let refused = world.issue(ACME).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "AUTHORIZATION_REQUIRED")
    );
    assert_eq!(world.infor.requests(), 0);
}

/// Shows 5: names are known to everyone who ever held a token, so they must not be enough.
#[tokio::test]
async fn a_file_with_the_same_names_and_other_secrets_gets_no_token() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let good = world.issue(ACME).await.unwrap();
    for name in ["tenants/acme/credentials/copy", "tenants/mallory/credentials/copy"] {
        world.upload(name, &ionapi_with_secret("ACME_PRD", "app1", "invented-wrong-secret")).await;
        let refused = world.issue(name).await.unwrap_err();
        assert_eq!(reason(&refused), "CREDENTIAL_REFUSED");
    }
    assert_eq!(world.issue(ACME).await.unwrap(), good);
}

#[tokio::test]
async fn credentials_of_one_file_share_a_token_within_their_tenant_only() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    let same = "tenants/acme/credentials/second";
    let other = "tenants/globex/credentials/infor";
    for name in [ACME, same, other] {
        world.upload(name, &file).await;
    }
    let [one, two, three] =
        [world.issue(ACME).await, world.issue(same).await, world.issue(other).await]
            .map(Result::unwrap);
    assert_eq!(one.token_id, two.token_id);
    assert_ne!(one.token_id, three.token_id);
    assert_eq!(world.infor.requests(), 2);
}

async fn issue(world: &World, seconds: i64) -> Result<String, Status> {
    let min_remaining = Some(prost_types::Duration { seconds, nanos: 0 });
    let request = IssueTokenRequest { name: ACME.to_owned(), min_remaining, ..Default::default() };
    Ok(world.tokens(ISSUER).await.issue_token(request).await?.into_inner().token_id)
}
