//! How often callers may call. Where calls are counted one by one, time stands still: nothing they do
//! waits for anything but each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use ionvault::identity::UnusableIdentity;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::{
    Credential, GetCredentialRequest, IssueTokenRequest, ListCredentialsRequest,
    UpdateCredentialRequest, WatchTokenRequest,
};
use ionvault::quotas::{QuotaSettings, Rate};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{
    ACME, ADMIN, AUDITOR, ISSUER, LOCAL_ADMIN, STRANGER, UPLOADER, World, ionapi, labels,
    no_time_passes, reason,
};

const GLOBEX: &str = "tenants/globex/credentials/infor";

/// So many at once, and the next one a second later.
const fn once(burst: u32) -> Rate {
    Rate::of(1, burst)
}

const PLENTY: Rate = once(1_000_000);

const UNLIMITED: QuotaSettings = QuotaSettings {
    caller_calls: PLENTY,
    caller_changes: PLENTY,
    tenant_calls: PLENTY,
    tenant_changes: PLENTY,
};

/// Two tenants with a credential each.
async fn world(quotas: QuotaSettings) -> World {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world.upload(GLOBEX, &ionapi("GLOBEX_PRD", "app1")).await;
    for name in [ACME, GLOBEX] {
        world.issue(name).await.unwrap();
    }
    world.limited(quotas)
}

/// The same, where no time passes but for what tests let pass, as long as both are held.
async fn still_world(quotas: QuotaSettings) -> (World, Sender<()>) {
    let world = world(quotas).await;
    tokio::time::pause();
    (world, no_time_passes())
}

async fn issue(client: &mut TokenServiceClient<Channel>, name: &str) -> Result<(), Status> {
    let request = IssueTokenRequest { name: name.to_owned(), ..Default::default() };
    client.issue_token(request).await.map(drop)
}

/// How often it was refused because of a quota, of so many calls.
async fn refused(world: &World, caller: &str, name: &str, calls: usize) -> usize {
    let mut client = world.tokens(caller).await;
    let mut refused = 0;
    for _ in 0..calls {
        let limited = issue(&mut client, name).await.is_err_and(|error| limited(&error));
        refused += usize::from(limited);
    }
    refused
}

fn limited(error: &Status) -> bool {
    reason(error) == "CALLER_RATE_LIMITED"
}

#[tokio::test]
async fn a_refusal_names_the_quota_and_when_to_come_again() {
    let (world, _still) = still_world(QuotaSettings { caller_calls: once(1), ..UNLIMITED }).await;
    let mut client = world.tokens(ISSUER).await;
    issue(&mut client, ACME).await.unwrap();
    let refused = issue(&mut client, ACME).await.unwrap_err();
    assert_eq!((refused.code(), limited(&refused)), (Code::ResourceExhausted, true));
    assert_eq!(
        refused.message(),
        "too many calls: calls of one caller may be 1 a second, and 1 at once"
    );
    let details = refused.get_error_details();
    let violations = &details.quota_failure().unwrap().violations;
    assert_eq!(violations[0].subject, "calls_per_second_per_caller");
    let after = details.retry_info().unwrap().retry_delay.unwrap();
    assert_eq!(after, Duration::from_secs(1));
    tokio::time::advance(after).await;
    issue(&mut client, ACME).await.unwrap();
}

