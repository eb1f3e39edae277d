//! What is kept of accounts, and when Infor is asked.

use std::time::Duration;

use ionvault::pb::v1::IssueTokenRequest;
use ionvault::ports::{ExchangeError, OauthError, Store as _, Write};
use ionvault::sealing::RecordKind;
use ionvault::tokens::IssueQuery;
use tokio_util::sync::CancellationToken;

use crate::support::{ACME, ADMIN, World, ionapi, reason, upload, web_app};

const SECOND: Duration = Duration::from_secs(1);

/// A vault with one credential, and the id of its token.
async fn world() -> (World, String) {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let id = world.issue(ACME).await.unwrap().token_id;
    (world, id)
}

#[tokio::test]
async fn a_restart_asks_infor_for_nothing_while_tokens_live() {
    let (world, id) = world().await;
    let world = world.restart().await;
    world.clock.advance(3600 * SECOND);
    assert_eq!(world.issue(ACME).await.unwrap().token_id, id);
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn a_rotated_refresh_token_is_there_after_a_restart() {
    let (mut world, _) = world().await;
    for number in 1..=3 {
        world = world.restart().await;
        world.clock.advance(7200 * SECOND);
        world.issue(ACME).await.unwrap();
        assert_eq!(world.infor.requests_by("refresh_token"), number);
    }
    assert_eq!(world.infor.requests_by("password"), 1);
}

#[tokio::test]
async fn credentials_of_the_same_file_share_one_account() {
    let (world, id) = world().await;
    world.upload("tenants/acme/credentials/second", &ionapi("ACME_PRD", "app1")).await;
    assert_eq!(world.issue("tenants/acme/credentials/second").await.unwrap().token_id, id);
    assert_eq!(world.records(RecordKind::Account).await.len(), 1);
    // Another organisation has an account of its own, though it be with the same file.
    world.upload("tenants/globex/credentials/infor", &ionapi("ACME_PRD", "app1")).await;
    assert_ne!(world.issue("tenants/globex/credentials/infor").await.unwrap().token_id, id);
    assert_eq!(world.records(RecordKind::Account).await.len(), 2);
}

#[tokio::test]
async fn a_refusal_is_remembered_over_a_restart() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.infor.fail_with(Some(|| ExchangeError::Refused(OauthError::InvalidGrant)));
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "CREDENTIAL_REFUSED");
    let world = world.restart().await;
    let refused = world.issue(ACME).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_REFUSED");
    assert!(refused.message().contains("Service Accounts"), "{}", refused.message());
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn who_uses_a_token_gets_the_next_one_before_it_ends() {
    let (world, id) = world().await;
    let drain = CancellationToken::new();
    let (issuer, until) = (world.issuer.clone(), drain.clone());
    let running = tokio::spawn(async move { issuer.run(until).await });
    // Only who asks again after a token came makes it worth renewing.
    world.pass(60 * SECOND).await;
    world.issue(ACME).await.unwrap();
    world.pass(6900 * SECOND).await;
    world.infor.until_requests(2).await;
    let renewed = async {
        while world.issue(ACME).await.unwrap().token_id == id {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(60 * SECOND, renewed).await.unwrap();
    assert_eq!(world.infor.requests_by("refresh_token"), 1);
    drain.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_failed_early_renewal_fails_nobody() {
    let (world, id) = world().await;
    world.infor.fail_with(Some(|| ExchangeError::Unreachable("no route")));
    world.pass(7000 * SECOND).await;
    for _ in 0..3 {
        assert_eq!(world.issue(ACME).await.unwrap().token_id, id);
    }
    world.infor.until_requests(2).await;
    world.issuer.drain().await;
    assert_eq!(world.issue(ACME).await.unwrap().token_id, id);
    let refused = {
        world.pass(150 * SECOND).await;
        world.issue(ACME).await.unwrap_err()
    };
    assert_eq!(reason(&refused), "PROVIDER_UNAVAILABLE");
}

#[tokio::test]
async fn a_token_that_was_seen_refused_is_renewed_once_a_minute() {
    let (world, first) = world().await;
    let credential = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    let rejecting = async |id: &str| {
        let query = IssueQuery { rejected: Some(id), ..IssueQuery::default() };
        world.issuer.issue(&credential, query).await.map(|issued| issued.token.id.clone())
    };
    assert_eq!(
        rejecting("0123456789abcdef").await.unwrap(),
        first,
        "another token is not this one"
    );
    assert_eq!(world.infor.requests(), 1);
    let second = rejecting(&first).await.unwrap();
    assert_ne!(second, first);
    for _ in 0..100 {
        assert_eq!(rejecting(&first).await.unwrap(), second);
        assert_eq!(rejecting(&second).await.unwrap(), second);
    }
    assert_eq!(world.infor.requests(), 2);
    world.pass(61 * SECOND).await;
    // Infor is in trouble: the token that lives is better than none.
    world.infor.fail_with(Some(|| ExchangeError::Unreachable("no route")));
    assert_eq!(rejecting(&second).await.unwrap(), second);
    assert_eq!(world.infor.requests(), 3);
    world.pass(61 * SECOND).await;
    world.infor.fail_with(Some(|| ExchangeError::Refused(OauthError::InvalidClient)));
    assert!(rejecting(&second).await.is_err(), "a refusal for good is told");
    let request = IssueTokenRequest { name: ACME.to_owned(), ..Default::default() };
    let mut client = world.tokens(crate::support::ISSUER).await;
    let token = client.issue_token(request).await.unwrap().into_inner();
    assert_eq!(token.token_id, second, "who has nothing against it is given it");
}

#[tokio::test]
async fn a_retry_after_is_waited_for() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let fewer = || ExchangeError::Throttled { retry_after: Some(Duration::from_secs(120)) };
    world.infor.fail_with(Some(fewer));
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "PROVIDER_UNAVAILABLE");
    world.infor.fail_with(None);
    world.pass(119 * SECOND).await;
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "PROVIDER_UNAVAILABLE");
    assert_eq!(world.infor.requests(), 1);
    world.pass(3 * SECOND).await;
    world.issue(ACME).await.unwrap();
}

