//! A server that is left alone because it failed: who may ask it.

use std::time::Duration;

use ionvault::model::BudgetLimits;
use ionvault::pb::v1::IssueTokenResponse;
use ionvault::ports::ExchangeError;
use ionvault::tokens::TokenSettings;
use tonic::Status;

use crate::support::{World, ionapi, reason};

/// In a row, until a server is left alone.
const FAILURES: usize = 5;

/// Longest time that it is left alone at first.
const OPEN: Duration = Duration::from_secs(30);

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
    world.pass(OPEN).await;
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