/// Every kind of call: what is about a credential, what is about a tenant, and about all of them.
#[tokio::test]
async fn every_call_is_counted_and_changes_twice() {
    let settings = QuotaSettings { caller_calls: once(4), caller_changes: once(1), ..UNLIMITED };
    let (world, _still) = still_world(settings).await;
    let mut client = world.credentials(ADMIN).await;
    let list =
        |parent: &str| ListCredentialsRequest { parent: parent.to_owned(), ..Default::default() };
    // It changes nothing, and is counted as what it was meant to be.
    let update = || UpdateCredentialRequest {
        credential: Some(Credential {
            name: ACME.to_owned(),
            etag: "of another time".to_owned(),
            labels: labels(&[("environment", "prd")]),
            ..Default::default()
        }),
        update_mask: None,
    };
    let stale = client.update_credential(update()).await.unwrap_err();
    assert_eq!(reason(&stale), "ETAG_MISMATCH");
    let refused = client.update_credential(update()).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "too many calls: changes by one caller may be 1 a second, and 1 at once"
    );
    client.list_credentials(list("tenants/-")).await.unwrap();
    client.list_credentials(list("tenants/acme")).await.unwrap();
    let get = GetCredentialRequest { name: ACME.to_owned() };
    assert!(limited(&client.get_credential(get).await.unwrap_err()));
    for parent in ["tenants/-", "tenants/acme"] {
        assert!(limited(&client.list_credentials(list(parent)).await.unwrap_err()));
    }
}

#[tokio::test]
async fn a_watcher_is_one_call_however_much_it_is_told() {
    // To its tenant, too: the watcher, two uploads and the last call are all that there is.
    let settings = QuotaSettings { caller_calls: once(2), tenant_calls: once(4), ..UNLIMITED };
    let world = world(settings).await;
    let mut client = world.tokens(ISSUER).await;
    let request = WatchTokenRequest { name: ACME.to_owned(), min_remaining: None };
    let mut messages = client.watch_token(request).await.unwrap().into_inner();
    for version in 2..4 {
        messages.message().await.unwrap().unwrap();
        // Another file, another token.
        world.upload(ACME, &ionapi("ACME_PRD", &format!("app{version}"))).await;
    }
    messages.message().await.unwrap().unwrap();
    issue(&mut client, ACME).await.unwrap();
    assert!(refused(&world, ISSUER, ACME, 100).await > 0);
}

/// One caller calls as fast as it can, the others as they always do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_noisy_caller_is_refused_and_nobody_else() {
    const CALLS: u32 = 200;
    let world = Arc::new(world(QuotaSettings { caller_calls: once(CALLS), ..UNLIMITED }).await);
    let over = Arc::new(AtomicBool::new(false));
    let noise = tokio::spawn({
        let (world, over) = (world.clone(), over.clone());
        async move {
            let mut client = world.tokens(ISSUER).await;
            let (mut calls, mut refused) = (0, 0);
            while !over.load(Ordering::Relaxed) || calls < 5 * CALLS {
                refused += u32::from(issue(&mut client, ACME).await.is_err());
                calls += 1;
            }
            (calls, refused)
        }
    });
    let mut others = tokio::task::JoinSet::new();
    for caller in [ADMIN, LOCAL_ADMIN, UPLOADER, AUDITOR] {
        let world = world.clone();
        others.spawn(async move {
            let mut client = world.credentials(caller).await;
            let mut slowest = Duration::ZERO;
            let mut refused = 0;
            for _ in 0..CALLS {
                let began = Instant::now();
                let get = GetCredentialRequest { name: ACME.to_owned() };
                refused += u32::from(client.get_credential(get).await.is_err());
                slowest = slowest.max(began.elapsed());
                tokio::task::yield_now().await;
            }
            (refused, slowest)
        });
    }
    let others = others.join_all().await;
    over.store(true, Ordering::Relaxed);
    let (calls, turned_away) = noise.await.unwrap();
    let slowest = others.iter().map(|(_, slowest)| *slowest).max().unwrap();
    let refused: u32 = others.iter().map(|(refused, _)| refused).sum();
    println!(
        "{turned_away} of {calls} calls of the noisy caller refused; {refused} of {} of the others, \
         the slowest took {slowest:?}",
        others.len() as u32 * CALLS
    );
    assert_eq!(refused, 0);
    assert!(turned_away > CALLS, "the noise was heard");
}

