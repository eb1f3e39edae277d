//! Who may do what, and what a refusal tells.

use ionvault::identity::UnusableIdentity;
use ionvault::pb::v1::authorization_service_client::AuthorizationServiceClient;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::{
    ActivateCredentialVersionRequest, CompleteAuthorizationRequest, Credential,
    DeleteCredentialRequest, GetCredentialRequest, IssueTokenRequest,
    ListCredentialVersionsRequest, ListCredentialsRequest, RevokeTokensRequest,
    StartAuthorizationRequest, TestCredentialRequest, UndeleteCredentialRequest,
    UpdateCredentialRequest, WatchTokenRequest,
};
use prost::Message as _;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::audit_service;
use crate::support::{
    ACME, ADMIN, AUDITOR, ISSUER, STRANGER, UPLOADER, World, ionapi, reason, upload,
};

/// Every RPC about a credential. A new one belongs here, or to those about the audit log:
/// `every_rpc_is_in_the_matrix` counts.
pub(crate) const RPCS: [&str; 14] = [
    "UploadCredential",
    "GetCredential",
    "ListCredentials",
    "ListCredentialVersions",
    "UpdateCredential",
    "ActivateCredentialVersion",
    "DeleteCredential",
    "UndeleteCredential",
    "TestCredential",
    "IssueToken",
    "StartAuthorization",
    "CompleteAuthorization",
    "WatchToken",
    "RevokeTokens",
];

/// Calls `rpc` about the credential `name` in a way that succeeds if it is permitted and live.
pub(crate) async fn call(channel: Channel, rpc: &str, name: &str) -> Result<(), Status> {
    let mut credentials = CredentialServiceClient::new(channel.clone());
    let mut authorizations = AuthorizationServiceClient::new(channel.clone());
    let name = name.to_owned();
    let tenant = name.split("/credentials/").next().unwrap().to_owned();
    match rpc {
        "UploadCredential" => {
            let request = upload(&name, &ionapi("ACME_PRD", "app1"));
            credentials.upload_credential(request).await.map(drop)
        }
        "GetCredential" => {
            credentials.get_credential(GetCredentialRequest { name }).await.map(drop)
        }
        "ListCredentials" => {
            let request = ListCredentialsRequest { parent: tenant, ..Default::default() };
            credentials.list_credentials(request).await.map(drop)
        }
        "ListCredentialVersions" => {
            let request = ListCredentialVersionsRequest { parent: name, ..Default::default() };
            credentials.list_credential_versions(request).await.map(drop)
        }
        "UpdateCredential" => {
            let credential = Some(Credential { name, ..Default::default() });
            let request = UpdateCredentialRequest { credential, update_mask: None };
            credentials.update_credential(request).await.map(drop)
        }
        "ActivateCredentialVersion" => {
            let name = format!("{name}/versions/1");
            let request = ActivateCredentialVersionRequest { name, ..Default::default() };
            credentials.activate_credential_version(request).await.map(drop)
        }
        "DeleteCredential" => {
            let request = DeleteCredentialRequest { name, ..Default::default() };
            credentials.delete_credential(request).await.map(drop)
        }
        "TestCredential" => {
            credentials.test_credential(TestCredentialRequest { name }).await.map(drop)
        }
        "UndeleteCredential" => {
            let request = UndeleteCredentialRequest { name, ..Default::default() };
            match credentials.undelete_credential(request).await {
                // Permitted, and answered about the state.
                Err(status) if reason(&status) == "NOT_DELETED" => Ok(()),
                other => other.map(drop),
            }
        }
        "RevokeTokens" => {
            let mut tokens = TokenServiceClient::new(channel);
            tokens.revoke_tokens(RevokeTokensRequest { name }).await.map(drop)
        }
        "IssueToken" => {
            let request = IssueTokenRequest { name, min_remaining: None, ..Default::default() };
            TokenServiceClient::new(channel).issue_token(request).await.map(drop)
        }
        "StartAuthorization" => {
            let request = StartAuthorizationRequest { name };
            let answer = authorizations.start_authorization(request).await;
            permitted_but_not_needed(answer.map(drop))
        }
        "CompleteAuthorization" => {
            let redirect_uri = "https://docbits.example/?code=a&state=b".to_owned();
            let request = CompleteAuthorizationRequest { name, redirect_uri };
            let answer = authorizations.complete_authorization(request).await;
            permitted_but_not_needed(answer.map(drop))
        }
        "WatchToken" => {
            let request = WatchTokenRequest { name, min_remaining: None };
            let stream = TokenServiceClient::new(channel).watch_token(request).await?;
            let first = stream.into_inner().message().await?;
            assert!(first.is_some_and(|message| message.event.is_some()));
            Ok(())
        }
        other => panic!("{other} is not in the matrix"),
    }
}

/// The files here are of Backend Services.
fn permitted_but_not_needed(answer: Result<(), Status>) -> Result<(), Status> {
    match answer {
        Err(status) if reason(&status) == "AUTHORIZATION_NOT_NEEDED" => Ok(()),
        other => other,
    }
}

