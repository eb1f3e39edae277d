//! What every store must do. Each case runs against the model and against sled.

use std::sync::Arc;
use std::task::Poll;

use ionvault::ports::{
    CommitError, RECORD_BYTES_MAX, Revision, SCAN_LIMIT_MAX, Store, StoreError, WRITES_MAX, Write,
};

use crate::model::ModelStore;
use crate::samples::{SHORTEST, delete, everything, expect, key, new_sled, put, record, seed_of};

macro_rules! conformance {
    ($($case:ident)*) => {
        mod model { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case(super::Arc::new(super::ModelStore::default())).await;
            }
        )* }
        mod sled { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let dir = tempfile::tempdir().unwrap();
                let store = super::Arc::new(super::new_sled(&dir.path().join("store")));
                super::$case(store.clone()).await;
                assert_eq!(store.blob_files().unwrap(), 0);
                store.close().await.unwrap();
            }
        )* }
    };
}

conformance! {
    what_was_put_is_found_with_its_revision
    revisions_grow_with_each_commit
    an_expectation_that_does_not_hold_changes_nothing
    expectations_are_checked_against_the_newest
    what_was_deleted_is_gone
    all_or_nothing_of_a_commit_is_seen
    every_length_around_a_piece_comes_back_whole
    a_shorter_record_leaves_nothing_of_a_longer_one
    the_largest_commit_is_taken
    what_passes_a_limit_is_refused_and_changes_nothing
    a_scan_is_in_order_and_keeps_to_its_prefix
    pages_of_a_scan_meet_without_gap_or_repeat
    a_key_that_begins_with_another_is_another
    the_keyring_is_replaced_as_a_whole
    a_commit_goes_on_when_its_caller_stops_waiting
    concurrent_increments_are_all_counted
    of_rivals_for_one_revision_one_wins
    readers_see_whole_records_of_growing_revisions
}

type AnyStore = Arc<dyn Store>;

async fn what_was_put_is_found_with_its_revision(store: AnyStore) {
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let revision = store.commit(vec![], vec![put("a", 200, 1), put("b", 300, 2)]).await.unwrap();
    assert!(revision > Revision(0));
    for (at, length, seed) in [("a", 200, 1), ("b", 300, 2)] {
        let found = store.get(&key(at)).await.unwrap().unwrap();
        assert_eq!((found.record, found.revision), (record(length, seed), revision));
    }
}

async fn revisions_grow_with_each_commit(store: AnyStore) {
    let mut last = Revision(0);
    for seed in 0..20 {
        let writes = if seed % 3 == 0 { vec![] } else { vec![put("a", 150, seed)] };
        let revision = store.commit(vec![], writes).await.unwrap();
        assert!(revision > last);
        last = revision;
    }
}

async fn an_expectation_that_does_not_hold_changes_nothing(store: AnyStore) {
    let first = store.commit(vec![], vec![put("a", 200, 1)]).await.unwrap();
    let second = store.commit(vec![], vec![put("b", 200, 2)]).await.unwrap();
    let before = everything(&*store).await;
    for wrong in [
        expect("a", None),
        expect("a", Some(second)),
        expect("a", Some(Revision(0))),
        expect("missing", Some(first)),
    ] {
        // A condition that holds beside it does not help, in whatever order.
        for expects in [
            vec![wrong.clone()],
            vec![expect("b", Some(second)), wrong.clone()],
            vec![wrong.clone(), expect("b", Some(second))],
        ] {
            let writes = vec![put("a", 200, 3), put("c", 200, 4), delete("b")];
            let refused = store.commit(expects, writes).await;
            assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
            assert_eq!(everything(&*store).await, before);
        }
    }
}

async fn expectations_are_checked_against_the_newest(store: AnyStore) {
    let created = store.commit(vec![expect("a", None)], vec![put("a", 200, 1)]).await.unwrap();
    let replaced =
        store.commit(vec![expect("a", Some(created))], vec![put("a", 200, 2)]).await.unwrap();
    let stale = store.commit(vec![expect("a", Some(created))], vec![put("a", 200, 3)]).await;
    assert!(matches!(stale, Err(CommitError::Conflict)));
    store.commit(vec![expect("a", Some(replaced))], vec![delete("a")]).await.unwrap();
    store.commit(vec![expect("a", None)], vec![put("a", 200, 4)]).await.unwrap();
    // An expectation may be about a key that is not written.
    let apart = store.commit(vec![expect("a", None)], vec![put("b", 200, 5)]).await;
    assert!(matches!(apart, Err(CommitError::Conflict)));
}

