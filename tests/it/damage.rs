//! Records that are not what was sealed: whoever may know is told, and nobody else suffers.

use std::time::Duration;

use ionvault::model::CredentialName;
use ionvault::pb::v1::{
    ActivateCredentialVersionRequest, GetCredentialRequest, ListCredentialsRequest,
};
use ionvault::ports::{Store as _, Write};
use ionvault::sealing::{RecordKind, SealedRecord, StoreKey};
use ionvault::vault::{CREDENTIALS_PER_TENANT_MAX, OpenVaultError};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::authorization::{RPCS, call};
use crate::support::{ACME, ADMIN, AUDITOR, STRANGER, TOKEN_LIFE, World, ionapi, reason, upload};

const SIBLING: &str = "tenants/acme/credentials/second";
const OTHER_TENANT: &str = "tenants/globex/credentials/infor";

/// A vault with three credentials in two tenants, and where `ACME`'s record of this kind lies.
async fn world(kind: RecordKind) -> (World, StoreKey) {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    let key = world.records(kind).await[0].0.clone();
    world.upload(SIBLING, &ionapi("ACME_PRD", "app2")).await;
    world.upload(OTHER_TENANT, &ionapi("GLOBEX_PRD", "app1")).await;
    (world, key)
}

async fn bytes(world: &World, key: &StoreKey) -> Vec<u8> {
    world.store.get(key).await.unwrap().unwrap().record.as_bytes().to_vec()
}

async fn put(world: &World, key: &StoreKey, bytes: Vec<u8>) {
    let write = Write::Put(key.clone(), SealedRecord::from_stored(bytes).unwrap());
    world.store.commit(vec![], vec![write]).await.unwrap();
}

async fn flip(world: &World, key: &StoreKey, at: usize) {
    let mut flipped = bytes(world, key).await;
    flipped[at] ^= 1;
    put(world, key, flipped).await;
}

/// What `caller` is told, whichever RPC about `name` it tries; lists are not about one name.
async fn told(world: &World, caller: &str, name: &str) -> Vec<(Code, String, bool)> {
    let mut told = Vec::new();
    for rpc in RPCS.into_iter().filter(|rpc| *rpc != "ListCredentials") {
        let status = call(world.channel(caller).await, rpc, name).await.unwrap_err();
        let retry = status.get_error_details().retry_info().is_some();
        told.push((status.code(), reason(&status), retry));
    }
    told.dedup();
    told
}

fn integrity_failure() -> Vec<(Code, String, bool)> {
    vec![(Code::DataLoss, "INTEGRITY_FAILURE".to_owned(), false)]
}

fn not_found() -> Vec<(Code, String, bool)> {
    vec![(Code::NotFound, "CREDENTIAL_NOT_FOUND".to_owned(), false)]
}

async fn listed(world: &World, tenant: &str) -> Vec<String> {
    let request = ListCredentialsRequest { parent: tenant.to_owned(), ..Default::default() };
    let listed = world.credentials(AUDITOR).await.list_credentials(request).await.unwrap();
    listed.into_inner().credentials.into_iter().map(|credential| credential.name).collect()
}

/// The offsets are those of the table in `src/sealing/record.rs`: the uid of the tenant, the version
/// of the key, the salt, the commitment and the ciphertext.
#[tokio::test]
async fn a_damaged_credential_is_told_to_who_may_know_and_stops_nobody_else() {
    for at in [8, 26, 30, 60, 100] {
        let (world, key) = world(RecordKind::Credential).await;
        flip(&world, &key, at).await;
        let damaged = bytes(&world, &key).await;
        let world = world.restart().await;
        assert_eq!(told(&world, ADMIN, ACME).await, integrity_failure(), "byte {at}");
        assert_eq!(told(&world, STRANGER, ACME).await, not_found(), "byte {at}");
        assert_eq!(world.infor.requests(), 0);
        assert_eq!(listed(&world, "tenants/acme").await, [SIBLING]);
        for name in [SIBLING, OTHER_TENANT] {
            world.issue(name).await.unwrap();
            world.upload(name, &ionapi("ACME_PRD", "app3")).await;
        }
        assert_eq!(bytes(&world, &key).await, damaged, "an upload did not write over it");
    }
}

#[tokio::test]
async fn a_record_that_was_sealed_for_another_name_is_damage() {
    let (world, key) = world(RecordKind::Credential).await;
    for (other, stored) in world.records(RecordKind::Credential).await {
        if other != key {
            put(&world, &key, stored.record.as_bytes().to_vec()).await;
            let name: CredentialName = ACME.parse().unwrap();
            let copy = World::open(copy_of(&world).await).await;
            assert!(copy.vault.find(&name).is_err());
        }
    }
}

/// A copy of the directory, for another vault beside the running one.
async fn copy_of(world: &World) -> std::sync::Arc<tempfile::TempDir> {
    let copy = tempfile::tempdir().unwrap();
    copy_all(world.dir.path(), copy.path());
    std::sync::Arc::new(copy)
}

