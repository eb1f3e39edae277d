//! What there can be too many of.

use ionvault::pb::v1::{ListCredentialsRequest, UploadCredentialRequest};
use ionvault::vault::CREDENTIALS_PER_TENANT_MAX;
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{ADMIN, World, ionapi, labels, reason, upload};

#[tokio::test]
async fn a_tenant_has_room_for_a_hundred_credentials() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    let mut client = world.credentials(ADMIN).await;
    let name = |number: usize| format!("tenants/acme/credentials/c{number}");
    for number in 0..CREDENTIALS_PER_TENANT_MAX {
        client.upload_credential(upload(&name(number), &file)).await.unwrap();
    }
    let one_more = upload(&name(CREDENTIALS_PER_TENANT_MAX), &file);
    let validated = UploadCredentialRequest { validate_only: true, ..one_more.clone() };
    for request in [one_more, validated] {
        let refused = client.upload_credential(request).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::ResourceExhausted, "LIMIT_EXCEEDED")
        );
        let details = refused.get_error_details();
        let violations = &details.quota_failure().unwrap().violations;
        assert_eq!(violations[0].subject, "credentials of this tenant");
        assert!(details.retry_info().is_none(), "time does not make room");
    }
    // Others have room, and so have those that are there: for another version, and for labels.
    world.upload("tenants/globex/credentials/infor", &file).await;
    world.upload(&name(0), &ionapi("ACME_PRD", "app2")).await;
}

#[tokio::test]
async fn too_many_labels_are_a_limit_and_say_so() {
    let world = World::new().await;
    let many: Vec<String> = (0..33).map(|number| format!("k{number}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
    let request = UploadCredentialRequest {
        labels: labels(&many),
        ..upload("tenants/acme/credentials/infor", &ionapi("ACME_PRD", "app1"))
    };
    let refused = world.credentials(ADMIN).await.upload_credential(request).await.unwrap_err();
    assert_eq!(reason(&refused), "LIMIT_EXCEEDED");
    let details = refused.get_error_details();
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "labels");
}

/// That it means 1,000 is tested beside the code.
#[tokio::test]
async fn a_page_size_beyond_the_largest_is_no_error() {
    let world = World::new().await;
    world.upload("tenants/acme/credentials/infor", &ionapi("ACME_PRD", "app1")).await;
    for page_size in [1_001, i32::MAX] {
        let request = ListCredentialsRequest {
            parent: "tenants/-".to_owned(),
            page_size,
            ..Default::default()
        };
        let page = world.credentials(ADMIN).await.list_credentials(request).await.unwrap();
        assert_eq!(page.into_inner().credentials.len(), 1);
    }
}