async fn what_was_deleted_is_gone(store: AnyStore) {
    store.commit(vec![], vec![put("a", 9_000, 1), put("b", 200, 2)]).await.unwrap();
    store.commit(vec![], vec![delete("a"), delete("missing")]).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap(), None);
    let left: Vec<_> = everything(&*store).await.into_iter().map(|(key, _)| key).collect();
    assert_eq!(left, [key("b")]);
    // What comes back under the same key has nothing of the old.
    store.commit(vec![], vec![put("a", 5_000, 3)]).await.unwrap();
    assert_eq!(store.get(&key("a")).await.unwrap().unwrap().record, record(5_000, 3));
}

async fn all_or_nothing_of_a_commit_is_seen(store: AnyStore) {
    let writes = (0..10_u8).map(|at| put([b'k', at], 5_000, at.into())).collect();
    let revision = store.commit(vec![], writes).await.unwrap();
    let all = everything(&*store).await;
    assert_eq!(all.len(), 10);
    assert!(all.iter().all(|(_, stored)| stored.revision == revision));
}

async fn every_length_around_a_piece_comes_back_whole(store: AnyStore) {
    let around = |length: usize| length - 1..=length + 1;
    let lengths = [SHORTEST + 1, 4_083, 4_088, 4_096, 8_171, 8_192, 12_259, 65_536]
        .into_iter()
        .flat_map(around)
        .chain([RECORD_BYTES_MAX - 1, RECORD_BYTES_MAX]);
    for length in lengths {
        store.commit(vec![], vec![put("a", length, length as u64)]).await.unwrap();
        let found = store.get(&key("a")).await.unwrap().unwrap();
        assert!(found.record == record(length, length as u64), "{length} bytes");
    }
}

async fn a_shorter_record_leaves_nothing_of_a_longer_one(store: AnyStore) {
    for (seed, length) in [(1, 65_536), (2, 4_084), (3, 200), (4, 20_000), (5, 8_171)] {
        store.commit(vec![], vec![put("a", length, seed)]).await.unwrap();
        let all = everything(&*store).await;
        assert_eq!(all.len(), 1);
        assert!(all[0].1.record == record(length, seed));
    }
}

async fn the_largest_commit_is_taken(store: AnyStore) {
    for round in 0..2_u64 {
        let writes = (0..WRITES_MAX as u64)
            .map(|at| put([b'k', at as u8], RECORD_BYTES_MAX, round * 1_000 + at))
            .collect();
        store.commit(vec![], writes).await.unwrap();
    }
    let all = everything(&*store).await;
    let seeds: Vec<_> = all.iter().map(|(_, stored)| seed_of(&stored.record).unwrap()).collect();
    assert_eq!(seeds, (1_000..1_000 + WRITES_MAX as u64).collect::<Vec<_>>());
}

async fn what_passes_a_limit_is_refused_and_changes_nothing(store: AnyStore) {
    let many = |count: usize| (0..count).map(|at| put([b'k', at as u8], 150, 1)).collect();
    let expects = (0..=WRITES_MAX).map(|at| expect([b'k', at as u8], None)).collect();
    let refusals: [(Vec<_>, Vec<Write>); 4] = [
        (vec![], many(WRITES_MAX + 1)),
        (expects, vec![put("a", 150, 1)]),
        (vec![], vec![put("a", 150, 1), put("a", 150, 2)]),
        (vec![], vec![put("a", 150, 1), delete("a")]),
    ];
    for (expects, writes) in refusals {
        let refused = store.commit(expects, writes).await;
        assert!(matches!(refused, Err(CommitError::Store(StoreError::Limit(_)))), "{refused:?}");
    }
    let refused = store.scan(b"", None, SCAN_LIMIT_MAX + 1).await;
    assert!(matches!(refused, Err(StoreError::Limit(_))));
    assert!(store.scan(b"", None, SCAN_LIMIT_MAX).await.unwrap().is_empty());
}

async fn a_scan_is_in_order_and_keeps_to_its_prefix(store: AnyStore) {
    for at in ["b2", "a", "c", "b", "b1", "bb", "\u{7f}"] {
        store.commit(vec![], vec![put(at, 5_000, 1)]).await.unwrap();
    }
    store.commit(vec![], vec![put([0xff], 150, 1), put([0xff, 0xff], 150, 1)]).await.unwrap();
    let keys = |prefix: &'static [u8], after: Option<&'static str>| {
        let store = Arc::clone(&store);
        async move {
            let after = after.map(key);
            let found = store.scan(prefix, after.as_ref(), 100).await.unwrap();
            found.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        }
    };
    assert_eq!(keys(b"b", None).await, [key("b"), key("b1"), key("b2"), key("bb")]);
    assert_eq!(keys(b"b1", None).await, [key("b1")]);
    assert_eq!(keys(b"b", Some("b1")).await, [key("b2"), key("bb")]);
    // Behind a key that does not exist, before the prefix, behind it.
    assert_eq!(keys(b"b", Some("b15")).await, [key("b2"), key("bb")]);
    assert_eq!(keys(b"b", Some("a")).await.len(), 4);
    assert!(keys(b"b", Some("c")).await.is_empty());
    assert!(keys(b"x", None).await.is_empty());
    assert_eq!(keys(&[0xff], None).await, [key([0xff]), key([0xff, 0xff])]);
    assert_eq!(keys(b"", None).await.len(), 9);
    assert!(store.scan(b"b", None, 0).await.unwrap().is_empty());
}

