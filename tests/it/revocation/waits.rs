//! How long Infor is left alone when it does not confirm, and how long others wait for it.

use std::time::Duration;

use ionvault::ports::{ExchangeError, OauthError};
use ionvault::sealing::RecordKind;
use ionvault::tokens::Revocation;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{find, of_the_first_log_in, revoke, revoked, running, world};
use crate::support::{World, ionapi, no_time_passes};

const SECOND: Duration = Duration::from_secs(1);

type Fault = fn() -> ExchangeError;

/// When Infor, which answers a revocation with this fault, is told again: at least, and at most.
async fn told_again_after(fault: Fault) -> (Duration, Duration) {
    let world = world().await;
    world.infor.fail_revocations_with(Some(fault));
    let before = Instant::now();
    assert_eq!(revoke(&world).await, Revocation::Pending);
    let after = Instant::now();
    // From here on, time passes when nothing else is to be done.
    tokio::time::pause();
    let told_again = async {
        world.infor.until_revoked(2).await;
        (after.elapsed(), before.elapsed())
    };
    let took = running(&world, told_again).await;
    tokio::time::resume();
    took
}

#[tokio::test]
async fn infor_is_left_alone_as_long_as_its_answer_asks_for() {
    let throttled = || ExchangeError::Throttled { retry_after: Some(120 * SECOND) };
    let later =
        || ExchangeError::Unavailable { what: "maintenance", retry_after: Some(120 * SECOND) };
    let refused = || ExchangeError::Refused(OauthError::InvalidClient);
    // What Infor asks for and up to a second; an hour, or up to an eighth less, where somebody has
    // to mend something first.
    let table: [(&str, Fault, u64, u64); 5] = [
        ("too many requests", throttled, 120, 121),
        ("maintenance", later, 120, 121),
        ("no route", || ExchangeError::Unreachable("no route"), 0, 1),
        ("a refusal", refused, 3_150, 3_600),
        ("no endpoint", || ExchangeError::NoEndpoint, 3_150, 3_600),
    ];
    for (what, fault, least, most) in table {
        let (shortest, longest) = told_again_after(fault).await;
        assert!(longest >= Duration::from_secs(least), "{what}: after {longest:?}");
        assert!(shortest <= Duration::from_secs(most), "{what}: after {shortest:?}");
    }
}

/// A refusal, because no breaker opens for it: what grows here is the wait of this one revocation.
#[tokio::test]
async fn infor_is_told_less_and_less_often_while_it_does_not_confirm() {
    let world = world().await;
    let refused = || ExchangeError::Refused(OauthError::InvalidClient);
    world.infor.fail_revocations_with(Some(refused));
    let mut since = Instant::now();
    assert_eq!(revoke(&world).await, Revocation::Pending);
    tokio::time::pause();
    let telling = async {
        for (told, hours) in [(2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 24)] {
            world.infor.until_revoked(told).await;
            // Up to an eighth less.
            assert!(since.elapsed() >= 3_150 * hours * SECOND, "{hours} h: {:?}", since.elapsed());
            since = Instant::now();
        }
    };
    running(&world, telling).await;
}

#[tokio::test]
async fn who_revokes_waits_for_infor_for_five_seconds_and_no_longer() {
    let world = world().await;
    world.infor.hold_revocations();
    tokio::time::pause();
    let since = Instant::now();
    // What is written before is no part of the wait, however long the disk takes.
    let written = no_time_passes();
    let told = async {
        world.infor.until_revoked(1).await;
        drop(written);
    };
    let (revoked_so_far, ()) = tokio::join!(revoke(&world), told);
    assert_eq!(revoked_so_far, Revocation::Pending);
    assert_eq!(since.elapsed().as_secs(), 5);
    assert_eq!(world.records(RecordKind::Revocation).await.len(), 1);
    // Infor is told all the same.
    world.infor.release_revocations();
    world.issuer.drain().await;
    assert_eq!(revoked(&world).await, of_the_first_log_in());
    assert!(world.records(RecordKind::Revocation).await.is_empty());
}

/// A server that hangs must not have connections without end.
#[tokio::test]
async fn infor_is_told_of_sixteen_accounts_at_once_and_no_more() {
    let world = World::new().await;
    let names: Vec<_> = (0..20).map(|n| format!("tenants/acme/credentials/app{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        world.upload(name, &ionapi(&format!("T{n}_PRD"), "app")).await;
        world.issue(name).await.unwrap();
    }
    world.infor.hold_revocations();
    tokio::time::pause();
    let mut revoking = JoinSet::new();
    for name in &names {
        let (issuer, credential) = (world.issuer.clone(), find(&world, name));
        revoking.spawn(async move { issuer.revoke(&credential).await.unwrap() });
    }
    assert_eq!(revoking.join_all().await, [Revocation::Pending; 20]);
    world.infor.until_revoked(16).await;
    world.infor.release_revocations();
    world.issuer.drain().await;
    assert_eq!(revoked(&world).await.len(), 20);
    assert_eq!(world.infor.revocations_at_once(), 16);
}