/// What the shipped policy permits.
fn permitted(caller: &str, rpc: &str) -> bool {
    let read = ["GetCredential", "ListCredentials", "ListCredentialVersions"].contains(&rpc);
    match caller {
        ADMIN => true,
        UPLOADER => {
            let own = ["UploadCredential", "TestCredential"].contains(&rpc);
            read || own || rpc.ends_with("Authorization")
        }
        ISSUER => ["GetCredential", "IssueToken", "WatchToken"].contains(&rpc),
        AUDITOR => read,
        _ => false,
    }
}

#[tokio::test]
async fn each_role_may_do_what_the_shipped_policy_says() {
    let mut cells = 0;
    for caller in [ADMIN, UPLOADER, ISSUER, AUDITOR, STRANGER] {
        let world = World::new().await;
        for rpc in RPCS {
            let name = format!("tenants/acme/credentials/{}", rpc.to_lowercase());
            world.upload(&name, &ionapi("ACME_PRD", "app1")).await;
            let got = call(world.channel(caller).await, rpc, &name).await;
            let expected = match (permitted(caller, rpc), permitted(caller, "GetCredential")) {
                (true, _) => "OK",
                (false, true) => "CALLER_DENIED",
                // Tenants may be guessed: what is refused about one says nothing.
                (false, false) if rpc == "ListCredentials" => "CALLER_DENIED",
                (false, false) => "CREDENTIAL_NOT_FOUND",
            };
            let got = got.map_or_else(|status| reason(&status), |()| "OK".to_owned());
            assert_eq!(got, expected, "{caller} {rpc}");
            cells += 1;
        }
    }
    assert_eq!(cells, 70);
}

#[tokio::test]
async fn an_rpc_is_permitted_by_the_action_of_its_name_and_by_no_other() {
    let world = World::new().await;
    for rpc in RPCS {
        let name = format!("tenants/acme/credentials/{}", rpc.to_lowercase());
        world.upload(&name, &ionapi("ACME_PRD", "app1")).await;
        let all_but = format!(
            r#"permit (principal, action, resource) unless {{ action == Action::"{rpc}" }};"#
        );
        let channel = world.channel_under(&all_but, STRANGER).await;
        let refused = call(channel, rpc, &name).await.unwrap_err();
        // Who may not read a credential is not told that it is there.
        let told = if rpc == "GetCredential" { "CREDENTIAL_NOT_FOUND" } else { "CALLER_DENIED" };
        assert_eq!(reason(&refused), told, "{rpc}");
        let only = format!(r#"permit (principal, action == Action::"{rpc}", resource);"#);
        let channel = world.channel_under(&only, STRANGER).await;
        let permitted = call(channel, rpc, &name).await;
        assert!(permitted.is_ok(), "{rpc}: {permitted:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_yours_answer_alike() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    for rpc in RPCS {
        let not_yours = call(world.channel(STRANGER).await, rpc, ACME).await.unwrap_err();
        let absent = "tenants/acme/credentials/other";
        assert_eq!(absent.len(), ACME.len());
        let not_there = call(world.channel(STRANGER).await, rpc, absent).await.unwrap_err();
        let told = |status: &Status, name: &str| {
            let details = String::from_utf8_lossy(status.details()).replace(name, "NAME");
            (status.message().to_owned(), details.replace(char::is_control, ""))
        };
        // Lengths in the details depend on the length of the name.
        assert_eq!(told(&not_yours, ACME), told(&not_there, absent), "{rpc}");
        assert_eq!(not_yours.code(), not_there.code());
    }
}

#[tokio::test]
async fn a_caller_is_authorized_before_the_request_is_looked_at() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let mut stranger = world.credentials(STRANGER).await;
    let refused = stranger.upload_credential(upload(ACME, b"no file")).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_NOT_FOUND");
    let mut auditor = world.credentials(AUDITOR).await;
    let refused = auditor.upload_credential(upload(ACME, b"no file")).await.unwrap_err();
    assert_eq!(reason(&refused), "CALLER_DENIED");
    let mut tokens = world.tokens(STRANGER).await;
    let min_remaining = Some(prost_types::Duration { seconds: -1, nanos: 0 });
    let request = IssueTokenRequest { name: ACME.to_owned(), min_remaining, ..Default::default() };
    assert_eq!(reason(&tokens.issue_token(request).await.unwrap_err()), "CREDENTIAL_NOT_FOUND");
}

#[tokio::test]
async fn an_unusable_identity_gets_nothing() {
    let world = World::new().await;
    let channel = world.channel_of(Err(UnusableIdentity::SeveralUris)).await;
    for rpc in RPCS {
        let refused = call(channel.clone(), rpc, ACME).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::Unauthenticated, "CALLER_UNKNOWN"),
            "{rpc}"
        );
    }
}

#[test]
fn every_rpc_is_in_the_matrix() {
    let set = prost_types::FileDescriptorSet::decode(ionvault::pb::FILE_DESCRIPTOR_SET).unwrap();
    let mut rpcs: Vec<String> = set
        .file
        .into_iter()
        .flat_map(|file| file.service)
        .flat_map(|service| service.method)
        .map(|method| method.name().to_owned())
        .collect();
    rpcs.sort();
    let mut covered = [&RPCS[..], &audit_service::RPCS].concat();
    covered.sort();
    assert_eq!(rpcs, covered);
}
