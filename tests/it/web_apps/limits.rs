//! How many authorizations may be under way.

use std::time::Duration;

use ionvault::sealing::RecordKind;
use tokio::task::JoinSet;
use tonic::Code;

use super::{complete, redirect, start, world};
use crate::support::{ACME, UPLOADER, World, reason, web_app};

const LIFE: Duration = Duration::from_secs(10 * 60);

async fn pending(world: &World) -> usize {
    world.records(RecordKind::Authorization).await.len()
}

#[tokio::test]
async fn the_oldest_of_a_credential_gives_way() {
    let world = world().await;
    let mut redirects = Vec::new();
    for _ in 0..9 {
        let started = start(&world, UPLOADER, ACME).await.unwrap();
        redirects.push(world.infor.visit(&started.authorization_uri));
        world.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(pending(&world).await, 8);
    let refused = complete(&world, UPLOADER, ACME, &redirects[0]).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORIZATION_STATE_INVALID");
    for redirect in &redirects[1..] {
        complete(&world, UPLOADER, ACME, redirect).await.unwrap();
    }
    assert_eq!(pending(&world).await, 0);
}

/// Each looks how many there are before it adds itself.
#[tokio::test]
async fn of_many_that_begin_at_once_eight_are_under_way() {
    let world = world().await;
    let credential = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    let mut beginning = JoinSet::new();
    for _ in 0..20 {
        let (authorizations, credential) = (world.authorizations.clone(), credential.clone());
        let uploader = UPLOADER.parse().unwrap();
        beginning
            .spawn(async move { authorizations.start(&uploader, &credential).await.map(drop) });
    }
    for begun in beginning.join_all().await {
        begun.unwrap();
    }
    assert_eq!(pending(&world).await, 8);
}

#[tokio::test]
async fn of_all_credentials_together_a_thousand_are_under_way_and_no_more() {
    let world = world().await;
    // A tenant has room for 100 credentials.
    let name = |n: usize| format!("tenants/acme{}/credentials/web{n}", n % 2);
    for n in 0..125 {
        world.upload(&name(n), &web_app("ACME_TST", "web")).await;
        let credential = world.vault.find(&name(n).parse().unwrap()).unwrap().unwrap();
        for _ in 0..8 {
            let uploader = UPLOADER.parse().unwrap();
            world.authorizations.start(&uploader, &credential).await.unwrap();
        }
    }
    assert_eq!(pending(&world).await, 1000);
    let refused = start(&world, UPLOADER, ACME).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "LIMIT_EXCEEDED")
    );
    // Those whose time is over make room.
    world.clock.advance(LIFE);
    start(&world, UPLOADER, ACME).await.unwrap();
    assert_eq!(pending(&world).await, 1);
}

#[tokio::test]
async fn those_that_are_over_are_forgotten_and_the_others_are_not() {
    let world = world().await;
    start(&world, UPLOADER, ACME).await.unwrap();
    world.clock.advance(LIFE - Duration::from_secs(1));
    let started = start(&world, UPLOADER, ACME).await.unwrap();
    world.authorizations.forget_expired().await.unwrap();
    assert_eq!(pending(&world).await, 2);
    world.clock.advance(Duration::from_secs(1));
    world.authorizations.forget_expired().await.unwrap();
    assert_eq!(pending(&world).await, 1);
    let redirect = world.infor.visit(&started.authorization_uri);
    complete(&world, UPLOADER, ACME, &redirect).await.unwrap();
}

/// A clock that was set back makes nothing live longer.
#[tokio::test]
async fn an_authorization_from_the_future_is_none() {
    let world = world().await;
    let started = start(&world, UPLOADER, ACME).await.unwrap();
    let redirect = world.infor.visit(&started.authorization_uri);
    world.clock.set_back(Duration::from_secs(1));
    let refused = complete(&world, UPLOADER, ACME, &redirect).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORIZATION_STATE_INVALID");
}

/// Every attempt counts, and an app that never got a token has a small share of its client's.
#[tokio::test]
async fn what_infors_limits_do_not_allow_leaves_the_authorization_as_it_was() {
    let world = world().await;
    for _ in 0..5 {
        let wrong = redirect(&world, ACME).await.replace("code=", "code=wrong");
        let refused = complete(&world, UPLOADER, ACME, &wrong).await.unwrap_err();
        assert_eq!(reason(&refused), "AUTHORIZATION_REQUIRED");
    }
    let good = redirect(&world, ACME).await;
    let refused = complete(&world, UPLOADER, ACME, &good).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::ResourceExhausted, "TOKEN_BUDGET_EXHAUSTED")
    );
    assert_eq!((world.infor.requests(), pending(&world).await), (5, 1));
}
