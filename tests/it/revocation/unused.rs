//! Accounts that no version uses any more.

use ionvault::sealing::RecordKind;

use super::{find, of_the_first_log_in, revoked, running, world};
use crate::support::{ACME, ADMIN, TOKEN_LIFE, World, ionapi, ionapi_with_secret};

/// Has the credential keep ten versions behind the first, so that it is gone.
async fn push_out_the_first_version(world: &World) {
    for number in 2..=11 {
        let secret = format!("invented-client-secret-{number}");
        world.upload(ACME, &ionapi_with_secret("ACME_PRD", "app1", &secret)).await;
    }
}

#[tokio::test]
async fn accounts_that_no_version_uses_any_more_are_revoked_and_forgotten() {
    let world = world().await;
    world.issuer.sweep().await.unwrap();
    assert_eq!(revoked(&world).await, [], "a version serves");
    push_out_the_first_version(&world).await;
    world.issuer.sweep().await.unwrap();
    assert!(world.records(RecordKind::Account).await.is_empty());
    assert!(world.records(RecordKind::Client).await.is_empty());
    running(&world, world.infor.until_revoked(2)).await;
    assert_eq!(revoked(&world).await, of_the_first_log_in());
    assert!(world.records(RecordKind::Revocation).await.is_empty());
    let kept = world.issuer.kept(find(&world, ACME).versions.last().unwrap());
    assert!(kept.is_none());
}

#[tokio::test]
async fn versions_that_may_serve_again_and_other_credentials_keep_an_account() {
    let world = world().await;
    let same = "tenants/acme/credentials/same";
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    world.issuer.sweep().await.unwrap();
    assert_eq!(world.records(RecordKind::Account).await.len(), 1, "its version can be activated");
    world.upload(same, &ionapi("ACME_PRD", "app1")).await;
    push_out_the_first_version(&world).await;
    world.issuer.sweep().await.unwrap();
    assert_eq!(world.records(RecordKind::Account).await.len(), 1, "another credential uses it");
    let request =
        ionvault::pb::v1::DeleteCredentialRequest { name: same.to_owned(), ..Default::default() };
    world.credentials(ADMIN).await.delete_credential(request).await.unwrap();
    world.issuer.sweep().await.unwrap();
    assert_eq!(world.records(RecordKind::Account).await.len(), 1, "it can be undeleted");
    assert_eq!(revoked(&world).await, []);
}

/// The sweep looks twice: somebody may have asked for a token while it revoked the last one.
#[tokio::test]
async fn an_account_that_is_used_again_during_the_sweep_is_kept() {
    let world = world().await;
    push_out_the_first_version(&world).await;
    let (written, go_on) = world.faulty.hold_next_answer();
    let use_again = async {
        written.await.unwrap();
        world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
        // Memory has the old token still; it must not do.
        world.clock.advance(TOKEN_LIFE);
        let token = world.issue(ACME).await.unwrap().token_id;
        go_on.send(()).unwrap();
        token
    };
    let (swept, token) = tokio::join!(world.issuer.sweep(), use_again);
    swept.unwrap();
    assert_eq!(world.issue(ACME).await.unwrap().token_id, token);
    let world = world.restart().await;
    assert_eq!(world.issue(ACME).await.unwrap().token_id, token);
}
