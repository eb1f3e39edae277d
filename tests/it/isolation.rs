//! Tenants never mix.

mod foreign;
mod mixed;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ionvault::pb::v1::IssueTokenRequest;

use crate::support::{ISSUER, World, ionapi};

const TENANTS: usize = 100;
const CALLS: usize = 100_000;
const CALLERS: usize = 50;

/// Shows 5: every answer carries the tenant's own token, whatever happens around it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_mixed_calls_never_answer_with_another_tenants_token() {
    let world = Arc::new(World::new().await);
    for tenant in 0..TENANTS {
        world.upload(&name(tenant), &ionapi(&format!("T{tenant}_PRD"), "app")).await;
    }
    let (right, wrong) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (world, right, wrong) = (world.clone(), right.clone(), wrong.clone());
        callers.spawn(async move {
            let mut tokens = world.tokens(ISSUER).await;
            for call in 0..CALLS / CALLERS {
                // A walk that visits all tenants, in another order for each caller.
                let tenant = (call * 37 + caller * 61) % TENANTS;
                // Tokens run out on the way, so that there are misses and flights all the time. One
                // caller alone moves the clock: fifty at once would have it run past the whole life
                // of a token while that is fetched.
                if caller == 0 && call % 20 == 0 {
                    world.clock.advance(Duration::from_secs(900));
                }
                let request = IssueTokenRequest {
                    name: name(tenant),
                    min_remaining: None,
                    ..Default::default()
                };
                let token = tokens.issue_token(request).await.unwrap().into_inner();
                let client_id = format!("T{tenant}_PRD~app");
                let own = token.access_token.starts_with(&format!("access.{client_id}."));
                let own = own && token.client_id == client_id;
                (if own { &right } else { &wrong }).fetch_add(1, Ordering::SeqCst);
            }
        });
    }
    callers.join_all().await;
    let (right, wrong) = (right.load(Ordering::SeqCst), wrong.load(Ordering::SeqCst));
    println!(
        "{CALLS} calls, {TENANTS} tenants, {} requests, {wrong} wrong",
        world.infor.requests()
    );
    assert_eq!((right, wrong), (CALLS, 0));
    assert!(world.infor.requests() > TENANTS, "tokens were renewed on the way");
}

fn name(tenant: usize) -> String {
    format!("tenants/t{tenant}/credentials/infor")
}
