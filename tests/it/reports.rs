//! What callers report about tokens: one that Infor refused, one that got into wrong hands.

use ionvault::pb::v1::revoke_tokens_response::Revocation;
use ionvault::pb::v1::{IssueTokenRequest, IssueTokenResponse, RevokeTokensRequest};
use tonic::Status;

use crate::support::{ACME, ADMIN, ISSUER, UPLOADER, World, fields, ionapi, reason};

async fn rejecting(world: &World, token_id: &str) -> Result<IssueTokenResponse, Status> {
    let request = IssueTokenRequest {
        name: ACME.to_owned(),
        rejected_token_id: token_id.to_owned(),
        ..Default::default()
    };
    Ok(world.tokens(ISSUER).await.issue_token(request).await?.into_inner())
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