#[tokio::test]
async fn a_new_file_is_not_held_back_by_the_old_ones_refusal() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.infor.fail_with(Some(|| ExchangeError::Refused(OauthError::InvalidGrant)));
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "CREDENTIAL_REFUSED");
    world.infor.fail_with(None);
    let mut client = world.credentials(ADMIN).await;
    client.upload_credential(upload(ACME, &ionapi("ACME_PRD", "app2"))).await.unwrap();
    world.issue(ACME).await.unwrap();
}

#[tokio::test]
async fn tokens_that_are_seen_refused_leave_a_fifth_of_the_limits_to_those_without_one() {
    let (world, _) = world().await;
    let credential = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    let mut id = world.issue(ACME).await.unwrap().token_id;
    for _ in 0..90 {
        world.pass(61 * SECOND).await;
        let query = IssueQuery { rejected: Some(&id), ..IssueQuery::default() };
        id = world.issuer.issue(&credential, query).await.unwrap().token.id.clone();
    }
    assert_eq!(world.infor.requests(), 80);
    world.pass(7200 * SECOND).await;
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 81);
}

#[tokio::test]
async fn an_own_grant_that_was_interrupted_gives_the_refresh_token_no_more_redemptions() {
    let (world, _) = world().await;
    world.pass(7200 * SECOND).await;
    let silent = || ExchangeError::Unavailable { what: "silence", retry_after: None };
    world.infor.fail_with(Some(silent));
    for _ in 0..2 {
        world.issue(ACME).await.unwrap_err();
        world.pass(600 * SECOND).await;
    }
    // Both redemptions are used up: the third attempt is made with the file's own grant, and what
    // came of it does not reach the store.
    world.infor.fail_with(None);
    world.infor.hold();
    let ((), lost) = tokio::join!(
        async {
            world.infor.until_requests(4).await;
            world.faulty.fail_commits(true);
            world.infor.release();
        },
        world.issue(ACME)
    );
    assert_eq!(reason(&lost.unwrap_err()), "STORE_UNAVAILABLE");
    let world = world.restart().await;
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests_by("refresh_token"), 0);
    assert_eq!(world.infor.requests_by("password"), 3);
}