fn copy_all(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_all(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_damaged_tenant_loses_all_its_names_and_stops_nobody_else() {
    let (world, key) = world(RecordKind::Tenant).await;
    flip(&world, &key, 100).await;
    let damaged = bytes(&world, &key).await;
    let world = world.restart().await;
    for name in [ACME, SIBLING, "tenants/acme/credentials/never-used"] {
        assert_eq!(told(&world, ADMIN, name).await, integrity_failure(), "{name}");
        assert_eq!(told(&world, STRANGER, name).await, not_found(), "{name}");
    }
    assert_eq!(listed(&world, "tenants/-").await, [OTHER_TENANT]);
    world.issue(OTHER_TENANT).await.unwrap();
    world.upload("tenants/initech/credentials/new", &ionapi("INITECH_PRD", "app1")).await;
    assert_eq!(bytes(&world, &key).await, damaged, "an upload did not write over it");
}

#[tokio::test]
async fn a_damaged_file_stops_its_version_only() {
    let (world, key) = world(RecordKind::VersionFile).await;
    let whole = bytes(&world, &key).await;
    flip(&world, &key, 100).await;
    let world = world.restart().await;
    integrity_failure_of(world.issue(ACME).await);
    assert_eq!(world.infor.requests(), 0);
    let mut client = world.credentials(ADMIN).await;
    client.get_credential(GetCredentialRequest { name: ACME.to_owned() }).await.unwrap();
    world.issue(SIBLING).await.unwrap();
    world.upload(ACME, &ionapi("ACME_PRD", "app4")).await;
    world.issue(ACME).await.unwrap();
    // Nothing remembers that it was damaged: once it is whole again, it serves.
    put(&world, &key, whole).await;
    let name = format!("{ACME}/versions/1");
    let request = ActivateCredentialVersionRequest { name, ..Default::default() };
    client.activate_credential_version(request).await.unwrap();
    assert_eq!(world.issue(ACME).await.unwrap().credential_version, 1);
}

#[tokio::test]
async fn a_lost_file_is_damage_and_no_reason_to_ask_again() {
    let (world, key) = world(RecordKind::VersionFile).await;
    world.store.commit(vec![], vec![Write::Delete(key)]).await.unwrap();
    integrity_failure_of(world.issue(ACME).await);
    world.issue(SIBLING).await.unwrap();
}

#[tokio::test]
async fn a_damaged_budget_counts_as_used_up_for_a_day_and_heals() {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload(OTHER_TENANT, &ionapi("GLOBEX_PRD", "app1")).await;
    world.issue(ACME).await.unwrap();
    let [(one, _), (two, _)] = &world.records(RecordKind::Budget).await[..] else {
        panic!("a budget of the client and one of the Infor tenant")
    };
    for key in [one, two] {
        flip(&world, key, 60).await;
    }
    let damaged = bytes(&world, one).await;
    world.clock.advance(TOKEN_LIFE);
    let world = world.restart().await;
    let refused = world.issue(ACME).await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_BUDGET_EXHAUSTED");
    let retry_after = refused.get_error_details().retry_info().unwrap().retry_delay.unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(day < retry_after && retry_after < day + Duration::from_secs(60), "{retry_after:?}");
    assert_eq!(world.infor.requests(), 1);
    assert_ne!(bytes(&world, one).await, damaged, "it is written anew");
    world.issue(OTHER_TENANT).await.unwrap();

    world.clock.advance(day / 2);
    let world = world.restart().await;
    assert_eq!(reason(&world.issue(ACME).await.unwrap_err()), "TOKEN_BUDGET_EXHAUSTED");
    // The monotonic clock went on a little, and the later of both dates the record.
    world.clock.advance(retry_after - day / 2 + Duration::from_secs(600));
    let world = world.restart().await;
    world.issue(ACME).await.unwrap();
}

/// One tenant may hold as many credentials as damaged records are put up with in all.
#[tokio::test]
async fn damage_is_put_up_with_in_single_records_and_not_everywhere() {
    let world = World::new().await;
    let file = ionapi("ACME_PRD", "app1");
    let mut client = world.credentials(ADMIN).await;
    for number in 0..CREDENTIALS_PER_TENANT_MAX {
        let name = format!("tenants/acme/credentials/c{number}");
        client.upload_credential(upload(&name, &file)).await.unwrap();
    }
    let tenant = world.records(RecordKind::Tenant).await[0].0.clone();
    world.upload(OTHER_TENANT, &ionapi("GLOBEX_PRD", "app1")).await;

    flip(&world, &tenant, 100).await;
    let world = world.restart().await;
    world.issue(OTHER_TENANT).await.unwrap();
    integrity_failure_of(world.issue("tenants/acme/credentials/c99").await);
    flip(&world, &tenant, 100).await;

    let credentials = world.records(RecordKind::Credential).await;
    assert_eq!(credentials.len(), 101);
    for (key, _) in &credentials {
        flip(&world, key, 100).await;
    }
    let dir = world.stop().await;
    let refused = World::try_open(dir.clone()).await.err().unwrap();
    assert!(matches!(refused, OpenVaultError::Damaged(101)), "{refused}");
}

fn integrity_failure_of<T>(answer: Result<T, Status>) {
    let status = answer.err().unwrap();
    assert_eq!((status.code(), reason(&status)), (Code::DataLoss, "INTEGRITY_FAILURE".to_owned()));
}
