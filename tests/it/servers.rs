//! A server that is left alone because it failed: who may ask it, and what the operator sees.

use std::time::Duration;

use ionvault::model::BudgetLimits;
use ionvault::pb::v1::IssueTokenResponse;
use ionvault::ports::ExchangeError;
use ionvault::sealing::RecordKind;
use ionvault::tokens::{Revocation, TokenSettings};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::support::{World, ionapi, reason};

/// In a row, until a server is left alone.
const FAILURES: usize = 5;

/// Longest time that it is left alone at first, and after a probe that failed.
const OPEN: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(60)];

/// A vault with many apps of one server, so that no account's own backoff is in the way.
async fn world() -> World {
    let limits = BudgetLimits { logins_per_tenant_and_minute: 1_000, ..Default::default() };
    let world = World::with_settings(TokenSettings { limits, ..Default::default() }).await;
    for app in 0..12 {
        world.upload(&name(app), &ionapi("ACME_PRD", &format!("app{app}"))).await;
    }
    world
}

fn name(app: usize) -> String {
    format!("tenants/acme/credentials/app{app}")
}

async fn issue(world: &World, app: usize) -> Result<IssueTokenResponse, Status> {
    world.issue(&name(app)).await
}

/// Has the server fail until it is left alone.
async fn open(world: &World) {
    world.infor.fail_with(Some(|| ExchangeError::Unreachable("it is off")));
    for app in 0..FAILURES {
        assert_eq!(reason(&issue(world, app).await.unwrap_err()), "PROVIDER_UNAVAILABLE");
    }
    assert_eq!(world.infor.requests(), FAILURES);
    let refused = issue(world, 11).await.unwrap_err();
    assert!(refused.message().contains("its last answers were failures"), "{refused:?}");
    assert_eq!(world.infor.requests(), FAILURES, "it is left alone");
}

#[tokio::test]
async fn a_probe_that_tells_nothing_leaves_the_place_to_the_next() {
    let world = world().await;
    open(&world).await;
    world.pass(OPEN[0]).await;
    let faults: [fn() -> ExchangeError; 2] = [
        || ExchangeError::Throttled { retry_after: None },
        || ExchangeError::AddressNotAllowed("it is private"),
    ];
    for (fault, number) in faults.into_iter().zip(FAILURES..) {
        world.infor.fail_with(Some(fault));
        issue(&world, number).await.unwrap_err();
        assert_eq!(world.infor.requests(), number + 1, "it was asked");
    }
    world.faulty.fail_commits(true);
    assert_eq!(reason(&issue(&world, 7).await.unwrap_err()), "STORE_UNAVAILABLE");
    world.faulty.fail_commits(false);
    world.infor.fail_with(None);
    for app in 8..12 {
        issue(&world, app).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_takes_no_tokens_back_holds_no_revocation_of_another_up() {
    let world = world().await;
    world.infor.issue_refresh_tokens();
    let other = "tenants/globex/credentials/infor";
    world.upload(other, &ionapi("GLOBEX_PRD", "app1")).await;
    world.issue(other).await.unwrap();
    for app in 0..=FAILURES {
        issue(&world, app).await.unwrap();
    }
    world.infor.fail_revocations_with(Some(|| ExchangeError::Unreachable("it is off")));
    for app in 0..=FAILURES {
        assert_eq!(revoke(&world, &name(app)).await, Revocation::Pending);
    }
    assert_eq!(world.infor.until_revoked(0).await.len(), FAILURES, "then it is left alone");
    issue(&world, FAILURES).await.unwrap();
    world.infor.fail_revocations_with(None);
    assert_eq!(revoke(&world, other).await, Revocation::Done);
    // Both tokens of each, as soon as a probe found that it is back.
    let all = FAILURES + 2 + 2 * (FAILURES + 1);
    let drain = CancellationToken::new();
    let told = async {
        while world.infor.until_revoked(0).await.len() < all {
            world.pass(OPEN[0]).await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
        drain.cancel();
    };
    tokio::join!(told, world.issuer.run(drain.clone()));
    world.issuer.drain().await;
    assert!(world.records(RecordKind::Revocation).await.is_empty());
}

async fn revoke(world: &World, name: &str) -> Revocation {
    let credential = world.vault.find(&name.parse().unwrap()).unwrap().unwrap();
    world.issuer.revoke(&credential).await.unwrap()
}

/// How many breakers are not closed, and how often one opened.
fn seen(metrics: &PrometheusHandle) -> [usize; 2] {
    let page = metrics.render();
    ["ionvault_breakers_open ", "ionvault_breaker_openings_total "].map(|name| {
        let value = page.lines().find_map(|line| line.strip_prefix(name));
        value.map_or(0, |value| value.parse().unwrap())
    })
}

#[tokio::test]
async fn the_metrics_tell_what_a_breaker_does() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let world = world().await;
    assert_eq!(seen(&metrics), [0, 0], "closed");
    open(&world).await;
    assert_eq!(seen(&metrics), [1, 1], "open");

    for (round, time) in OPEN.into_iter().enumerate() {
        world.pass(time).await;
        world.infor.hold();
        let app = FAILURES + round;
        let probe = issue(&world, app);
        let half_open = async {
            world.infor.until_requests(app + 1).await;
            let told = seen(&metrics);
            world.infor.fail_with((round == 0).then_some(|| ExchangeError::Misbehaved("a page")));
            world.infor.release();
            told
        };
        let (probe, told) = tokio::join!(probe, half_open);
        assert_eq!(told, [1, 1 + round], "half-open");
        assert_eq!(probe.is_ok(), round == 1);
        assert_eq!(seen(&metrics), [[1, 2], [0, 2]][round], "open again, then closed");
    }
}
