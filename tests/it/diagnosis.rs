//! `TestCredential`, and what credentials say of their health.

use ionvault::pb::v1::credential::Health;
use ionvault::pb::v1::diagnosis::{Verdict, finding::Severity};
use ionvault::pb::v1::{
    Credential, Diagnosis, GetCredentialRequest, ListCredentialsRequest, TestCredentialRequest,
    UploadCredentialRequest,
};
use ionvault::ports::{ExchangeError, OauthError};
use tonic::{Code, Status};

use crate::support::{
    ACME, ADMIN, AUDITOR, ISSUER, UPLOADER, World, ionapi, labels, reason, upload, web_app,
};

const REFUSED: fn() -> ExchangeError = || ExchangeError::Refused(OauthError::InvalidGrant);
const UNREACHABLE: fn() -> ExchangeError = || ExchangeError::Unreachable("no route to the host");

async fn test_as(world: &World, caller: &str, name: &str) -> Result<Diagnosis, Status> {
    let request = TestCredentialRequest { name: name.to_owned() };
    let answer = world.credentials(caller).await.test_credential(request).await?;
    Ok(answer.into_inner().diagnosis.unwrap())
}

async fn test(world: &World, name: &str) -> Diagnosis {
    test_as(world, UPLOADER, name).await.unwrap()
}

async fn get(world: &World, name: &str) -> Credential {
    let request = GetCredentialRequest { name: name.to_owned() };
    let answer = world.credentials(AUDITOR).await.get_credential(request).await.unwrap();
    answer.into_inner().credential.unwrap()
}

#[tokio::test]
async fn a_refusal_is_explained_and_a_success_lets_the_credential_serve_again() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    assert_eq!(get(&world, ACME).await.health(), Health::Unverified);
    world.infor.fail_with(Some(REFUSED));
    let refused = test(&world, ACME).await;
    assert_eq!(refused.verdict(), Verdict::Refused);
    assert_eq!(refused.version, format!("{ACME}/versions/1"));
    assert_eq!(refused.attempts[0].oauth_error, "invalid_grant");
    let problem = &refused.findings[0];
    assert_eq!(problem.severity(), Severity::Error);
    assert_eq!(problem.file_keys, ["saak", "sask"]);
    assert_eq!(problem.infor_setting, "Security > Service Accounts");
    let shown = get(&world, ACME).await;
    assert_eq!(shown.health(), Health::Refused);
    assert_eq!(shown.health_reason, problem.message);
    assert_eq!(shown.advice, problem.advice);
    assert!(shown.last_token_time.is_none());

    // Callers are held back, and the test is not.
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "CREDENTIAL_REFUSED");
    assert_eq!(world.infor.requests(), 1);
    world.infor.fail_with(None);
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "CREDENTIAL_REFUSED");
    assert_eq!(test(&world, ACME).await.verdict(), Verdict::Accepted);
    assert_eq!(world.infor.requests(), 2);
    let shown = get(&world, ACME).await;
    assert_eq!((shown.health(), shown.health_reason.as_str()), (Health::Healthy, ""));
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 2, "the token of the test serves");
}

#[tokio::test]
async fn a_test_asks_with_the_files_own_grant_though_a_token_lives() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let before = world.issue(ACME).await.unwrap().token_id;
    assert_eq!(test(&world, ACME).await.verdict(), Verdict::Accepted);
    assert_eq!(world.infor.requests_by("password"), 2);
    assert_eq!(world.infor.requests_by("refresh_token"), 0);
    assert_ne!(world.issue(ACME).await.unwrap().token_id, before);
}

#[tokio::test]
async fn a_version_can_be_tried_before_it_is_activated() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    let tested = test(&world, &format!("{ACME}/versions/1")).await;
    assert_eq!(tested.version, format!("{ACME}/versions/1"));
    assert_eq!(get(&world, ACME).await.health(), Health::Unverified, "version 2 was not tried");
    let missing = test_as(&world, ADMIN, &format!("{ACME}/versions/7")).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "VERSION_NOT_FOUND"));
    let nameless = test_as(&world, ADMIN, &format!("{ACME}/versions/")).await.unwrap_err();
    assert_eq!(reason(&nameless), "INVALID_RESOURCE_NAME");
}

