//! The life of a credential.

use ionvault::pb::v1::credential::State;
use ionvault::pb::v1::{
    ActivateCredentialVersionRequest, Credential, DeleteCredentialRequest, GetCredentialRequest,
    ListCredentialVersionsRequest, UndeleteCredentialRequest, UpdateCredentialRequest,
    UploadCredentialRequest,
};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{
    ACME, ADMIN, ISSUER, UPLOADER, World, fields, ionapi, labels, reason, upload,
};

#[tokio::test]
async fn a_file_is_stored_described_and_never_shown() {
    let world = World::new().await;
    let credential = world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    assert_eq!((credential.name.as_str(), credential.active_version), (ACME, 1));
    assert_eq!(credential.state(), State::Active);
    let file = credential.ion_api_file.clone().unwrap();
    assert_eq!(
        (file.infor_tenant.as_str(), file.client_id.as_str()),
        ("ACME_PRD", "ACME_PRD~app1")
    );
    assert_eq!(
        file.api_base_url, "https://mingle-ionapi.eu1.inforcloudsuite.com/ACME_PRD",
        "one slash between gateway and tenant"
    );
    assert!(file.has_service_account);
    let got = get(&world, ACME).await.unwrap();
    assert_eq!(got, credential);
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let world = World::new().await;
    let mut client = world.credentials(ADMIN).await;
    for (tenant, file) in [("acme", "app1"), ("acme", "app2"), ("globex", "app1")] {
        let name = format!("tenants/{tenant}/credentials/infor");
        let request = UploadCredentialRequest {
            labels: labels(&[("environment", "prd")]),
            requested_by: "jane@acme.example".to_owned(),
            ..upload(&name, &ionapi("X_PRD", file))
        };
        client.upload_credential(request).await.unwrap();
    }
    let request = DeleteCredentialRequest {
        name: "tenants/globex/credentials/infor".into(),
        ..Default::default()
    };
    client.delete_credential(request).await.unwrap();
    let before = [
        get(&world, ACME).await.unwrap(),
        get(&world, "tenants/globex/credentials/infor").await.unwrap(),
    ];
    drop(client);
    let world = world.restart().await;
    let after = [
        get(&world, ACME).await.unwrap(),
        get(&world, "tenants/globex/credentials/infor").await.unwrap(),
    ];
    assert_eq!(before, after);
    assert_eq!(after[1].state(), State::Deleted);
    assert!(world.issue(ACME).await.is_ok());
}

#[tokio::test]
async fn the_same_bytes_are_the_same_version() {
    let world = World::new().await;
    let first = world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    let mut client = world.credentials(ADMIN).await;
    let again = client
        .upload_credential(upload(ACME, &ionapi("ACME_PRD", "app1")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((again.version, again.added), (1, false));
    let credential = again.credential.unwrap();
    assert_eq!(credential.active_version, 2, "an upload of old bytes does not roll back");
    assert_ne!(credential.etag, first.etag);
}

#[tokio::test]
async fn ten_versions_are_kept_and_the_active_one_always() {
    let world = World::new().await;
    for number in 1..=10 {
        world.upload(ACME, &ionapi("ACME_PRD", &format!("app{number}"))).await;
    }
    activate(&world, 1, "").await.unwrap();
    // Version 1 serves again, so it is 2 that makes room.
    world.upload(ACME, &ionapi("ACME_PRD", "app11")).await;
    assert_eq!(versions(&world).await, [11, 10, 9, 8, 7, 6, 5, 4, 3, 1]);
    let refused = activate(&world, 2, "").await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "VERSION_NOT_FOUND"));
    let world = world.restart().await;
    assert_eq!(versions(&world).await, [11, 10, 9, 8, 7, 6, 5, 4, 3, 1]);
}

#[tokio::test]
async fn activating_an_older_version_serves_its_token() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    assert_eq!(world.issue(ACME).await.unwrap().credential_version, 2);
    let credential = activate(&world, 1, "").await.unwrap();
    assert_eq!(credential.active_version, 1);
    let token = world.issue(ACME).await.unwrap();
    assert_eq!((token.credential_version, token.client_id.as_str()), (1, "ACME_PRD~app1"));
    assert!(token.access_token.contains("ACME_PRD~app1"));
}

