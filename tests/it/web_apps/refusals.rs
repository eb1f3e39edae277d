//! Redirects that complete nothing.

use std::time::Duration;

use tonic::Code;
use tonic_types::StatusExt;

use super::{complete, redirect, start, world};
use crate::support::{ACME, ADMIN, UPLOADER, World, fields, reason, web_app};

const SISTER: &str = "tenants/acme/credentials/sister";

/// What a caller is told, whole: code, reason, message and the bytes of all details.
async fn refusal(world: &World, caller: &str, name: &str, redirect: &str) -> String {
    let refused = complete(world, caller, name, redirect).await.unwrap_err();
    format!("{:?} {} {:?}", refused.code(), refused.message(), refused.details())
}

#[tokio::test]
async fn whatever_is_wrong_with_a_redirect_the_answer_is_the_same_and_nobody_is_asked() {
    let world = world().await;
    // Another credential with the same account, so that the credential alone tells them apart.
    world.upload(SISTER, &web_app("ACME_TST", "web")).await;
    let good = redirect(&world, ACME).await;
    let expected = {
        let unknown = format!("https://docbits.example/callback?from=infor&code=a&state={:043}", 1);
        let refused = complete(&world, UPLOADER, ACME, &unknown).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::FailedPrecondition, "AUTHORIZATION_STATE_INVALID")
        );
        refusal(&world, UPLOADER, ACME, &unknown).await
    };
    for (what, caller, name, redirect) in [
        ("another caller's", ADMIN, ACME, good.clone()),
        ("another credential's", UPLOADER, SISTER, good.clone()),
        ("another address", UPLOADER, ACME, good.replace("docbits.example", "evil.example")),
        ("another path", UPLOADER, ACME, good.replace("/callback", "/callback2")),
        ("without the query of the redirect URI", UPLOADER, ACME, good.replace("from=infor&", "")),
        ("from another server", UPLOADER, ACME, format!("{good}&iss=https://evil.example")),
        ("a longer state", UPLOADER, ACME, format!("{good}A")),
        ("an error in place of the code", ADMIN, ACME, good.replace("code=", "error=")),
    ] {
        assert_eq!(refusal(&world, caller, name, &redirect).await, expected, "{what}");
    }
    assert_eq!(world.infor.requests(), 0);
    // None of these has used it up.
    let good = format!("{good}&iss=https://mingle-sso.eu1.inforcloudsuite.com/ACME_TST/as");
    complete(&world, UPLOADER, ACME, &good).await.unwrap();
    assert_eq!(refusal(&world, UPLOADER, ACME, &good).await, expected, "used");
    let late = redirect(&world, ACME).await;
    world.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(refusal(&world, UPLOADER, ACME, &late).await, expected, "expired");
    assert_eq!(world.infor.requests(), 1);
}

#[tokio::test]
async fn an_authorization_ends_after_ten_minutes_and_not_before() {
    let world = world().await;
    let started = start(&world, UPLOADER, ACME).await.unwrap();
    let redirect = world.infor.visit(&started.authorization_uri);
    world.clock.advance(Duration::from_secs(10 * 60 - 1));
    complete(&world, UPLOADER, ACME, &redirect).await.unwrap();
}

#[tokio::test]
async fn another_version_is_another_app() {
    let world = world().await;
    let redirect = redirect(&world, ACME).await;
    world.upload(ACME, &web_app("ACME_TST", "newer")).await;
    let refused = complete(&world, UPLOADER, ACME, &redirect).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORIZATION_STATE_INVALID");
    assert_eq!(world.infor.requests(), 0);
}

