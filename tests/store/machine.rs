//! Random histories: sled must answer as the model does, also after it was opened again.

use ionvault::adapters::SledStore;
use ionvault::ports::{CommitError, Expectation, Revision, Store, Write};
use ionvault::sealing::StoreKey;
use proptest::prelude::*;

use crate::model::ModelStore;
use crate::samples::{SHORTEST, everything, key, new_sled, record};

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Writes to some keys, expecting of some keys what the model holds, or something stale.
    Commit {
        writes: Vec<(u8, Option<(usize, u64)>)>,
        expects: Vec<(u8, bool)>,
    },
    Scan {
        prefix: Vec<u8>,
        after: Option<u8>,
        limit: usize,
    },
    Keyring(Vec<u8>),
    /// Closes and opens the store; `false`: drops it without closing.
    Reopen(bool),
}

/// Few keys, so that histories meet; some are beginnings of others.
fn key_of(number: u8) -> StoreKey {
    key(&b"aabbaabbaa"[..1 + usize::from(number) % 10])
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let length = prop_oneof![
        4 => SHORTEST..300_usize,
        2 => 4_000..4_200_usize,
        1 => 4_200..70_000_usize,
    ];
    let write = (any::<u8>(), proptest::option::weighted(0.8, (length, any::<u64>())));
    let commit = (
        proptest::collection::vec(write, 0..6),
        proptest::collection::vec((any::<u8>(), proptest::bool::weighted(0.8)), 0..3),
    )
        .prop_map(|(writes, expects)| Step::Commit { writes, expects });
    let scan = (
        proptest::sample::select(vec![&b""[..], b"a", b"aa", b"aab", b"b"]),
        proptest::option::of(any::<u8>()),
        0..8_usize,
    )
        .prop_map(|(prefix, after, limit)| Step::Scan {
            prefix: prefix.to_vec(),
            after,
            limit,
        });
    let step = prop_oneof![
        12 => commit,
        4 => scan,
        1 => proptest::collection::vec(any::<u8>(), 0..100).prop_map(Step::Keyring),
        1 => any::<bool>().prop_map(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn sled_answers_as_the_model_does(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(replay(steps));
    }
}

async fn replay(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let model = ModelStore::default();
    let mut sled = new_sled(&path);
    for step in steps {
        match step {
            Step::Commit { writes, expects } => commit(&model, &sled, writes, expects).await,
            Step::Scan { prefix, after, limit } => {
                let after = after.map(key_of);
                let expected = model.scan(&prefix, after.as_ref(), limit).await.unwrap();
                let found = sled.scan(&prefix, after.as_ref(), limit).await.unwrap();
                assert_eq!(found, expected);
            }
            Step::Keyring(keyring) => {
                model.replace_keyring(keyring.clone()).await.unwrap();
                sled.replace_keyring(keyring).await.unwrap();
            }
            Step::Reopen(close) => {
                if close {
                    sled.close().await.unwrap();
                }
                drop(sled);
                sled = SledStore::open(&path).unwrap();
                assert_eq!(sled.keyring().await.unwrap(), model.keyring().await.unwrap());
            }
        }
        assert_eq!(everything(&sled).await, everything(&model).await);
        for number in 0..10 {
            let key = key_of(number);
            assert_eq!(sled.get(&key).await.unwrap(), model.get(&key).await.unwrap());
        }
    }
}

async fn commit(
    model: &ModelStore,
    sled: &SledStore,
    writes: Vec<(u8, Option<(usize, u64)>)>,
    expects: Vec<(u8, bool)>,
) {
    let writes: Vec<Write> = writes
        .into_iter()
        .map(|(number, put)| match put {
            Some((length, seed)) => Write::Put(key_of(number), record(length, seed)),
            None => Write::Delete(key_of(number)),
        })
        .collect();
    let mut expectations = Vec::new();
    for (number, holds) in expects {
        let key = key_of(number);
        let revision = model.get(&key).await.unwrap().map(|stored| stored.revision);
        let revision = if holds { revision } else { Some(Revision(u64::MAX)) };
        expectations.push(Expectation { key, revision });
    }
    let expected = model.commit(expectations.clone(), writes.clone()).await;
    let found = sled.commit(expectations, writes).await;
    match (expected, found) {
        (Ok(expected), Ok(found)) => assert_eq!(found, expected),
        (Err(CommitError::Conflict), Err(CommitError::Conflict))
        | (Err(CommitError::Store(_)), Err(CommitError::Store(_))) => {}
        (expected, found) => panic!("expected {expected:?}, found {found:?}"),
    }
}