#[tokio::test]
async fn a_deleted_credential_serves_nothing_until_it_is_undeleted() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    let mut client = world.credentials(ADMIN).await;
    let delete = DeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    let deleted = client.delete_credential(delete.clone()).await.unwrap().into_inner();
    let deleted = deleted.credential.unwrap();
    assert_eq!(deleted.state(), State::Deleted);
    assert_eq!(deleted.delete_time, deleted.update_time);
    let refused = world.issue(ACME).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "CREDENTIAL_DELETED")
    );
    let details = refused.get_error_details();
    let violations = &details.precondition_failure().unwrap().violations;
    assert_eq!(violations[0].r#type, "CREDENTIAL_DELETED");
    let refused = client.upload_credential(upload(ACME, &ionapi("A", "b"))).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_DELETED");
    let refused = activate(&world, 1, "").await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_DELETED");
    let refused = update(&world, &deleted, &["labels"]).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_DELETED");
    // Who builds on another state is told that first, by every RPC.
    let stale = UploadCredentialRequest { etag: "stale".into(), ..upload(ACME, &ionapi("A", "b")) };
    let refused = client.upload_credential(stale).await.unwrap_err();
    assert_eq!(reason(&refused), "ETAG_MISMATCH");
    let again = client.delete_credential(delete).await.unwrap().into_inner().credential.unwrap();
    assert_eq!(again.etag, deleted.etag, "deleting twice is deleting once");

    let undelete = UndeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    let back = client.undelete_credential(undelete.clone()).await.unwrap().into_inner();
    let back = back.credential.unwrap();
    assert_eq!((back.state(), back.delete_time), (State::Active, None));
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 1, "the cached token still serves");
    let refused = client.undelete_credential(undelete).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "NOT_DELETED")
    );
}

#[tokio::test]
async fn labels_change_by_mask() {
    let world = World::new().await;
    let mut credential = world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    credential.labels = labels(&[("environment", "prd"), ("team", "finance")]);
    let credential = update(&world, &credential, &["labels"]).await.unwrap();
    assert_eq!(credential.labels, labels(&[("environment", "prd"), ("team", "finance")]));
    let unlabelled = Credential { labels: labels(&[]), ..credential.clone() };
    let credential = update(&world, &unlabelled, &["labels.team"]).await.unwrap();
    assert_eq!(credential.labels, labels(&[("environment", "prd")]));
    let refused = update(&world, &credential, &["state"]).await.unwrap_err();
    assert_eq!(
        (reason(&refused), fields(&refused)),
        ("INVALID_ARGUMENT".into(), vec!["update_mask".into()])
    );
    let many = (0..33).map(|n| (format!("k{n}"), String::new())).collect();
    let refused = update(&world, &Credential { labels: many, ..credential }, &["labels"]).await;
    assert_eq!(reason(&refused.unwrap_err()), "LIMIT_EXCEEDED");
}

#[tokio::test]
async fn a_stale_etag_changes_nothing() {
    let world = World::new().await;
    let stale = world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let current = world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    let etag = stale.etag.clone();
    let mut client = world.credentials(ADMIN).await;
    let name = ACME.to_owned();
    let uploaded =
        UploadCredentialRequest { etag: etag.clone(), ..upload(ACME, &ionapi("A_PRD", "x")) };
    let new = UploadCredentialRequest {
        etag: etag.clone(),
        ..upload("tenants/new/credentials/c", &ionapi("A_PRD", "x"))
    };
    let delete =
        DeleteCredentialRequest { name: name.clone(), etag: etag.clone(), ..Default::default() };
    for refused in [
        client.upload_credential(uploaded).await.unwrap_err(),
        client.upload_credential(new).await.unwrap_err(),
        client.delete_credential(delete).await.unwrap_err(),
        activate(&world, 1, &etag).await.unwrap_err(),
        update(&world, &Credential { labels: labels(&[("a", "b")]), ..stale }, &["labels"])
            .await
            .unwrap_err(),
    ] {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    }
    assert_eq!(get(&world, ACME).await.unwrap(), current);
    assert!(activate(&world, 1, &current.etag).await.is_ok());
}

#[tokio::test]
async fn validate_only_checks_and_stores_nothing() {
    let world = World::new().await;
    let mut client = world.credentials(UPLOADER).await;
    let request = UploadCredentialRequest {
        validate_only: true,
        ..upload(ACME, &ionapi("ACME_PRD", "app1"))
    };
    let response = client.upload_credential(request.clone()).await.unwrap().into_inner();
    assert_eq!(response.credential.unwrap().ion_api_file.unwrap().infor_tenant, "ACME_PRD");
    assert!(get(&world, ACME).await.is_err());
    let broken = UploadCredentialRequest { ion_api_file: b"{}".to_vec(), ..request };
    let refused = client.upload_credential(broken).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_ION_API_FILE");
    assert!(world.restart().await.vault.find(&ACME.parse().unwrap()).unwrap().is_none());
}