/// Its file may name another endpoint, though the log-in is the same.
#[tokio::test]
async fn another_version_of_the_same_app_has_to_be_authorized_anew() {
    let world = world().await;
    let redirect = redirect(&world, ACME).await;
    let file = String::from_utf8(web_app("ACME_TST", "web")).unwrap();
    let renamed = file.replace(r#""cn":"web""#, r#""cn":"renamed""#);
    assert_ne!(renamed, file);
    world.upload(ACME, renamed.as_bytes()).await;
    let versions = world.vault.find(&ACME.parse().unwrap()).unwrap().unwrap().versions.clone();
    assert_eq!(versions.len(), 2);
    assert_eq!(versions[0].account, versions[1].account);
    let refused = complete(&world, UPLOADER, ACME, &redirect).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORIZATION_STATE_INVALID");
    assert_eq!(world.infor.requests(), 0);
}

#[tokio::test]
async fn of_many_who_bring_the_same_redirect_one_completes() {
    let world = std::sync::Arc::new(world().await);
    let redirect = redirect(&world, ACME).await;
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (world, redirect) = (world.clone(), redirect.clone());
        callers.spawn(async move {
            let completed = complete(&world, UPLOADER, ACME, &redirect).await;
            completed.map_err(|refused| reason(&refused))
        });
    }
    let outcomes = callers.join_all().await;
    let refused = Err("AUTHORIZATION_STATE_INVALID".to_owned());
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == refused).count(), 19);
    assert_eq!(world.infor.requests(), 1);
}

/// Somebody who got hold of a code brings it with a state of his own.
#[tokio::test]
async fn a_code_of_another_authorization_lacks_its_verifier() {
    let world = world().await;
    let (stolen, own) = (redirect(&world, ACME).await, redirect(&world, ACME).await);
    let code = |redirect: &str| {
        let (_, rest) = redirect.split_once("code=").unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let injected = own.replace(&code(&own), &code(&stolen));
    let refused = complete(&world, UPLOADER, ACME, &injected).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORIZATION_REQUIRED");
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["oauth_error"], "invalid_grant");
    let unserved = world.issue(ACME).await.unwrap_err();
    assert_eq!(reason(&unserved), "AUTHORIZATION_REQUIRED");
    // The state is used up all the same.
    let refused = complete(&world, UPLOADER, ACME, &own).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORIZATION_STATE_INVALID");
}

#[tokio::test]
async fn a_person_who_comes_back_without_a_code_is_told_why() {
    let world = world().await;
    for (error, expected, told) in [
        ("access_denied", "AUTHORIZATION_REQUIRED", "cancelled"),
        ("interaction_required", "AUTHORIZATION_REQUIRED", "not finished"),
        ("planted-words", "AUTHORIZATION_REQUIRED", "reason of its own"),
        ("unauthorized_client", "CREDENTIAL_REFUSED", "Web Application"),
        ("invalid_scope", "CREDENTIAL_REFUSED", "scopes"),
        ("invalid_request", "CREDENTIAL_REFUSED", "redirect URL"),
        ("server_error", "PROVIDER_UNAVAILABLE", "later"),
        ("temporarily_unavailable", "PROVIDER_UNAVAILABLE", "later"),
    ] {
        let good = redirect(&world, ACME).await;
        let (address, rest) = good.split_once("code=").unwrap();
        let (_, state) = rest.split_once('&').unwrap();
        let back = format!("{address}error={error}&error_description=planted+words&{state}");
        let refused = complete(&world, UPLOADER, ACME, &back).await.unwrap_err();
        assert_eq!(reason(&refused), expected, "{error}");
        assert!(refused.message().contains(told), "{}", refused.message());
        assert!(!refused.message().contains("planted"), "{}", refused.message());
        let again = complete(&world, UPLOADER, ACME, &good).await.unwrap_err();
        assert_eq!(reason(&again), "AUTHORIZATION_STATE_INVALID", "{error}");
    }
    assert_eq!(world.infor.requests(), 0);
}

#[tokio::test]
async fn what_is_no_redirect_at_all_is_told_from_one_that_fits_nothing() {
    let world = world().await;
    for text in ["", "planted-code", "https://docbits.example/callback?from=infor&state=s"] {
        let refused = complete(&world, UPLOADER, ACME, text).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_ARGUMENT", "{text}");
        assert_eq!(fields(&refused), ["redirect_uri"]);
        assert!(!refused.message().contains("planted"));
    }
}
