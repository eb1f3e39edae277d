//! Request ids: the same request has one effect.

use std::time::Duration;

use ionvault::pb::v1::{
    DeleteCredentialRequest, UndeleteCredentialRequest, UploadCredentialRequest,
};
use ionvault::sealing::RecordKind;
use tonic::Code;

use crate::support::{ACME, ADMIN, UPLOADER, World, fields, ionapi, reason, upload};

fn with_id(file: &[u8], id: &str) -> UploadCredentialRequest {
    UploadCredentialRequest { request_id: id.to_owned(), ..upload(ACME, file) }
}

#[tokio::test]
async fn an_upload_sent_twice_has_one_effect_even_over_a_restart() {
    let world = World::new().await;
    let (one, two) = (ionapi("ACME_PRD", "app1"), ionapi("ACME_PRD", "app2"));
    let mut client = world.credentials(UPLOADER).await;
    client.upload_credential(with_id(&one, "id-1")).await.unwrap();
    client.upload_credential(with_id(&two, "id-2")).await.unwrap();
    drop(client);
    let world = world.restart().await;
    let mut client = world.credentials(UPLOADER).await;
    let again = client.upload_credential(with_id(&two, "id-2")).await.unwrap().into_inner();
    assert_eq!((again.version, again.added), (2, true));
    // The same id, another request: a version that is there already does not hide it.
    for other in [
        with_id(&one, "id-2"),
        UploadCredentialRequest { requested_by: "x".into(), ..with_id(&two, "id-2") },
    ] {
        let refused = client.upload_credential(other).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::AlreadyExists, "REQUEST_ID_REUSED")
        );
    }
}

#[tokio::test]
async fn a_retried_deletion_does_not_delete_again() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let mut client = world.credentials(ADMIN).await;
    let delete = DeleteCredentialRequest {
        name: ACME.to_owned(),
        request_id: "0b1f5f0e-6d1c-4c49-9d5c-2f1f9f6a0001".to_owned(),
        ..Default::default()
    };
    client.delete_credential(delete.clone()).await.unwrap();
    let undelete = UndeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    client.undelete_credential(undelete).await.unwrap();
    let late = client.delete_credential(delete).await.unwrap().into_inner().credential.unwrap();
    assert_eq!(late.delete_time, None, "the late retry found it undeleted and left it so");
    assert!(world.issue(ACME).await.is_ok());
}

/// A request that finds nothing to do is remembered too: sent again, it does nothing still.
#[tokio::test]
async fn a_request_without_effect_has_none_when_it_is_sent_again() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    world.upload(ACME, &file).await;
    let mut client = world.credentials(ADMIN).await;
    let delete = |id: &str| DeleteCredentialRequest {
        name: ACME.to_owned(),
        request_id: id.to_owned(),
        ..Default::default()
    };
    client.delete_credential(delete("")).await.unwrap();
    client.delete_credential(delete("late")).await.unwrap();
    let undelete = UndeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    client.undelete_credential(undelete).await.unwrap();
    let late = client.delete_credential(delete("late")).await.unwrap().into_inner();
    assert_eq!(late.credential.unwrap().delete_time, None);

    let known = client.upload_credential(with_id(&file, "known")).await.unwrap().into_inner();
    assert_eq!((known.version, known.added), (1, false));
    let again = client.upload_credential(with_id(&file, "known")).await.unwrap().into_inner();
    assert_eq!((again.version, again.added), (1, false));
    let other = client.upload_credential(with_id(&ionapi("ACME_PRD", "app2"), "known")).await;
    assert_eq!(reason(&other.unwrap_err()), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn ids_belong_to_their_caller_and_their_rpc() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    let mut uploader = world.credentials(UPLOADER).await;
    uploader.upload_credential(with_id(&file, "same")).await.unwrap();
    let mut admin = world.credentials(ADMIN).await;
    let other = with_id(&ionapi("ACME_PRD", "app2"), "same");
    assert_eq!(admin.upload_credential(other).await.unwrap().into_inner().version, 2);
    let delete = DeleteCredentialRequest {
        name: ACME.to_owned(),
        request_id: "same".to_owned(),
        ..Default::default()
    };
    admin.delete_credential(delete).await.unwrap();
}

#[tokio::test]
async fn ids_are_forgotten_after_a_day() {
    let world = World::new().await;
    let mut client = world.credentials(UPLOADER).await;
    client.upload_credential(with_id(&ionapi("ACME_PRD", "app1"), "id")).await.unwrap();
    let other = || with_id(&ionapi("ACME_PRD", "app2"), "id");
    world.clock.advance(Duration::from_secs(24 * 3600 - 1));
    world.vault.forget_old_requests().await.unwrap();
    assert_eq!(reason(&client.upload_credential(other()).await.unwrap_err()), "REQUEST_ID_REUSED");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(client.upload_credential(other()).await.unwrap().into_inner().version, 2);
    world.clock.advance(Duration::from_secs(24 * 3600));
    assert_eq!(world.records(RecordKind::RequestId).await.len(), 1);
    world.vault.forget_old_requests().await.unwrap();
    assert_eq!(world.records(RecordKind::RequestId).await.len(), 0);
}

#[tokio::test]
async fn malformed_ids_are_refused() {
    let world = World::new().await;
    let mut client = world.credentials(UPLOADER).await;
    for id in ["a b", "ä", &"x".repeat(65)] {
        let refused =
            client.upload_credential(with_id(&ionapi("A_PRD", "a"), id)).await.unwrap_err();
        assert_eq!(fields(&refused), ["request_id"], "{id}");
    }
}