#[tokio::test]
async fn what_is_odd_is_told_with_the_token() {
    let world = World::new().await;
    world.infor.set_life(std::time::Duration::from_secs(600));
    let request = UploadCredentialRequest {
        labels: labels(&[("environment", "test")]),
        ..upload(ACME, &ionapi("ACME_PRD", "app1"))
    };
    world.credentials(ADMIN).await.upload_credential(request).await.unwrap();
    let tested = test(&world, ACME).await;
    assert_eq!(tested.verdict(), Verdict::Accepted);
    let told: Vec<_> = tested.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("Issue Refresh Tokens looks off"), "{told:?}");
    assert!(told[1].contains("lives only 600 s"), "{told:?}");
    assert!(told[2].contains("is a production tenant"), "{told:?}");
}

#[tokio::test]
async fn an_app_that_nobody_authorized_is_not_asked_about() {
    let world = World::new().await;
    world.upload(ACME, &web_app("ACME_PRD", "web")).await;
    let tested = test(&world, ACME).await;
    assert_eq!(tested.verdict(), Verdict::AuthorizationRequired);
    assert!(tested.attempts.is_empty());
    assert_eq!(world.infor.requests(), 0);
    let shown = get(&world, ACME).await;
    assert_eq!(shown.health(), Health::AuthorizationRequired);
    assert!(shown.advice.contains("authorize"), "{}", shown.advice);
}

#[tokio::test]
async fn trouble_that_time_heals_is_no_refusal() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.infor.fail_with(Some(UNREACHABLE));
    let tested = test(&world, ACME).await;
    assert_eq!(tested.verdict(), Verdict::Unavailable);
    assert_eq!(tested.attempts[0].outcome, "no token: no route to the host");
    let shown = get(&world, ACME).await;
    assert_eq!(shown.health(), Health::Degraded);
    assert!(shown.health_reason.contains("no route to the host"), "{}", shown.health_reason);
}

#[tokio::test]
async fn lists_show_and_filter_by_health() {
    let world = World::new().await;
    for (id, fault) in [("healthy", None), ("refused", Some(REFUSED)), ("down", Some(UNREACHABLE))]
    {
        let name = format!("tenants/acme/credentials/{id}");
        world.upload(&name, &ionapi("ACME_PRD", id)).await;
        world.infor.fail_with(fault);
        test(&world, &name).await;
    }
    world.upload("tenants/acme/credentials/new", &ionapi("ACME_PRD", "new")).await;
    world.upload("tenants/acme/credentials/web", &web_app("ACME_PRD", "web")).await;
    for (filter, expected) in [
        ("health=HEALTHY", "healthy"),
        ("health=REFUSED", "refused"),
        ("health=DEGRADED", "down"),
        ("health=UNVERIFIED", "new"),
        ("health=AUTHORIZATION_REQUIRED AND state=ACTIVE", "web"),
    ] {
        let request = ListCredentialsRequest {
            parent: "tenants/acme".to_owned(),
            filter: filter.to_owned(),
            ..Default::default()
        };
        let listed = world.credentials(AUDITOR).await.list_credentials(request).await.unwrap();
        let listed = listed.into_inner().credentials;
        let names: Vec<_> = listed.iter().map(|c| c.name.rsplit('/').next().unwrap()).collect();
        assert_eq!(names, [expected], "{filter}");
        assert!(listed[0].token_budget.is_none(), "lists do not ask the store");
        assert_eq!(listed[0].health(), get(&world, &listed[0].name).await.health());
    }
}

#[tokio::test]
async fn only_those_who_may_can_test() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    for caller in [ISSUER, AUDITOR] {
        let denied = test_as(&world, caller, ACME).await.unwrap_err();
        assert_eq!(reason(&denied), "CALLER_DENIED", "{caller}");
    }
    assert_eq!(world.infor.requests(), 0);
}
