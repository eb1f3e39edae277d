//! A store that fails or stands still under a running vault, and callers that do not wait for it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use ionvault::model::CredentialName;
use ionvault::pb::v1::upload_credential_request::Verification;
use ionvault::pb::v1::{
    ActivateCredentialVersionRequest, Credential, DeleteCredentialRequest, GetCredentialRequest,
    UpdateCredentialRequest, UploadCredentialRequest,
};
use ionvault::secret::Secret;
use ionvault::vault::{Activation, CHANGES_MAX, CheckedUpload, Upload};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{ACME, ADMIN, TOKEN_LIFE, World, ionapi, labels, reason, upload};

/// Polls once, then drops: a caller that goes away as soon as it asked.
async fn abandon(future: impl Future) {
    let mut future = pin!(future);
    let pending = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending()));
    assert!(pending.await);
}

fn plain_upload(world: &World, name: &str) -> CheckedUpload {
    let upload = Upload {
        name: name.parse().unwrap(),
        ion_api_file: Secret::from(ionapi("ACME_PRD", "app1")),
        ca_certificates: Secret::from(vec![]),
        labels: Default::default(),
        etag: None,
        caller: ADMIN.parse().unwrap(),
        requested_by: String::new(),
        request: None,
        activation: Activation::AtOnce,
    };
    world.vault.check(upload).unwrap()
}

#[tokio::test]
async fn an_upload_whose_caller_went_away_is_there_afterwards() {
    let world = World::new().await;
    let name: CredentialName = ACME.parse().unwrap();
    world.faulty.hold_commits();
    abandon(world.vault.upload(plain_upload(&world, ACME))).await;
    assert!(world.vault.find(&name).unwrap().is_none(), "not before the store has it");
    world.faulty.release_commits();
    world.vault.drain().await;
    let found = world.vault.find(&name).unwrap().unwrap();
    let world = world.restart().await;
    assert_eq!(world.vault.find(&name).unwrap().unwrap().etag(), found.etag());
    world.issue(ACME).await.unwrap();
}

#[tokio::test]
async fn a_change_whose_caller_went_away_is_there_afterwards() {
    let world = World::new().await;
    let name: CredentialName = ACME.parse().unwrap();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.faulty.hold_commits();
    abandon(world.vault.delete(name.clone(), None, None)).await;
    world.faulty.release_commits();
    world.vault.drain().await;
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "CREDENTIAL_DELETED");
    let world = world.restart().await;
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "CREDENTIAL_DELETED");
}

/// Whoever goes away leaves its change behind, so callers alone do not bound the changes.
#[tokio::test]
async fn changes_that_wait_for_the_store_have_a_limit() {
    let world = World::new().await;
    world.faulty.hold_commits();
    // Of a few tenants, so that most of them wait for a lock.
    for number in 0..CHANGES_MAX {
        let name = format!("tenants/t{}/credentials/c{}", number % 8, number / 8);
        abandon(world.vault.upload(plain_upload(&world, &name))).await;
    }
    let mut one_more = pin!(world.vault.upload(plain_upload(&world, ACME)));
    let at_once = poll_fn(|context| Poll::Ready(one_more.as_mut().poll(context).is_ready()));
    assert!(at_once.await, "it is refused and does not wait");
    let mut client = world.credentials(ADMIN).await;
    let refused = client.upload_credential(upload(ACME, &ionapi("A_PRD", "a"))).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unavailable, "OVERLOADED".to_owned(), true));
    let delete = DeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    let refused = client.delete_credential(delete).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_NOT_FOUND", "nothing to change, so no room needed");
    world.faulty.release_commits();
    world.vault.drain().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    for number in 0..CHANGES_MAX {
        let name = format!("tenants/t{}/credentials/c{}", number % 8, number / 8);
        assert!(world.vault.find(&name.parse().unwrap()).unwrap().is_some(), "{name}");
    }
}

