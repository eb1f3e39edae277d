//! Lists, filters and pages.

use ionvault::pb::v1::{DeleteCredentialRequest, ListCredentialsRequest, UploadCredentialRequest};
use tonic::Status;

use crate::support::{
    ADMIN, AUDITOR, ISSUER, STRANGER, World, fields, ionapi, labels, reason, upload,
};

/// Six credentials of three tenants; one is deleted.
async fn world() -> World {
    let world = World::new().await;
    let mut client = world.credentials(ADMIN).await;
    for (name, environment) in NAMES {
        let request = UploadCredentialRequest {
            labels: labels(&[("environment", environment)]),
            ..upload(name, &ionapi("X_PRD", "app"))
        };
        client.upload_credential(request).await.unwrap();
    }
    let request = DeleteCredentialRequest { name: NAMES[2].0.to_owned(), ..Default::default() };
    client.delete_credential(request).await.unwrap();
    world
}

const NAMES: [(&str, &str); 6] = [
    ("tenants/acme/credentials/a", "prd"),
    ("tenants/acme/credentials/b", "tst"),
    ("tenants/acme/credentials/c", "prd"),
    ("tenants/globex/credentials/a", "prd"),
    ("tenants/initech/credentials/a", "tst"),
    ("tenants/initech/credentials/z", "prd"),
];

fn list(parent: &str) -> ListCredentialsRequest {
    ListCredentialsRequest { parent: parent.to_owned(), ..Default::default() }
}

/// All pages of the list, as `tenant/credential`.
async fn all(
    world: &World,
    caller: &str,
    request: ListCredentialsRequest,
) -> Result<Vec<String>, Status> {
    let mut client = world.credentials(caller).await;
    let (mut names, mut request) = (Vec::new(), request);
    loop {
        let page = client.list_credentials(request.clone()).await?.into_inner();
        names.extend(page.credentials.into_iter().map(|credential| credential.name));
        if page.next_page_token.is_empty() {
            return Ok(names);
        }
        request.page_token = page.next_page_token;
    }
}

fn names(at: &[usize]) -> Vec<String> {
    at.iter().map(|at| NAMES[*at].0.to_owned()).collect()
}

#[tokio::test]
async fn lists_are_sorted_filtered_and_leave_out_what_is_deleted() {
    let world = world().await;
    let filter = |filter: &str, show_deleted| ListCredentialsRequest {
        filter: filter.to_owned(),
        show_deleted,
        ..list("tenants/-")
    };
    for (request, expected) in [
        (list("tenants/acme"), &[0, 1][..]),
        (list("tenants/unknown"), &[]),
        (list("tenants/-"), &[0, 1, 3, 4, 5]),
        (filter("", true), &[0, 1, 2, 3, 4, 5]),
        (filter("labels.environment=prd", false), &[0, 3, 5]),
        (filter("labels.environment=prd AND state=DELETED", true), &[2]),
        (filter("state=DELETED", false), &[]),
    ] {
        assert_eq!(
            all(&world, ADMIN, request.clone()).await.unwrap(),
            names(expected),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn pages_of_every_size_give_the_same_list() {
    let world = world().await;
    for page_size in 1..=7 {
        let request = ListCredentialsRequest { page_size, show_deleted: true, ..list("tenants/-") };
        assert_eq!(all(&world, AUDITOR, request).await.unwrap(), names(&[0, 1, 2, 3, 4, 5]));
    }
}

#[tokio::test]
async fn a_list_shows_what_the_caller_may_see() {
    let world = world().await;
    assert_eq!(all(&world, STRANGER, list("tenants/-")).await.unwrap(), names(&[]));
    assert_eq!(all(&world, ISSUER, list("tenants/-")).await.unwrap(), names(&[]));
    for tenant in ["tenants/acme", "tenants/unknown"] {
        let refused = all(&world, ISSUER, list(tenant)).await.unwrap_err();
        assert_eq!(reason(&refused), "CALLER_DENIED", "{tenant}");
    }
}

/// Who may list a tenant sees in it what it may see by name, and no more.
#[tokio::test]
async fn a_list_leaves_out_what_is_hidden_from_its_caller() {
    let world = World::new().await;
    for (name, label) in [("a", "open"), ("b", "hidden")] {
        let name = format!("tenants/acme/credentials/{name}");
        let labels = labels(&[(label, "")]);
        let request = UploadCredentialRequest { labels, ..upload(&name, &ionapi("ACME_PRD", "a")) };
        world.credentials(ADMIN).await.upload_credential(request).await.unwrap();
    }
    let policy = r#"permit (principal, action, resource);
        forbid (principal, action, resource) when { resource.hasTag("hidden") };"#;
    let world = world.under(policy);
    for parent in ["tenants/acme", "tenants/-"] {
        let listed = all(&world, STRANGER, list(parent)).await.unwrap();
        assert_eq!(listed, ["tenants/acme/credentials/a"], "{parent}");
    }
}

#[tokio::test]
async fn a_page_token_serves_its_query_and_its_caller_only() {
    let world = world().await;
    let mut client = world.credentials(ADMIN).await;
    let request = ListCredentialsRequest { page_size: 1, ..list("tenants/-") };
    let page_token =
        client.list_credentials(request.clone()).await.unwrap().into_inner().next_page_token;
    assert!(!page_token.contains("acme"));
    let same = ListCredentialsRequest { page_token: page_token.clone(), ..request };
    assert!(client.list_credentials(same.clone()).await.is_ok());
    let mut flipped = page_token.clone().into_bytes();
    flipped[40] = if flipped[40] == b'A' { b'B' } else { b'A' };
    let foreign = [
        ListCredentialsRequest { parent: "tenants/acme".to_owned(), ..same.clone() },
        ListCredentialsRequest { filter: "state=ACTIVE".to_owned(), ..same.clone() },
        ListCredentialsRequest { show_deleted: true, ..same.clone() },
        ListCredentialsRequest { page_token: String::from_utf8(flipped).unwrap(), ..same.clone() },
        ListCredentialsRequest { page_token: "x".repeat(5000), ..same.clone() },
        ListCredentialsRequest { page_token: "not base64!".to_owned(), ..same.clone() },
    ];
    for request in foreign {
        let refused = client.list_credentials(request).await.unwrap_err();
        assert_eq!(fields(&refused), ["page_token"]);
    }
    let mut other = world.credentials(AUDITOR).await;
    let refused = other.list_credentials(same).await.unwrap_err();
    assert_eq!(fields(&refused), ["page_token"]);
}

#[tokio::test]
async fn everything_wrong_with_a_list_is_told_at_once() {
    let world = world().await;
    let request = ListCredentialsRequest {
        page_size: -1,
        filter: "health=GOOD".to_owned(),
        ..list("tenants/-")
    };
    let refused = all(&world, ADMIN, request).await.unwrap_err();
    assert_eq!(reason(&refused), "INVALID_ARGUMENT");
    assert_eq!(fields(&refused), ["page_size", "filter"]);
    let refused = all(&world, ADMIN, list("tenants/ACME")).await.unwrap_err();
    assert_eq!(
        (reason(&refused), fields(&refused)),
        ("INVALID_RESOURCE_NAME".into(), vec!["parent".into()])
    );
}
