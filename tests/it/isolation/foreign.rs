//! A file with another customer's names and invented secrets, in a tenant of one's own.

use std::time::Duration;

use ionvault::pb::v1::upload_credential_request::Verification;
use ionvault::pb::v1::{DeleteCredentialRequest, GetCredentialRequest, UploadCredentialRequest};
use ionvault::tokens::Revocation;

use crate::support::{ACME, ADMIN, World, ionapi, ionapi_with_secret, reason, upload};

const FOREIGN: &str = "tenants/mallory/credentials/infor";
const ATTEMPTS: usize = 200;
/// Two hundred times this is less than the day in which requests are counted.
const BETWEEN: Duration = Duration::from_secs(5 * 60);
/// Of the 100 requests per client and day, what accounts may use that never had a token.
const SMALL_SHARE: u32 = 5;

/// The victim's file, but for the client secret.
fn foreign(attempt: usize) -> Vec<u8> {
    ionapi_with_secret("ACME_PRD", "app1", &format!("invented-guess-{attempt}"))
}

/// What the vault used of the limits of a credential's client.
async fn tokens_used(world: &World, name: &str) -> u32 {
    let request = GetCredentialRequest { name: name.to_owned() };
    let got = world.credentials(ADMIN).await.get_credential(request).await.unwrap().into_inner();
    got.credential.unwrap().token_budget.unwrap().tokens_used
}

async fn delete(world: &World, name: &str) {
    let request = DeleteCredentialRequest { name: name.to_owned(), ..Default::default() };
    world.credentials(ADMIN).await.delete_credential(request).await.unwrap();
}

#[tokio::test]
async fn it_gets_no_token_and_revokes_nobody_elses() {
    let world = World::new().await;
    world.infor.issue_refresh_tokens();
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let own = world.issue(ACME).await.unwrap();
    let tried = UploadCredentialRequest {
        verification: Verification::BestEffort.into(),
        ..upload(FOREIGN, &foreign(0))
    };
    let refused = world.credentials(ADMIN).await.upload_credential(tried).await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIAL_REFUSED");
    world.upload(FOREIGN, &foreign(0)).await;
    assert_eq!(reason(&world.issue(FOREIGN).await.unwrap_err()), "CREDENTIAL_REFUSED");
    let credential = world.vault.find(&FOREIGN.parse().unwrap()).unwrap().unwrap();
    assert_eq!(world.issuer.revoke(&credential).await.unwrap(), Revocation::None);
    delete(&world, FOREIGN).await;
    world.issuer.sweep().await.unwrap();
    world.issuer.drain().await;
    assert_eq!(world.infor.until_revoked(0).await, []);
    assert_eq!(world.infor.refresh_tokens(), 1);
    assert_eq!(world.issue(ACME).await.unwrap(), own);
}

/// Within a tenant, too: whoever knows all of a file but one secret shares nothing with it.
#[tokio::test]
async fn a_file_with_one_other_secret_is_another_account() {
    let world = World::new().await;
    let file = String::from_utf8(ionapi("ACME_PRD", "app1")).unwrap();
    let differing = [
        ("invented-client-secret", "invented-guess"),
        ("invented-access-key", "invented-guess"),
        ("invented-secret-key", "invented-guess"),
        ("ACME_PRD~app1", "ACME_PRD~app2"),
        ("token.oauth2", "token.other"),
        (r#""v":"1.0""#, r#""v":"1.0","sc":["invented-scope"]"#),
    ];
    let mut accounts = Vec::new();
    for (number, (part, other)) in [("", "")].into_iter().chain(differing).enumerate() {
        let name = format!("tenants/acme/credentials/app{number}");
        let differing = file.replacen(part, other, 1);
        assert_eq!(differing == file, number == 0, "{part}");
        world.upload(&name, differing.as_bytes()).await;
        let credential = world.vault.find(&name.parse().unwrap()).unwrap().unwrap();
        accounts.push(credential.versions[0].account);
    }
    let before = accounts.len();
    accounts.sort_unstable();
    accounts.dedup();
    assert_eq!(accounts.len(), before);
}

#[tokio::test]
async fn hammering_uses_the_small_share_of_its_clients_limit_and_no_more() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    let before = tokens_used(&world, ACME).await;
    for attempt in 0..ATTEMPTS {
        // New secrets each time: each is another account, which nothing is known of.
        let verification =
            if attempt % 2 == 0 { Verification::Skip } else { Verification::BestEffort };
        let request = UploadCredentialRequest {
            verification: verification.into(),
            ..upload(FOREIGN, &foreign(attempt))
        };
        let uploaded = world.credentials(ADMIN).await.upload_credential(request).await;
        if let Err(refused) = uploaded {
            assert_eq!(reason(&refused), "CREDENTIAL_REFUSED");
        }
        let refused = reason(&world.issue(FOREIGN).await.unwrap_err());
        assert!(["CREDENTIAL_REFUSED", "TOKEN_BUDGET_EXHAUSTED"].contains(&&*refused), "{refused}");
        world.pass(BETWEEN).await;
    }
    let used = tokens_used(&world, ACME).await;
    println!(
        "{ATTEMPTS} attempts of a stranger, {} charged to the client's 100, beside {before} of its own",
        used - before
    );
    // The first request of the victim is part of it: its account had no token before, either.
    assert_eq!((before, used), (1, SMALL_SHARE));
    // The first token has ended meanwhile.
    let requests = world.infor.requests();
    world.issue(ACME).await.unwrap();
    assert_eq!(world.infor.requests(), requests + 1);
}
