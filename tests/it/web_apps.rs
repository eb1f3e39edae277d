//! A person authorizes a Web app: what that takes, and what it does not take.

mod limits;
mod refusals;

use std::time::Duration;

use ionvault::pb::v1::{
    CompleteAuthorizationRequest, StartAuthorizationRequest, StartAuthorizationResponse,
};
use tonic::{Code, Status};
use url::Url;

use crate::support::{ACME, ADMIN, TOKEN_LIFE, UPLOADER, World, ionapi, reason, web_app};

/// A vault with one Web app.
async fn world() -> World {
    let world = World::new().await;
    world.upload(ACME, &web_app("ACME_TST", "web")).await;
    world.infor.issue_refresh_tokens();
    world
}

/// Begins as `caller`.
async fn start(
    world: &World,
    caller: &str,
    name: &str,
) -> Result<StartAuthorizationResponse, Status> {
    let request = StartAuthorizationRequest { name: name.to_owned() };
    let mut client = world.authorizations(caller).await;
    Ok(client.start_authorization(request).await?.into_inner())
}

/// Completes as `caller`.
async fn complete(world: &World, caller: &str, name: &str, redirect: &str) -> Result<(), Status> {
    let request =
        CompleteAuthorizationRequest { name: name.to_owned(), redirect_uri: redirect.to_owned() };
    let completed = world.authorizations(caller).await.complete_authorization(request).await?;
    assert_eq!(completed.into_inner().credential.unwrap().name, name);
    Ok(())
}

/// Begins as the uploader, and has a person log in.
async fn redirect(world: &World, name: &str) -> String {
    let started = start(world, UPLOADER, name).await.unwrap();
    world.infor.visit(&started.authorization_uri)
}

#[tokio::test]
async fn a_person_authorizes_an_app_and_its_tokens_are_renewed_without_one() {
    let world = world().await;
    let refused = world.issue(ACME).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::FailedPrecondition, "AUTHORIZATION_REQUIRED")
    );
    assert_eq!(world.infor.requests(), 0);

    let started = start(&world, UPLOADER, ACME).await.unwrap();
    let uri = Url::parse(&started.authorization_uri).unwrap();
    assert_eq!(uri.path(), "/ACME_TST/as/authorization.oauth2");
    assert_eq!(started.state.len(), 43);
    let redirect = world.infor.visit(&started.authorization_uri);
    complete(&world, UPLOADER, ACME, &redirect).await.unwrap();
    assert_eq!(world.infor.requests_by("authorization_code"), 1);

    let first = world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 1, "the token that came is the one that is issued");
    world.clock.advance(TOKEN_LIFE);
    let second = world.issue(ACME).await.unwrap();
    assert_ne!(first.token_id, second.token_id);
    assert_eq!(world.infor.requests_by("refresh_token"), 1);
}

#[tokio::test]
async fn credentials_of_one_file_are_authorized_together() {
    let world = world().await;
    let sister = "tenants/acme/credentials/sister";
    world.upload(sister, &web_app("ACME_TST", "web")).await;
    let redirect = redirect(&world, ACME).await;
    complete(&world, UPLOADER, ACME, &redirect).await.unwrap();
    let tokens = [world.issue(ACME).await.unwrap(), world.issue(sister).await.unwrap()];
    assert_eq!(tokens[0].token_id, tokens[1].token_id);
}

#[tokio::test]
async fn a_restart_loses_no_authorization_that_is_under_way() {
    let world = world().await;
    let redirect = redirect(&world, ACME).await;
    let world = world.restart().await;
    complete(&world, UPLOADER, ACME, &redirect).await.unwrap();
    let token = world.issue(ACME).await.unwrap().token_id;
    // Nor does the next one lose what came of it.
    let world = world.restart().await;
    assert_eq!(world.issue(ACME).await.unwrap().token_id, token);
    assert_eq!(world.infor.requests(), 1);
}

/// A code is good for once: if it is on its way to Infor, its tokens must be kept.
#[tokio::test]
async fn a_caller_that_gives_up_does_not_lose_the_tokens() {
    let world = world().await;
    let redirect = redirect(&world, ACME).await;
    world.infor.hold();
    let mut client = world.authorizations(UPLOADER).await;
    let request =
        CompleteAuthorizationRequest { name: ACME.to_owned(), redirect_uri: redirect.clone() };
    let call = tokio::spawn(async move { client.complete_authorization(request).await.map(drop) });
    while world.infor.requests() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    world.infor.release();
    // Whoever drains waits for it.
    world.issuer.drain().await;
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn a_second_authorization_takes_the_place_of_the_first() {
    let world = world().await;
    let first = redirect(&world, ACME).await;
    complete(&world, UPLOADER, ACME, &first).await.unwrap();
    let before = world.issue(ACME).await.unwrap().token_id;
    let second = redirect(&world, ACME).await;
    complete(&world, UPLOADER, ACME, &second).await.unwrap();
    assert_ne!(world.issue(ACME).await.unwrap().token_id, before);
}

#[tokio::test]
async fn only_apps_that_need_a_person_can_be_authorized() {
    let world = world().await;
    let backend = "tenants/acme/credentials/backend";
    world.upload(backend, &ionapi("ACME_TST", "backend")).await;
    let refused = start(&world, ADMIN, backend).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORIZATION_NOT_NEEDED");
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let request =
        ionvault::pb::v1::DeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    let redirect = redirect(&world, ACME).await;
    world.credentials(ADMIN).await.delete_credential(request).await.unwrap();
    let refused = start(&world, ADMIN, ACME).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_DELETED");
    let refused = complete(&world, UPLOADER, ACME, &redirect).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_DELETED");
    assert_eq!(world.infor.requests(), 0);
}

#[tokio::test]
async fn nobody_is_sent_to_a_host_that_is_not_approved_any_more() {
    let world = World::new().await;
    let file = String::from_utf8(web_app("infor", "web")).unwrap();
    let file = file.replace("mingle-sso.eu1.inforcloudsuite.com:443", "inforos.customer.example");
    world.upload(ACME, file.as_bytes()).await;
    let redirect = redirect(&world, ACME).await;
    let world = world.restart_with_hosts(vec![]).await;
    let refused = start(&world, UPLOADER, ACME).await.unwrap_err();
    assert_eq!(reason(&refused), "HOST_NOT_ALLOWED");
    let refused = complete(&world, UPLOADER, ACME, &redirect).await.unwrap_err();
    assert_eq!(reason(&refused), "HOST_NOT_ALLOWED");
    assert_eq!(world.infor.requests(), 0);
}
