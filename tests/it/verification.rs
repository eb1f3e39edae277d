//! Uploads that Infor is asked about before they are stored.

use ionvault::pb::v1::credential::Health;
use ionvault::pb::v1::diagnosis::Verdict;
use ionvault::pb::v1::upload_credential_request::Verification;
use ionvault::pb::v1::{GetCredentialRequest, UploadCredentialRequest, UploadCredentialResponse};
use ionvault::ports::{ExchangeError, OauthError};
use ionvault::sealing::RecordKind;
use tonic::Status;

use crate::support::{ACME, ADMIN, World, ionapi, ionapi_with_secret, reason, upload, web_app};

const REFUSED: fn() -> ExchangeError = || ExchangeError::Refused(OauthError::InvalidGrant);
const UNREACHABLE: fn() -> ExchangeError = || ExchangeError::Unreachable("no route to the host");

async fn verified(
    world: &World,
    file: &[u8],
    verification: Verification,
) -> Result<UploadCredentialResponse, Status> {
    send(world, UploadCredentialRequest { verification: verification.into(), ..upload(ACME, file) })
        .await
}

async fn send(
    world: &World,
    request: UploadCredentialRequest,
) -> Result<UploadCredentialResponse, Status> {
    Ok(world.credentials(ADMIN).await.upload_credential(request).await?.into_inner())
}

fn verdict(uploaded: &UploadCredentialResponse) -> Option<Verdict> {
    uploaded.diagnosis.as_ref().map(|diagnosis| diagnosis.verdict())
}

fn health(uploaded: &UploadCredentialResponse) -> Health {
    uploaded.credential.as_ref().unwrap().health()
}

#[tokio::test]
async fn what_infor_grants_to_an_upload_is_the_first_token_and_not_thrown_away() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    let file = ionapi("ACME_PRD", "app1");
    let uploaded = verified(&world, &file, Verification::Unspecified).await.unwrap();
    assert!(uploaded.added && uploaded.activated);
    assert_eq!(verdict(&uploaded), Some(Verdict::Accepted));
    assert_eq!(health(&uploaded), Health::Healthy);
    let credential = uploaded.credential.unwrap();
    assert!(credential.last_token_time.is_some() && credential.token_expire_time.is_some());
    assert_eq!(credential.token_budget.unwrap().tokens_used, 1);
    let diagnosis = uploaded.diagnosis.unwrap();
    assert_eq!(diagnosis.version, format!("{ACME}/versions/1"));
    assert_eq!(diagnosis.attempts[0].outcome, "a token and a refresh token");
    assert_eq!(diagnosis.attempts[0].endpoint, "mingle-sso.eu1.inforcloudsuite.com:443");

    let id = world.issue(ACME).await.unwrap().token_id;
    assert_eq!(world.infor.requests(), 1, "the token of the upload serves");
    let world = world.restart().await;
    assert_eq!(world.issue(ACME).await.unwrap().token_id, id);
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn a_refused_file_changes_nothing_and_says_what_to_do() {
    let world = World::new().await;
    let good = ionapi("ACME_PRD", "app1");
    verified(&world, &good, Verification::BestEffort).await.unwrap();
    let before = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    let accounts = world.records(RecordKind::Account).await.len();
    world.infor.fail_with(Some(REFUSED));
    for verification in [Verification::BestEffort, Verification::Required] {
        let bad = ionapi_with_secret("ACME_PRD", "app1", "another-invented-secret");
        let refused = verified(&world, &bad, verification).await.unwrap_err();
        assert_eq!(reason(&refused), "CREDENTIAL_REFUSED");
        assert!(refused.message().contains("Service Accounts"), "{refused:?}");
    }
    let after = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap();
    assert_eq!(after.etag(), before.etag());
    assert_eq!(world.records(RecordKind::Account).await.len(), accounts);
    world.issue(ACME).await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_tried_serves_only_if_no_other_does() {
    let world = World::new().await;
    world.infor.fail_with(Some(UNREACHABLE));
    let first = verified(&world, &ionapi("ACME_PRD", "app1"), Verification::BestEffort).await;
    let first = first.unwrap();
    assert!(first.added && first.activated, "there is no other");
    assert_eq!(verdict(&first), Some(Verdict::Unavailable));
    assert_eq!(health(&first), Health::Unverified);
    let second = verified(&world, &ionapi("ACME_PRD", "app2"), Verification::BestEffort).await;
    let second = second.unwrap();
    assert!(second.added && !second.activated);
    assert_eq!((second.version, second.credential.unwrap().active_version), (2, 1));
}

#[tokio::test]
async fn a_file_that_cannot_be_tried_takes_the_place_of_a_refused_one() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.infor.fail_with(Some(REFUSED));
    world.issue(ACME).await.unwrap_err();
    world.infor.fail_with(Some(UNREACHABLE));
    let second = verified(&world, &ionapi("ACME_PRD", "app2"), Verification::BestEffort).await;
    assert!(second.unwrap().activated);
}

#[tokio::test]
async fn an_upload_that_must_be_verified_fails_unless_it_is() {
    let world = World::new().await;
    world.infor.fail_with(Some(UNREACHABLE));
    let file = ionapi("ACME_PRD", "app1");
    let refused = verified(&world, &file, Verification::Required).await.unwrap_err();
    assert_eq!(reason(&refused), "PROVIDER_UNAVAILABLE");
    let web = verified(&world, &web_app("ACME_PRD", "web"), Verification::Required).await;
    assert_eq!(reason(&web.unwrap_err()), "AUTHORIZATION_REQUIRED");
    assert!(world.vault.find(&ACME.parse().unwrap()).unwrap().is_none());
    world.infor.fail_with(None);
    let uploaded = verified(&world, &file, Verification::Required).await.unwrap();
    assert!(uploaded.activated);
    assert_eq!(verdict(&uploaded), Some(Verdict::Accepted));
}