#[tokio::test]
async fn a_noisy_tenant_is_refused_and_no_other_also_of_the_same_caller() {
    let (world, _still) = still_world(QuotaSettings { tenant_calls: once(10), ..UNLIMITED }).await;
    assert_eq!(refused(&world, ISSUER, ACME, 100).await, 90);
    // All callers of a tenant together; and another tenant does not notice.
    assert_eq!(refused(&world, ADMIN, ACME, 1).await, 1);
    assert_eq!(refused(&world, ISSUER, GLOBEX, 10).await, 0);
    // Lists of a tenant are about it as well.
    let list = ListCredentialsRequest { parent: "tenants/acme".to_owned(), ..Default::default() };
    let refused = world.credentials(ADMIN).await.list_credentials(list).await.unwrap_err();
    assert!(limited(&refused), "{refused:?}");
}

/// Its quota would tell that somebody is there, and its end would be theirs to bring about.
#[tokio::test]
async fn who_may_not_know_of_a_tenant_neither_feels_its_quota_nor_uses_it_up() {
    let (world, _still) = still_world(QuotaSettings { tenant_calls: once(10), ..UNLIMITED }).await;
    let answers = async |calls: usize| {
        let mut client = world.tokens(STRANGER).await;
        let mut reasons = Vec::new();
        for _ in 0..calls {
            reasons.push(reason(&issue(&mut client, ACME).await.unwrap_err()));
        }
        reasons.dedup();
        reasons
    };
    assert_eq!(answers(100).await, ["CREDENTIAL_NOT_FOUND"]);
    assert_eq!(refused(&world, ISSUER, ACME, 11).await, 1);
    assert_eq!(answers(100).await, ["CREDENTIAL_NOT_FOUND"]);
}

#[tokio::test]
async fn quotas_come_before_the_policy_and_before_the_request_is_looked_at() {
    let (world, _still) = still_world(QuotaSettings { caller_calls: once(1), ..UNLIMITED }).await;
    let mut client = world.tokens(STRANGER).await;
    assert_eq!(reason(&issue(&mut client, ACME).await.unwrap_err()), "CREDENTIAL_NOT_FOUND");
    let too_long = IssueTokenRequest {
        name: ACME.to_owned(),
        min_remaining: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
        rejected_token_id: "none".to_owned(),
    };
    assert!(limited(&client.issue_token(too_long).await.unwrap_err()));
}

/// Who can be heard no more shall not be able to fill the disk with what he says, either.
#[tokio::test]
async fn calls_beyond_a_quota_take_no_room_in_the_log_and_become_one_record() {
    let (world, _still) = still_world(QuotaSettings { caller_calls: once(1), ..UNLIMITED }).await;
    let before = world.recorded().await.len();
    assert_eq!(refused(&world, ISSUER, ACME, 101).await, 100);
    assert_eq!(world.recorded().await.len(), before + 1);
    let drained = CancellationToken::new();
    drained.cancel();
    world.entrance.run(drained).await;
    let recorded = world.recorded().await;
    assert_eq!(recorded.len(), before + 2);
    let event = &recorded.last().unwrap().event;
    assert_eq!(event.repeats.unwrap().count.get(), 100);
    assert_eq!(
        [&*event.caller, &event.listener, &event.method, &event.outcome, &event.reason],
        [ISSUER, "mtls", "IssueToken", "RESOURCE_EXHAUSTED", "CALLER_RATE_LIMITED"]
    );
}

#[tokio::test]
async fn who_names_no_caller_is_held_to_a_quota_that_nobody_else_feels() {
    let (world, _still) = still_world(QuotaSettings { caller_calls: once(10), ..UNLIMITED }).await;
    let nobody = world.channel_of(Err(UnusableIdentity::SeveralUris)).await;
    let mut nobody = TokenServiceClient::new(nobody);
    let mut reasons = Vec::new();
    for _ in 0..100 {
        reasons.push(reason(&issue(&mut nobody, ACME).await.unwrap_err()));
    }
    reasons.dedup();
    assert_eq!(reasons, ["CALLER_UNKNOWN", "CALLER_RATE_LIMITED"]);
    assert_eq!(refused(&world, ISSUER, ACME, 10).await, 0);
}
