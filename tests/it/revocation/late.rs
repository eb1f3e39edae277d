//! Tokens that Infor gives while their account is revoked.

use std::time::Duration;

use ionvault::ports::TokenKind;
use ionvault::sealing::RecordKind;
use ionvault::secret::Secret;
use ionvault::tokens::{IssueQuery, Issued, Revocation};

use super::{find, revoke, running, world};
use crate::support::{ACME, UPLOADER, World, ionapi, web_app};

/// A caller needs a token. While Infor, whose request number `request` it is, makes up its mind, the
/// account is revoked. What the caller is given in the end, and what the revoking came to.
async fn revoked_on_the_way(world: &World, request: usize) -> (Issued, Revocation) {
    world.infor.hold();
    let credential = find(world, ACME);
    let issue = async { world.issuer.issue(&credential, IssueQuery::default()).await.unwrap() };
    let revoke = async {
        world.infor.until_requests(request).await;
        let revocation = revoke(world).await;
        world.infor.release();
        revocation
    };
    tokio::join!(issue, revoke)
}

#[tokio::test]
async fn a_token_that_comes_after_its_account_was_revoked_is_not_given_out_but_back() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    world.infor.issue_refresh_tokens();
    world.pass(Duration::from_secs(7200)).await;
    let (issued, revocation) = revoked_on_the_way(&world, 2).await;
    assert_eq!(revocation, Revocation::Done);
    assert_eq!(world.records(RecordKind::Revocation).await.len(), 1);
    // The first token has expired meanwhile: nobody has to be told of it.
    let late = running(&world, world.infor.until_revoked(2)).await;
    assert_eq!(
        late,
        [
            (TokenKind::Refresh, "refresh.ACME_PRD~app1.2".to_owned()),
            (TokenKind::Access, "access.ACME_PRD~app1.2".to_owned()),
        ]
    );
    assert_eq!(issued.token.token.expose(), b"access.ACME_PRD~app1.3");
    assert!(world.records(RecordKind::Revocation).await.is_empty());
}

#[tokio::test]
async fn a_first_token_that_comes_after_its_account_was_revoked_goes_back_too() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let (issued, revocation) = revoked_on_the_way(&world, 1).await;
    assert_eq!(revocation, Revocation::Pending);
    assert_eq!(issued.token.token.expose(), b"access.ACME_PRD~app1.2");
    assert_eq!(world.records(RecordKind::Revocation).await.len(), 1);
    let late = (TokenKind::Access, "access.ACME_PRD~app1.1".to_owned());
    assert_eq!(running(&world, world.infor.until_revoked(1)).await, [late]);
}

/// Callers read memory, which hears of a token after the store does.
#[tokio::test]
async fn a_token_that_is_revoked_before_anybody_saw_it_is_given_to_nobody() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.infor.hold();
    let credential = find(&world, ACME);
    let issue = async { world.issuer.issue(&credential, IssueQuery::default()).await.unwrap() };
    let revoke = async {
        world.infor.until_requests(1).await;
        let (written, go_on) = world.faulty.hold_next_answer();
        world.infor.release();
        written.await.unwrap();
        assert_eq!(revoke(&world).await, Revocation::Done);
        go_on.send(()).unwrap();
    };
    let (issued, ()) = tokio::join!(issue, revoke);
    assert_eq!(issued.token.token.expose(), b"access.ACME_PRD~app1.2");
}

/// The other way round: memory hears of the revocation only after a person has authorized anew.
#[tokio::test]
async fn tokens_that_came_after_a_revocation_are_not_forgotten_with_those_before_it() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &web_app("ACME_TST", "web")).await;
    let credential = find(&world, ACME);
    let uploader = UPLOADER.parse().unwrap();
    let authorize = async || {
        let started = world.authorizations.start(&uploader, &credential).await.unwrap();
        let redirect = Secret::from(world.infor.visit(&started.authorization_uri));
        world.authorizations.complete(&uploader, &credential, redirect).await.unwrap();
    };
    authorize().await;
    let (written, go_on) = world.faulty.hold_next_answer();
    let authorize = async {
        written.await.unwrap();
        authorize().await;
        go_on.send(()).unwrap();
    };
    let (revocation, ()) = tokio::join!(revoke(&world), authorize);
    assert_eq!(revocation, Revocation::Done);
    let issued = world.issuer.issue(&credential, IssueQuery::default()).await.unwrap();
    assert_eq!(issued.token.token.expose(), b"access.ACME_TST~web.2");
    assert_eq!(world.infor.requests(), 2);
}

#[tokio::test]
async fn who_reported_a_token_is_not_given_it_again_when_it_was_revoked_meanwhile() {
    let world = world().await;
    let credential = find(&world, ACME);
    let first = world.issuer.issue(&credential, IssueQuery::default()).await.unwrap();
    world.infor.hold();
    let query = IssueQuery { rejected: Some(&first.token.id), ..IssueQuery::default() };
    let reporting = async {
        let issued = world.issuer.issue(&credential, query).await.unwrap();
        assert_ne!(issued.token.id, first.token.id);
    };
    let revoking = async {
        world.infor.until_requests(2).await;
        assert_ne!(revoke(&world).await, Revocation::None);
        world.infor.release();
    };
    tokio::join!(reporting, revoking);
}