#[tokio::test]
async fn a_file_that_a_person_must_authorize_is_kept_and_asks_nobody() {
    let world = World::new().await;
    let uploaded = verified(&world, &web_app("ACME_PRD", "web"), Verification::BestEffort).await;
    let uploaded = uploaded.unwrap();
    assert!(uploaded.activated);
    assert_eq!(verdict(&uploaded), Some(Verdict::AuthorizationRequired));
    assert_eq!(health(&uploaded), Health::AuthorizationRequired);
    assert_eq!(world.infor.requests(), 0);
}

#[tokio::test]
async fn a_dry_run_asks_infor_only_if_that_is_required_and_stores_nothing() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    for (verification, requests) in
        [(Verification::BestEffort, 0), (Verification::Skip, 0), (Verification::Required, 1)]
    {
        let request = UploadCredentialRequest {
            validate_only: true,
            verification: verification.into(),
            ..upload(ACME, &ionapi("ACME_PRD", "app1"))
        };
        let uploaded = send(&world, request).await.unwrap();
        assert_eq!(verdict(&uploaded).is_some(), requests > 0);
        assert_eq!(world.infor.requests(), requests, "{verification:?}");
        assert!(world.vault.find(&ACME.parse().unwrap()).unwrap().is_none());
    }
    assert!(world.records(RecordKind::Account).await.is_empty());
    assert_eq!(world.infor.refresh_tokens(), 0, "the grant of the dry run was given back");
}

#[tokio::test]
async fn bytes_that_are_held_ask_again_only_if_infor_had_refused_them() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    world.upload(ACME, &file).await;
    let again = verified(&world, &file, Verification::BestEffort).await.unwrap();
    assert!(!again.added && again.diagnosis.is_none());
    assert_eq!(world.infor.requests(), 0);

    world.infor.fail_with(Some(REFUSED));
    world.issue(ACME).await.unwrap_err();
    let refused = verified(&world, &file, Verification::BestEffort).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_REFUSED");
    assert_eq!(world.infor.requests(), 2, "a stop holds callers, not uploads");

    world.infor.fail_with(None);
    let healed = verified(&world, &file, Verification::BestEffort).await.unwrap();
    assert_eq!((verdict(&healed), health(&healed)), (Some(Verdict::Accepted), Health::Healthy));
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 3);
}

#[tokio::test]
async fn a_living_token_of_the_same_log_in_is_proof_enough() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    verified(&world, &file, Verification::BestEffort).await.unwrap();
    world.infor.fail_with(Some(REFUSED));
    let request = UploadCredentialRequest {
        verification: Verification::Required.into(),
        ..upload("tenants/acme/credentials/second", &file)
    };
    let uploaded = send(&world, request).await.unwrap();
    assert_eq!(verdict(&uploaded), Some(Verdict::Accepted));
    assert!(uploaded.diagnosis.unwrap().attempts.is_empty());
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn the_same_request_again_asks_nobody() {
    let world = World::new().await;
    let request = UploadCredentialRequest {
        request_id: "once".to_owned(),
        verification: Verification::Required.into(),
        ..upload(ACME, &ionapi("ACME_PRD", "app1"))
    };
    assert!(send(&world, request.clone()).await.unwrap().added);
    // Long enough for the token to expire: what is proven is not why nobody is asked.
    world.pass(std::time::Duration::from_secs(3 * 3600)).await;
    world.infor.fail_with(Some(REFUSED));
    assert!(send(&world, request.clone()).await.unwrap().added);
    assert_eq!(world.infor.requests(), 1);
    let other = UploadCredentialRequest { verification: Verification::Skip.into(), ..request };
    assert_eq!(reason(&send(&world, other).await.unwrap_err()), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn uploads_of_one_log_in_at_the_same_time_ask_once() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..8 {
        let mut client = world.credentials(ADMIN).await;
        let name = format!("tenants/acme/credentials/c{number}");
        let request = UploadCredentialRequest {
            verification: Verification::BestEffort.into(),
            ..upload(&name, &file)
        };
        tasks.spawn(async move { client.upload_credential(request).await.map(drop) });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn an_upload_within_no_budget_is_kept_and_asks_nobody() {
    let world = World::new().await;
    // Accounts that never had a token share 5 of a client's 100.
    for number in 0..5 {
        let secret = format!("invented-{number}");
        let file = ionapi_with_secret("ACME_PRD", "app1", &secret);
        world.infor.fail_with(Some(REFUSED));
        verified(&world, &file, Verification::BestEffort).await.unwrap_err();
    }
    world.infor.fail_with(None);
    let file = ionapi("ACME_PRD", "app1");
    let exhausted = verified(&world, &file, Verification::Required).await.unwrap_err();
    assert_eq!(reason(&exhausted), "TOKEN_BUDGET_EXHAUSTED");
    let uploaded = verified(&world, &file, Verification::BestEffort).await.unwrap();
    assert_eq!(verdict(&uploaded), Some(Verdict::BudgetExhausted));
    assert_eq!(world.infor.requests(), 5);
    let request = GetCredentialRequest { name: ACME.to_owned() };
    let got = world.credentials(ADMIN).await.get_credential(request).await.unwrap().into_inner();
    assert_eq!(got.credential.unwrap().token_budget.unwrap().tokens_used, 5);
}