#[tokio::test]
async fn a_refused_file_says_which_key_and_never_its_value() {
    let world = World::new().await;
    let mut client = world.credentials(ADMIN).await;
    let file = String::from_utf8(ionapi("ACME_PRD", "app1")).unwrap();
    let broken = file.replace("invented-secret-key", "planted secret").into_bytes();
    let refused = client.upload_credential(upload(ACME, &broken)).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "INVALID_ION_API_FILE")
    );
    assert_eq!(fields(&refused), ["ion_api_file.sask"]);
    let no_file = client.upload_credential(upload(ACME, b"no file")).await.unwrap_err();
    assert_eq!(fields(&no_file), ["ion_api_file"]);
    assert!(!format!("{refused:?}").contains("planted"), "{refused:?}");
    assert!(get(&world, ACME).await.is_err());
}

#[tokio::test]
async fn a_host_that_nobody_approved_is_refused() {
    let world = World::new().await;
    let mut client = world.credentials(ADMIN).await;
    let file = String::from_utf8(ionapi("ACME_PRD", "app1")).unwrap();
    let file = file.replace("mingle-sso.eu1.inforcloudsuite.com:443", "sso.evil.example");
    let refused = client.upload_credential(upload(ACME, file.as_bytes())).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "HOST_NOT_ALLOWED")
    );
    assert!(get(&world, ACME).await.is_err());
}

#[tokio::test]
async fn who_uploaded_a_version_is_kept() {
    let world = World::new().await;
    let mut client = world.credentials(UPLOADER).await;
    let request = UploadCredentialRequest {
        requested_by: "jane@acme.example".into(),
        ..upload(ACME, &ionapi("A_PRD", "a"))
    };
    client.upload_credential(request).await.unwrap();
    let request = ListCredentialVersionsRequest { parent: ACME.into(), ..Default::default() };
    let listed = client.list_credential_versions(request).await.unwrap().into_inner();
    let version = &listed.credential_versions[0];
    assert_eq!(
        (version.created_by.as_str(), version.requested_by.as_str()),
        (UPLOADER, "jane@acme.example")
    );
    assert_eq!(
        (version.name.as_str(), version.active),
        ("tenants/acme/credentials/infor/versions/1", true)
    );
    assert!(get_as(&world, ISSUER, ACME).await.is_ok());
}

async fn get(world: &World, name: &str) -> Result<Credential, tonic::Status> {
    get_as(world, ADMIN, name).await
}

async fn get_as(world: &World, caller: &str, name: &str) -> Result<Credential, tonic::Status> {
    let mut client = world.credentials(caller).await;
    let response = client.get_credential(GetCredentialRequest { name: name.to_owned() }).await?;
    Ok(response.into_inner().credential.unwrap())
}

async fn activate(world: &World, version: u32, etag: &str) -> Result<Credential, tonic::Status> {
    let mut client = world.credentials(ADMIN).await;
    let request = ActivateCredentialVersionRequest {
        name: format!("{ACME}/versions/{version}"),
        etag: etag.to_owned(),
        request_id: String::new(),
    };
    Ok(client.activate_credential_version(request).await?.into_inner().credential.unwrap())
}

async fn update(
    world: &World,
    credential: &Credential,
    mask: &[&str],
) -> Result<Credential, tonic::Status> {
    let paths = mask.iter().map(|path| (*path).to_owned()).collect();
    let mut client = world.credentials(ADMIN).await;
    let request = UpdateCredentialRequest {
        credential: Some(credential.clone()),
        update_mask: Some(prost_types::FieldMask { paths }),
    };
    Ok(client.update_credential(request).await?.into_inner().credential.unwrap())
}

async fn versions(world: &World) -> Vec<u32> {
    let mut client = world.credentials(ADMIN).await;
    let mut numbers = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            ListCredentialVersionsRequest { parent: ACME.into(), page_size: 4, page_token };
        let page = client.list_credential_versions(request).await.unwrap().into_inner();
        let names = page.credential_versions.iter().map(|version| version.name.clone());
        numbers.extend(names.map(|name| name.rsplit('/').next().unwrap().parse::<u32>().unwrap()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return numbers;
        }
    }
}
