//! Refusals that repeat: what is counted, what becomes of the counts, and what bounds them.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ionvault::audit::{AuditLog, AuditUnavailable, Filter, Order, Refusal, Refusals, Repeats};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::reading::pages;
use crate::samples::{Ticking, at, open};

/// Of one caller and minute are recorded by themselves.
const ALONE: usize = 20;
/// Callers whose first refusals are recorded by themselves.
const CALLERS: usize = 1_000;
/// Kinds that are told apart.
const KINDS: usize = 4_000;

fn refusals() -> Refusals {
    Refusals::new(Arc::new(Ticking(AtomicU64::new(0))))
}

fn refusal(caller: usize, method: &'static str) -> Refusal {
    Refusal {
        caller: format!("spiffe://acme.example/sa/{caller}"),
        listener: "mtls",
        method,
        outcome: "NOT_FOUND",
        reason: "CREDENTIAL_NOT_FOUND".to_owned(),
    }
}

/// Nothing can be recorded there any more.
async fn close(log: &AuditLog) {
    let ended = CancellationToken::new();
    ended.cancel();
    log.run(ended, vec![]).await;
}

/// What the counts became: caller, method, outcome, and how many.
async fn recorded(log: &AuditLog) -> Vec<(String, String, String, Repeats)> {
    let records = pages(log, &Filter::default(), Order::OldestFirst, 1_000).await.into_iter();
    let mut told: Vec<_> = records
        .map(|record| {
            let event = record.event;
            let [caller, method, outcome] =
                [event.caller, event.method, event.outcome].map(String::from);
            (caller, method, outcome, event.repeats.unwrap())
        })
        .collect();
    told.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    told
}

#[tokio::test]
async fn the_first_of_a_caller_stand_alone_and_the_others_become_one_record_a_kind() {
    let (dir, refusals) = (TempDir::new().unwrap(), refusals());
    let log = open(dir.path());
    for minute in 0..2 {
        let [issue, get] = ["IssueToken", "GetCredential"].map(|method| refusal(1, method));
        let alone = (0..ALONE).filter(|_| refusals.stands_alone(&issue)).count();
        assert_eq!(alone, ALONE, "each minute begins anew");
        // Of all its calls together, whatever they ask; and another caller has its own.
        assert!(!refusals.stands_alone(&get) && !refusals.stands_alone(&issue));
        assert!(!refusals.stands_alone(&issue));
        assert!(refusals.stands_alone(&refusal(2, "IssueToken")));
        // Nobody by name is somebody else on another listener.
        assert!(refusals.stands_alone(&Refusal { listener: "mesh", ..issue.clone() }));
        refusals.record(&log).unwrap();
        assert_eq!(recorded(&log).await.len(), 2 * (minute + 1));
    }
    // The clock goes on by a second with each refusal that is counted, and only then.
    let repeats = |count, first, last| Repeats {
        count: NonZeroU64::new(count).unwrap(),
        first: at(first),
        last: at(last),
    };
    let told = recorded(&log).await;
    let [get, _, issue, _] = &told[..] else { panic!("{told:?}") };
    let caller = "spiffe://acme.example/sa/1".to_owned();
    let outcome = "NOT_FOUND".to_owned();
    let expected = (caller.clone(), "GetCredential".to_owned(), outcome.clone(), repeats(1, 0, 0));
    assert_eq!(*get, expected);
    assert_eq!(*issue, (caller, "IssueToken".to_owned(), outcome, repeats(2, 1, 2)));
}

#[tokio::test]
async fn of_more_callers_than_are_told_apart_nothing_stands_alone_and_nothing_is_lost() {
    let (dir, refusals) = (TempDir::new().unwrap(), refusals());
    let log = open(dir.path());
    let alone = (0..2 * CALLERS)
        .filter(|caller| refusals.stands_alone(&refusal(*caller, "IssueToken")))
        .count();
    assert_eq!(alone, CALLERS);
    // Who came early keeps its place.
    assert!(refusals.stands_alone(&refusal(0, "IssueToken")));
    refusals.record(&log).unwrap();
    let told = recorded(&log).await;
    assert_eq!(told.len(), CALLERS);
    assert!(told.iter().all(|(.., repeats)| repeats.count == NonZeroU64::MIN));
}

#[tokio::test]
async fn more_kinds_than_are_told_apart_become_one_record_together() {
    let (dir, refusals) = (TempDir::new().unwrap(), refusals());
    let log = open(dir.path());
    for caller in 0..KINDS + 500 {
        refusals.count(&refusal(caller, "IssueToken"));
    }
    // One that has its place is still told apart.
    refusals.count(&refusal(0, "IssueToken"));
    refusals.record(&log).unwrap();
    let told = recorded(&log).await;
    assert_eq!(told.len(), KINDS + 1);
    let (caller, method, outcome, repeats) = &told[0];
    assert_eq!((&**caller, &**method, &**outcome), ("", "", "SEVERAL"));
    assert_eq!(repeats.count.get(), 500);
    let all: u64 = told.iter().map(|(.., repeats)| repeats.count.get()).sum();
    assert_eq!(all, KINDS as u64 + 501);
}

#[tokio::test]
async fn no_count_is_lost_where_more_kinds_than_are_told_apart_cannot_be_recorded() {
    const TIMES: u64 = 3;
    let (dirs, refusals) = ([TempDir::new().unwrap(), TempDir::new().unwrap()], refusals());
    let [closed, log] = dirs.each_ref().map(|dir| open(dir.path()));
    close(&closed).await;
    for _ in 0..TIMES {
        for caller in 0..=KINDS {
            refusals.count(&refusal(caller, "IssueToken"));
        }
    }
    // What is kept comes back in any order, and may find no place of its own any more.
    assert_eq!(refusals.record(&closed), Err(AuditUnavailable::Closed));
    refusals.record(&log).unwrap();
    let all: u64 = recorded(&log).await.iter().map(|(.., repeats)| repeats.count.get()).sum();
    assert_eq!(all, TIMES * (KINDS as u64 + 1));
}

#[tokio::test]
async fn what_cannot_be_recorded_is_kept_until_it_can() {
    let (dirs, refusals) = ([TempDir::new().unwrap(), TempDir::new().unwrap()], refusals());
    let [closed, log] = dirs.each_ref().map(|dir| open(dir.path()));
    close(&closed).await;
    for caller in 0..3 {
        refusals.count(&refusal(caller, "IssueToken"));
    }
    assert_eq!(refusals.record(&closed), Err(AuditUnavailable::Closed));
    refusals.count(&refusal(0, "IssueToken"));
    refusals.record(&log).unwrap();
    let counts: Vec<_> = recorded(&log).await.iter().map(|told| told.3.count.get()).collect();
    assert_eq!(counts, [2, 1, 1]);
    refusals.record(&log).unwrap();
    assert_eq!(recorded(&log).await.len(), 3, "each is recorded once");
}