#[tokio::test]
async fn a_store_that_fails_changes_nothing_and_stops_no_cached_token() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    let token = world.issue(ACME).await.unwrap();
    let get = |name: &str| GetCredentialRequest { name: name.to_owned() };
    let mut client = world.credentials(ADMIN).await;
    let before = client.get_credential(get(ACME)).await.unwrap().into_inner().credential.unwrap();
    world.faulty.fail_commits(true);
    world.faulty.fail_reads(true);

    let (name, absent) = (ACME.to_owned(), "tenants/globex/credentials/infor");
    let third = UploadCredentialRequest {
        request_id: "third".to_owned(),
        ..upload(ACME, &ionapi("ACME_PRD", "app3"))
    };
    let relabelled = Credential {
        name: name.clone(),
        labels: labels(&[("environment", "prd")]),
        ..Default::default()
    };
    let update = UpdateCredentialRequest { credential: Some(relabelled), update_mask: None };
    let activate = ActivateCredentialVersionRequest {
        name: format!("{ACME}/versions/1"),
        ..Default::default()
    };
    let delete = DeleteCredentialRequest { name: name.clone(), ..Default::default() };
    for refused in [
        client.upload_credential(third.clone()).await.unwrap_err(),
        client.upload_credential(upload(absent, &ionapi("GLOBEX_PRD", "a"))).await.unwrap_err(),
        client.update_credential(update).await.unwrap_err(),
        client.activate_credential_version(activate).await.unwrap_err(),
        client.delete_credential(delete).await.unwrap_err(),
    ] {
        assert_eq!(told(&refused), (Code::Unavailable, "STORE_UNAVAILABLE".to_owned(), true));
        assert!(!format!("{refused:?}").contains("planted"), "{refused:?}");
    }
    let got = client.get_credential(get(ACME)).await.unwrap().into_inner().credential.unwrap();
    assert_eq!(got, before);
    assert_eq!(client.get_credential(get(absent)).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(world.issue(ACME).await.unwrap(), token);
    assert_eq!(world.infor.requests(), 1);

    world.faulty.fail_commits(false);
    world.faulty.fail_reads(false);
    let third = client.upload_credential(third).await.unwrap().into_inner();
    assert_eq!((third.version, third.added), (3, true));
}

#[tokio::test]
async fn a_store_that_cannot_be_read_issues_no_new_token() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.faulty.fail_reads(true);
    let refused = world.issue(ACME).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Unavailable, "STORE_UNAVAILABLE".to_owned(), true));
    assert!(!format!("{refused:?}").contains("planted"), "{refused:?}");
    assert_eq!(world.infor.requests(), 0);
    world.faulty.fail_reads(false);
    world.issue(ACME).await.unwrap();
}

/// What is charged counts for as long as Infor counts it only if it is asked soon.
#[tokio::test]
async fn infor_is_not_asked_when_the_store_was_slow() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    for _ in 0..2 {
        world.issue(ACME).await.unwrap();
        world.pass(TOKEN_LIFE).await;
    }
    // From here on its server is known to forgive no second use of a refresh token.
    let second = UploadCredentialRequest {
        verification: Verification::Required.into(),
        ..upload("tenants/acme/credentials/second", &ionapi("ACME_PRD", "app2"))
    };
    world.faulty.hold_commits();
    let (refused, ()) = tokio::join!(world.issue(ACME), release_late(&world));
    assert_eq!(told(&refused.unwrap_err()), (Code::Unavailable, "STORE_UNAVAILABLE".into(), true));
    world.faulty.hold_commits();
    let mut client = world.credentials(ADMIN).await;
    let (refused, ()) = tokio::join!(client.upload_credential(second), release_late(&world));
    assert_eq!(told(&refused.unwrap_err()), (Code::Unavailable, "STORE_UNAVAILABLE".into(), true));
    assert_eq!(world.infor.requests(), 2);
    world.issue(ACME).await.unwrap();
    let grants = ["password", "refresh_token"].map(|grant| world.infor.requests_by(grant));
    assert_eq!(grants, [1, 2], "the refresh token was not sent, so it may be");
}

/// Lets the commit go on that is held, after some time.
async fn release_late(world: &World) {
    world.faulty.until_held().await;
    world.pass(Duration::from_secs(19)).await;
    world.faulty.release_commits();
}

/// Code, reason, and whether it says when to retry.
fn told(status: &Status) -> (Code, String, bool) {
    (status.code(), reason(status), status.get_error_details().retry_info().is_some())
}
