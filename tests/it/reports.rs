//! What callers report about tokens: one that Infor refused, one that got into wrong hands.

use std::time::Duration;

use ionvault::pb::v1::revoke_tokens_response::Revocation;
use ionvault::pb::v1::{IssueTokenRequest, IssueTokenResponse, RevokeTokensRequest};
use tonic::Status;

use crate::support::{ACME, ADMIN, ISSUER, UPLOADER, World, fields, ionapi, reason};

fn rejected(token_id: &str) -> IssueTokenRequest {
    let (name, rejected_token_id) = (ACME.to_owned(), token_id.to_owned());
    IssueTokenRequest { name, rejected_token_id, ..Default::default() }
}

async fn rejecting(world: &World, token_id: &str) -> Result<IssueTokenResponse, Status> {
    Ok(world.tokens(ISSUER).await.issue_token(rejected(token_id)).await?.into_inner())
}

async fn revoke(world: &World, caller: &str) -> Result<Revocation, Status> {
    let request = RevokeTokensRequest { name: ACME.to_owned() };
    Ok(world.tokens(caller).await.revoke_tokens(request).await?.into_inner().revocation())
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_a_minute() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let first = world.issue(ACME).await.unwrap().token_id;
    let second = rejecting(&world, &first).await.unwrap().token_id;
    assert_ne!(second, first);
    assert_eq!(
        rejecting(&world, &first).await.unwrap().token_id,
        second,
        "it is not kept any more"
    );
    assert_eq!(rejecting(&world, &second).await.unwrap().token_id, second, "that is too soon");
    assert_eq!(world.infor.requests(), 2);
}

#[tokio::test]
async fn the_token_that_replaces_it_is_no_shorter_than_was_asked() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let first = world.issue(ACME).await.unwrap().token_id;
    world.infor.set_life(Duration::from_secs(120));
    let asked = prost_types::Duration { seconds: 600, nanos: 0 };
    let request = IssueTokenRequest { min_remaining: Some(asked), ..rejected(&first) };
    let refused = world.tokens(ISSUER).await.issue_token(request).await.unwrap_err();
    assert_eq!(reason(&refused), "LIFETIME_TOO_LONG");
    assert_eq!(world.infor.requests(), 2);
}

#[tokio::test]
async fn what_is_no_token_id_is_named() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    for text in ["0", "0123456789ABCDEF", "0123456789abcdef0"] {
        let refused = rejecting(&world, text).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_ARGUMENT");
        assert_eq!(fields(&refused), ["rejected_token_id"], "{text}");
    }
    assert_eq!(world.infor.requests(), 0);
}

#[tokio::test]
async fn revoked_tokens_are_given_back_and_to_nobody_else() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    assert_eq!(revoke(&world, ADMIN).await.unwrap(), Revocation::None);
    let before = world.issue(ACME).await.unwrap().token_id;
    for caller in [UPLOADER, ISSUER] {
        let denied = revoke(&world, caller).await.unwrap_err();
        assert_eq!(reason(&denied), "CALLER_DENIED", "{caller}");
    }
    assert_ne!(revoke(&world, ADMIN).await.unwrap(), Revocation::None);
    assert_ne!(world.issue(ACME).await.unwrap().token_id, before);
    assert_eq!(world.infor.requests_by("password"), 2);
    assert_eq!(world.infor.requests_by("refresh_token"), 0);
}