#[tokio::test]
async fn an_early_renewal_that_failed_is_tried_again_though_nobody_asks() {
    let (world, _) = world().await;
    let credential = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    let version = credential.active().unwrap();
    let (issuer, drain) = (world.issuer.clone(), CancellationToken::new());
    let until = drain.clone();
    let running = tokio::spawn(async move { issuer.run(until).await });
    world.issue(ACME).await.unwrap();
    world.infor.fail_with(Some(|| ExchangeError::Unreachable("no route")));
    world.pass(6960 * SECOND).await;
    world.infor.until_requests(2).await;
    while world.issuer.standing(version).failing.is_none() {
        tokio::task::yield_now().await;
    }
    world.infor.fail_with(None);
    // The failure's own backoff is over by then, and it is too early all the same.
    world.pass(2 * SECOND).await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.infor.requests(), 2);
    world.pass(10 * SECOND).await;
    tokio::time::timeout(60 * SECOND, world.infor.until_requests(3)).await.unwrap();
    drain.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_token_that_nobody_asked_for_again_is_not_renewed() {
    let (world, _) = world().await;
    let other = "tenants/acme/credentials/other";
    world.upload(other, &ionapi("ACME_PRD", "app2")).await;
    // Only this one is asked for again after its token came.
    world.issue(other).await.unwrap();
    world.issue(other).await.unwrap();
    world.pass(6970 * SECOND).await;
    let (issuer, drain) = (world.issuer.clone(), CancellationToken::new());
    let until = drain.clone();
    let running = tokio::spawn(async move { issuer.run(until).await });
    world.infor.until_requests(3).await;
    drain.cancel();
    running.await.unwrap();
    world.issuer.drain().await;
    assert_eq!(world.infor.requests(), 3);
}

#[tokio::test]
async fn tokens_of_an_account_whose_record_was_lost_are_believed_at_once() {
    let (world, _) = world().await;
    for _ in 0..4 {
        world.pass(7200 * SECOND).await;
        world.issue(ACME).await.unwrap();
    }
    let (key, _) = world.records(RecordKind::Account).await.remove(0);
    world.store.commit(vec![], vec![Write::Delete(key)]).await.unwrap();
    world.pass(7200 * SECOND).await;
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 6);
}

#[tokio::test]
async fn an_interrupted_attempt_is_not_made_again_before_infor_may_be_asked() {
    let (world, _) = world().await;
    world.pass(7200 * SECOND).await;
    let busy = || ExchangeError::Unavailable {
        what: "maintenance",
        retry_after: Some(Duration::from_secs(600)),
    };
    world.infor.fail_with(Some(busy));
    world.issue(ACME).await.unwrap_err();
    let world = world.restart().await;
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "PROVIDER_UNAVAILABLE");
    assert_eq!(world.infor.requests(), 2);
    world.infor.fail_with(None);
    let (issuer, drain) = (world.issuer.clone(), CancellationToken::new());
    let until = drain.clone();
    let running = tokio::spawn(async move { issuer.run(until).await });
    world.pass(602 * SECOND).await;
    tokio::time::timeout(60 * SECOND, world.infor.until_requests(3)).await.unwrap();
    assert_eq!(world.infor.requests_by("refresh_token"), 1);
    drain.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn an_app_that_nobody_authorized_needs_neither_store_nor_server_to_say_so() {
    let world = World::new().await;
    world.upload(ACME, &web_app("ACME_PRD", "app1")).await;
    world.faulty.fail_reads(true);
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "AUTHORIZATION_REQUIRED");
}
