//! Tokens that are given back to Infor.

mod late;
mod unused;
mod waits;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ionvault::model::{Credential, CredentialName};
use ionvault::ports::{ExchangeError, OauthError, TokenKind};
use ionvault::sealing::RecordKind;
use ionvault::tokens::{IssueQuery, Revocation};
use tokio_util::sync::CancellationToken;

use crate::support::{ACME, World, ionapi, ionapi_with_secret};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A vault with one credential, which has an access token and a refresh token.
async fn world() -> World {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    world
}

fn find(world: &World, name: &str) -> Arc<Credential> {
    world.vault.find(&name.parse::<CredentialName>().unwrap()).unwrap().unwrap()
}

async fn revoke(world: &World) -> Revocation {
    world.issuer.revoke(&find(world, ACME)).await.unwrap()
}

fn of_the_first_log_in() -> Vec<(TokenKind, String)> {
    vec![
        (TokenKind::Refresh, "refresh.ACME_PRD~app1.1".to_owned()),
        (TokenKind::Access, "access.ACME_PRD~app1.1".to_owned()),
    ]
}

fn unavailable() -> ExchangeError {
    ExchangeError::Unavailable { what: "the test wants it so", retry_after: None }
}

/// Does what a running vault does unasked, while `work` goes on.
async fn running<T>(world: &World, work: impl Future<Output = T>) -> T {
    let drain = CancellationToken::new();
    let run = world.issuer.run(drain.clone());
    let work = async {
        let outcome = work.await;
        drain.cancel();
        outcome
    };
    let (outcome, ()) = tokio::join!(work, run);
    world.issuer.drain().await;
    outcome
}

#[tokio::test]
async fn revoking_forgets_the_tokens_and_tells_infor_of_the_refresh_token_first() {
    let world = world().await;
    let first = world.issue(ACME).await.unwrap().token_id;
    assert_eq!(revoke(&world).await, Revocation::Done);
    assert_eq!(world.infor.until_revoked(0).await, of_the_first_log_in());
    let endpoint = "https://mingle-sso.eu1.inforcloudsuite.com/ACME_PRD/as/revoke_token.oauth2";
    assert_eq!(world.infor.last_target().url.as_str(), endpoint);
    assert!(world.records(RecordKind::Revocation).await.is_empty());
    assert_eq!(revoke(&world).await, Revocation::None, "there is nothing left");
    assert_ne!(world.issue(ACME).await.unwrap().token_id, first);
    assert_eq!(world.infor.requests_by("password"), 2, "the refresh token is gone, too");
}

#[tokio::test]
async fn what_was_revoked_stays_so_over_a_restart() {
    let world = world().await;
    let first = world.issue(ACME).await.unwrap().token_id;
    revoke(&world).await;
    let world = world.restart().await;
    assert_ne!(world.issue(ACME).await.unwrap().token_id, first);
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_revoking() {
    let world = world().await;
    let credential = find(&world, ACME);
    {
        let mut revoking = pin!(world.issuer.revoke(&credential));
        let waits = poll_fn(|context| Poll::Ready(revoking.as_mut().poll(context).is_pending()));
        assert!(waits.await);
    }
    world.issuer.drain().await;
    assert_eq!(revoked(&world).await, of_the_first_log_in());
}

#[tokio::test]
async fn credentials_of_the_same_file_lose_their_tokens_together_and_others_keep_theirs() {
    let world = world().await;
    let (same, other) = ("tenants/acme/credentials/same", "tenants/globex/credentials/infor");
    world.upload(same, &ionapi("ACME_PRD", "app1")).await;
    world.upload(other, &ionapi("ACME_PRD", "app1")).await;
    let before = world.issue(same).await.unwrap().token_id;
    let others = world.issue(other).await.unwrap().token_id;
    revoke(&world).await;
    assert_ne!(world.issue(same).await.unwrap().token_id, before);
    assert_eq!(world.issue(other).await.unwrap().token_id, others);
}

#[tokio::test]
async fn infor_is_told_again_until_it_confirms_also_after_a_restart() {
    let world = world().await;
    world.infor.fail_revocations_with(Some(unavailable));
    assert_eq!(revoke(&world).await, Revocation::Pending);
    let world = world.restart().await;
    assert_eq!(world.records(RecordKind::Revocation).await.len(), 1);
    // Twice more it hears the first of the tokens, and does not confirm.
    running(&world, world.infor.until_revoked(3)).await;
    assert_eq!(world.records(RecordKind::Revocation).await.len(), 1);
    let world = world.restart().await;
    world.infor.fail_revocations_with(None);
    let told = running(&world, world.infor.until_revoked(5)).await;
    assert_eq!(told[3..], of_the_first_log_in());
    assert!(world.records(RecordKind::Revocation).await.is_empty());
}

#[tokio::test]
async fn tokens_that_are_dead_are_not_told_any_more() {
    let world = world().await;
    world.infor.fail_revocations_with(Some(unavailable));
    assert_eq!(revoke(&world).await, Revocation::Pending);
    let told = world.infor.until_revoked(1).await.len();
    let world = world.restart().await;
    world.clock.advance(30 * DAY);
    running(&world, until_nothing_is_pending(&world)).await;
    assert_eq!(world.infor.until_revoked(0).await.len(), told);
}

/// The access token is dead by then; the refresh token may be good.
#[tokio::test]
async fn infor_is_told_of_a_refresh_token_for_thirty_days() {
    let world = world().await;
    world.infor.fail_revocations_with(Some(unavailable));
    assert_eq!(revoke(&world).await, Revocation::Pending);
    let told = world.infor.until_revoked(1).await.len();
    let world = world.restart().await;
    world.clock.advance(30 * DAY - Duration::from_secs(1));
    world.infor.fail_revocations_with(None);
    running(&world, until_nothing_is_pending(&world)).await;
    assert_eq!(revoked(&world).await[told..], of_the_first_log_in());
}

#[tokio::test]
async fn an_access_token_alone_that_infor_does_not_take_back_is_no_pending_matter() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let first = world.issue(ACME).await.unwrap().token_id;
    let unsupported = || ExchangeError::Refused(OauthError::UnsupportedTokenType);
    world.infor.fail_revocations_with(Some(unsupported));
    assert_eq!(revoke(&world).await, Revocation::Unsupported);
    assert!(world.records(RecordKind::Revocation).await.is_empty());
    assert_ne!(world.issue(ACME).await.unwrap().token_id, first);
}

