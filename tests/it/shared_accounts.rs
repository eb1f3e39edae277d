//! Several credentials made of the same file.

use std::sync::Arc;

use ionvault::model::Credential;
use ionvault::tokens::{FlightError, IssueError, IssueQuery};
use ionvault::vault::{OpenFileError, VERSIONS_MAX};

use crate::support::{ACME, World, ionapi};

const SECOND: &str = "tenants/acme/credentials/second";

/// Nobody else of their account is refused for it, and they are told so once.
#[tokio::test]
async fn callers_whose_version_is_gone_stop_nobody_who_shares_their_account() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload(SECOND, &ionapi("ACME_PRD", "app1")).await;
    let find = |name: &str| world.vault.find(&name.parse().unwrap()).unwrap().unwrap();
    let (old, second) = (find(ACME), find(SECOND));
    for number in 0..VERSIONS_MAX {
        world.upload(ACME, &ionapi("ACME_PRD", &format!("other{number}"))).await;
    }
    let issue = |credential: Arc<Credential>| {
        let issuer = world.issuer.clone();
        async move { issuer.issue(&credential, IssueQuery::default()).await }
    };
    // On one thread they all board before the first flight takes off.
    let gone: Vec<_> = (0..20).map(|_| tokio::spawn(issue(old.clone()))).collect();
    let served = tokio::spawn(issue(second));
    for caller in gone {
        let told = caller.await.unwrap().err();
        let Some(IssueError::Flight { error, .. }) = told else { panic!("{told:?}") };
        assert!(matches!(*error, FlightError::Open(OpenFileError::Gone)), "{error:?}");
    }
    served.await.unwrap().unwrap();
    assert_eq!(world.infor.requests(), 1);
}