async fn pages_of_a_scan_meet_without_gap_or_repeat(store: AnyStore) {
    for group in 0..5_u8 {
        let writes = (0..50).map(|at| put([b'p', at, group], 150, at.into())).collect();
        store.commit(vec![], writes).await.unwrap();
    }
    for size in [1, 7, 250, 251] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store.scan(b"p", after.as_ref(), size).await.unwrap();
            assert!(page.len() <= size);
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            seen.extend(page.into_iter().map(|(key, _)| key));
        }
        assert_eq!(seen.len(), 250);
        assert!(seen.is_sorted_by(|one, next| one < next));
    }
}

async fn a_key_that_begins_with_another_is_another(store: AnyStore) {
    let keys = ["a", "a\0", "a\0\0", "a\0\0\0", "aa", &"a".repeat(97)];
    for (seed, at) in (0..).zip(keys) {
        store.commit(vec![], vec![put(at, 20_000, seed)]).await.unwrap();
    }
    store.commit(vec![], vec![delete("a\0")]).await.unwrap();
    for (seed, at) in (0..).zip(keys) {
        let found = store.get(&key(at)).await.unwrap().map(|stored| stored.record);
        assert!(found == (at != "a\0").then(|| record(20_000, seed)), "{at:?}");
    }
}

async fn the_keyring_is_replaced_as_a_whole(store: AnyStore) {
    assert_eq!(store.keyring().await.unwrap(), None);
    for length in [0, 10, 5_000, 3] {
        let keyring = vec![b'k'; length];
        store.replace_keyring(keyring.clone()).await.unwrap();
        assert_eq!(store.keyring().await.unwrap(), Some(keyring));
    }
    assert!(everything(&*store).await.is_empty());
}

async fn a_commit_goes_on_when_its_caller_stops_waiting(store: AnyStore) {
    for seed in 0..50_u8 {
        let mut commit = store.commit(vec![], vec![put([b'k', seed], 5_000, seed.into())]);
        // Asked once, then dropped.
        let asked = std::future::poll_fn(|context| {
            Poll::Ready(commit.as_mut().poll(context).map(Result::unwrap))
        });
        let _ = asked.await;
        drop(commit);
    }
    // Commits happen in the order in which they were asked for, so all are done by now.
    store.commit(vec![], vec![]).await.unwrap();
    assert_eq!(everything(&*store).await.len(), 50);
}

async fn concurrent_increments_are_all_counted(store: AnyStore) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for _ in 0..25 {
                    increment(&*store).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let count = store.get(&key("count")).await.unwrap().unwrap();
    assert_eq!(seed_of(&count.record), Some(200));
}

/// Reads, adds one, and commits if nobody else did.
async fn increment(store: &dyn Store) {
    loop {
        let found = store.get(&key("count")).await.unwrap();
        let count = found.as_ref().map_or(0, |stored| seed_of(&stored.record).unwrap());
        let expects = vec![expect("count", found.map(|stored| stored.revision))];
        match store.commit(expects, vec![put("count", 5_000, count + 1)]).await {
            Ok(_) => return,
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => panic!("{error}"),
        }
    }
}

async fn of_rivals_for_one_revision_one_wins(store: AnyStore) {
    for round in 0..20_u8 {
        let rivals: Vec<_> = (0..8)
            .map(|seed| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let at = [b'r', round];
                    store.commit(vec![expect(at, None)], vec![put(at, 200, seed)]).await.is_ok()
                })
            })
            .collect();
        let mut winners = 0;
        for rival in rivals {
            winners += u32::from(rival.await.unwrap());
        }
        assert_eq!(winners, 1);
    }
}

async fn readers_see_whole_records_of_growing_revisions(store: AnyStore) {
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for seed in 1..150_u64 {
                let length = [200, 9_000, 40_000][(seed % 3) as usize];
                let writes = vec![put("one", length, seed), put("two", 200, seed)];
                store.commit(vec![], writes).await.unwrap();
            }
        })
    };
    let mut last = Revision(0);
    while !writer.is_finished() {
        let Some(one) = store.get(&key("one")).await.unwrap() else { continue };
        let two = store.get(&key("two")).await.unwrap().unwrap();
        assert!(seed_of(&one.record).is_some(), "a torn record");
        assert!(last <= one.revision && one.revision <= two.revision);
        for (_, stored) in store.scan(b"", None, 10).await.unwrap() {
            assert!(seed_of(&stored.record).is_some() && stored.revision >= two.revision);
        }
        last = two.revision;
    }
    writer.await.unwrap();
}