/// Who revokes thinks of the credential, not of the version that happens to serve.
#[tokio::test]
async fn the_tokens_of_all_versions_are_revoked() {
    let world = world().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    world.issue(ACME).await.unwrap();
    assert_eq!(revoke(&world).await, Revocation::Done);
    let mut told: Vec<_> = revoked(&world).await.into_iter().map(|(_, token)| token).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "access.ACME_PRD~app1.1",
            "access.ACME_PRD~app2.2",
            "refresh.ACME_PRD~app1.1",
            "refresh.ACME_PRD~app2.2"
        ]
    );
    assert!(find(&world, ACME).versions.iter().all(|version| world.issuer.kept(version).is_none()));
}

/// Of several accounts, the one that is left says what is left to do.
#[tokio::test]
async fn what_infor_takes_back_from_nobody_is_told_of_though_another_account_is_done() {
    let file = String::from_utf8(ionapi("ACME_PRD", "app1")).unwrap();
    let unrevocable = file.replace(r#""or":"revoke_token.oauth2","#, "");
    let secret = "invented-client-secret-2";
    // They are revoked in the order of the accounts, which hangs on the keys of the vault, and the
    // last must be another.
    for _ in 0..VAULTS_MAX {
        let world = World::new().await;
        world.upload(ACME, unrevocable.as_bytes()).await;
        world.issue(ACME).await.unwrap();
        world.upload(ACME, &ionapi_with_secret("GLOBEX_PRD", secret, secret)).await;
        world.issue(ACME).await.unwrap();
        let versions = &find(&world, ACME).versions;
        if versions[0].account < versions[1].account {
            assert_eq!(revoke(&world).await, Revocation::Unsupported);
            return;
        }
    }
    panic!("the accounts of {VAULTS_MAX} vaults were all in the same order");
}

/// One order in all of them has a chance of 2^-64.
const VAULTS_MAX: usize = 64;

#[tokio::test]
async fn a_refusal_that_comes_after_its_account_was_revoked_is_remembered() {
    let world = world().await;
    world.pass(Duration::from_secs(7200)).await;
    world.infor.fail_with(Some(|| ExchangeError::Refused(OauthError::InvalidClient)));
    world.infor.hold();
    let credential = find(&world, ACME);
    let refused = async {
        assert!(world.issuer.issue(&credential, IssueQuery::default()).await.is_err());
    };
    let revoking = async {
        world.infor.until_requests(2).await;
        assert_ne!(revoke(&world).await, Revocation::None);
        world.infor.release();
    };
    tokio::join!(refused, revoking);
    assert!(world.issuer.issue(&credential, IssueQuery::default()).await.is_err());
    assert_eq!(world.infor.requests(), 2, "Infor has said no, whoever holds which tokens");
}

#[tokio::test]
async fn nothing_is_sent_to_a_host_that_is_not_approved_any_more() {
    let world = World::new().await;
    let file = String::from_utf8(ionapi("ACME_PRD", "app1")).unwrap();
    let file = file.replace("mingle-sso.eu1.inforcloudsuite.com:443", "inforos.customer.example");
    world.upload(ACME, file.as_bytes()).await;
    world.issue(ACME).await.unwrap();
    world.infor.fail_revocations_with(Some(unavailable));
    assert_eq!(revoke(&world).await, Revocation::Pending);
    let told = world.infor.until_revoked(1).await.len();
    world.infor.fail_revocations_with(None);
    let world = world.restart_with_hosts(vec![]).await;
    // Another account is revoked after it, so that it had its turn.
    world.upload("tenants/acme/credentials/second", &ionapi("ACME_PRD", "app2")).await;
    world.issue("tenants/acme/credentials/second").await.unwrap();
    let second = find(&world, "tenants/acme/credentials/second");
    running(&world, async { world.issuer.revoke(&second).await.unwrap() }).await;
    let all = world.infor.until_revoked(told + 1).await;
    assert!(all[told..].iter().all(|(_, token)| token.contains("app2")), "{all:?}");
    assert_eq!(world.records(RecordKind::Revocation).await.len(), 1, "it may be approved again");
}

async fn until_nothing_is_pending(world: &World) {
    while !world.records(RecordKind::Revocation).await.is_empty() {
        tokio::task::yield_now().await;
    }
}

async fn revoked(world: &World) -> Vec<(TokenKind, String)> {
    world.infor.until_revoked(0).await
}
