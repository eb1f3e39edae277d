//! The directory: what is refused stays as it was, and each refusal says what to do.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ionvault::adapters::{CreateStoreError, OpenStoreError, SledStore, StoreHealth};
use ionvault::model::Uid;
use ionvault::ports::{CommitError, Revision, Store, StoreError};

use crate::samples::{STORE_ID, everything, key, new_sled, put, record, seed_of};

/// Every file below `dir` and what it holds.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
            found.insert(path, None);
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, Some(bytes));
        }
    }
    found
}

/// Opens, and shows that the refusal changed nothing and tells what to do.
fn refused(dir: &Path) -> OpenStoreError {
    let before = contents(dir);
    let error = match SledStore::open(dir) {
        Ok(_) => panic!("the store opened"),
        Err(error) => error,
    };
    assert!(contents(dir) == before, "a refusal changed files: {error}");
    let text = error.to_string();
    let (what, advice) = text.split_once(": ").expect("what is wrong, and what to do");
    assert!(what.contains(dir.to_str().unwrap()) && advice.len() > 10, "{text}");
    error
}

/// A closed store with a hundred records and a log of some segments.
async fn filled(dir: &Path) {
    let store = new_sled(dir);
    for seed in 0..100_u8 {
        store.commit(vec![], vec![put([b'k', seed], 20_000, seed.into())]).await.unwrap();
    }
    store.replace_keyring(b"wrapped keys".to_vec()).await.unwrap();
    store.close().await.unwrap();
}

#[tokio::test]
async fn revisions_and_records_outlive_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = new_sled(&path);
    let mut last = Revision(0);
    let mut store = Some(store);
    for round in 0..5_u64 {
        let open = store.take().unwrap_or_else(|| SledStore::open(&path).unwrap());
        assert_eq!(open.store_id(), STORE_ID);
        let revision = open.commit(vec![], vec![put("a", 9_000, round)]).await.unwrap();
        assert!(revision > last);
        last = revision;
        assert!(open.get(&key("a")).await.unwrap().unwrap().record == record(9_000, round));
        open.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_new_store_is_for_its_owner_only_and_never_over_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("some/where");
    let store = new_sled(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    store.close().await.unwrap();
    let before = contents(&path);
    let again = SledStore::create(&path, Uid::from_bytes([1; 16]));
    assert!(matches!(again, Err(CreateStoreError::Exists(_))));
    assert!(contents(&path) == before);

    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letter"), b"dear").unwrap();
    assert!(matches!(SledStore::create(&other, STORE_ID), Err(CreateStoreError::NotEmpty(_))));
    assert_eq!(contents(&other).len(), 1);
}

#[tokio::test]
async fn what_is_no_store_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    assert!(matches!(SledStore::open(&missing), Err(OpenStoreError::Missing(_))));
    assert!(!missing.exists());
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(matches!(refused(&empty), OpenStoreError::Missing(_)));
    fs::write(empty.join("letter"), b"dear").unwrap();
    assert!(matches!(refused(&empty), OpenStoreError::Incomplete(..)));
}

#[tokio::test]
async fn a_store_in_use_is_refused_and_works_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = new_sled(&path);
    assert!(matches!(SledStore::open(&path), Err(OpenStoreError::InUse(_))));
    store.commit(vec![], vec![put("a", 200, 1)]).await.unwrap();
    assert_eq!(everything(&store).await.len(), 1);
}

#[tokio::test]
async fn a_cut_emptied_or_missing_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path).await;
    let log = path.join("db/db");
    let whole = fs::read(&log).unwrap();
    for tenth in 0..10 {
        fs::write(&log, &whole[..whole.len() * tenth / 10]).unwrap();
        let error = refused(&path);
        let told = matches!(error, OpenStoreError::Damaged(..) | OpenStoreError::Mixed(_));
        assert!(told, "{tenth} tenths: {error:?}");
    }
    fs::remove_file(&log).unwrap();
    assert!(matches!(refused(&path), OpenStoreError::Damaged(..)));
    fs::write(&log, &whole).unwrap();
    assert_eq!(everything(&SledStore::open(&path).unwrap()).await.len(), 100);
}

#[tokio::test]
async fn a_log_with_a_spoilt_block_is_refused_or_the_block_is_unused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path).await;
    // Opened once more, it starts from a snapshot, and does not go through the whole log.
    SledStore::open(&path).unwrap().close().await.unwrap();
    let sound = contents(&path);
    let (log, length) = (path.join("db/db"), sound[&path.join("db/db")].as_ref().unwrap().len());
    let mut refusals = 0;
    for part in 0..25 {
        let mut spoilt = sound[&log].clone().unwrap();
        let at = length * part / 25;
        spoilt[at..at + 512].fill(0x55);
        fs::write(&log, spoilt).unwrap();
        match SledStore::open(&path) {
            Ok(store) => {
                let all = everything(&store).await;
                assert!(all.iter().all(|(_, stored)| seed_of(&stored.record).is_some()));
                assert_eq!(all.len(), 100, "a block at {at} took records with it");
                store.close().await.unwrap();
                restore(&path, &sound);
            }
            Err(error) => {
                assert!(matches!(error, OpenStoreError::Damaged(..) | OpenStoreError::Mixed(_)));
                refusals += 1;
            }
        }
    }
    assert!(refusals > 0);
}

#[tokio::test]
async fn a_log_of_another_time_or_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("store"), dir.path().join("other"));
    filled(&path).await;
    let old = contents(&path.join("db"));
    let store = SledStore::open(&path).unwrap();
    store.commit(vec![], vec![put("late", 200, 1)]).await.unwrap();
    store.close().await.unwrap();
    let new = contents(&path.join("db"));
    // The generation tells: the log is one opening behind `store.json`.
    restore(&path.join("db"), &old);
    assert!(matches!(refused(&path), OpenStoreError::Mixed(_)));
    // And if `store.json` is put back, too, the revision in `progress` tells.
    let identity = fs::read(path.join("store.json")).unwrap();
    let earlier = String::from_utf8(identity.clone())
        .unwrap()
        .replace("\"generation\":3", "\"generation\":2");
    assert_ne!(earlier.as_bytes(), identity);
    fs::write(path.join("store.json"), earlier).unwrap();
    assert!(matches!(refused(&path), OpenStoreError::Mixed(_)));
    fs::write(path.join("store.json"), identity).unwrap();
    restore(&path.join("db"), &new);
    SledStore::open(&path).unwrap().close().await.unwrap();

    SledStore::create(&other, Uid::from_bytes([7; 16])).unwrap();
    fs::copy(path.join("progress"), other.join("progress")).unwrap();
    restore(&other.join("db"), &contents_below(&path.join("db"), &other.join("db")));
    assert!(matches!(refused(&other), OpenStoreError::Mixed(_)));
}

/// The files of `from`, named as if they lay in `to`.
fn contents_below(from: &Path, to: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let below = |path: PathBuf| to.join(path.strip_prefix(from).unwrap());
    contents(from).into_iter().map(|(path, bytes)| (below(path), bytes)).collect()
}

fn restore(dir: &Path, files: &BTreeMap<PathBuf, Option<Vec<u8>>>) {
    fs::remove_dir_all(dir).unwrap();
    fs::create_dir(dir).unwrap();
    for (path, bytes) in files {
        match bytes {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::create_dir(path).unwrap(),
        }
    }
}

#[tokio::test]
async fn files_beside_the_log_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path).await;
    let identity = fs::read_to_string(path.join("store.json")).unwrap();
    let spoil = |from: &str, to: &str| {
        let spoilt = identity.replace(from, to);
        assert_ne!(spoilt, identity);
        fs::write(path.join("store.json"), spoilt).unwrap();
    };
    spoil("\"format\":1", "\"format\":2");
    assert!(matches!(refused(&path), OpenStoreError::Format(_, 2)));
    spoil("5a5a", "5b5b");
    assert!(matches!(refused(&path), OpenStoreError::Mixed(_)));
    spoil("\"generation\":2", "\"generation\":1");
    SledStore::open(&path)
        .expect("one generation behind is what a kill leaves")
        .close()
        .await
        .unwrap();
    spoil("\"generation\":2", "\"generation\":0");
    assert!(matches!(refused(&path), OpenStoreError::Mixed(_)));
    spoil("\"generation\":2", "\"generation\":7");
    assert!(matches!(refused(&path), OpenStoreError::Mixed(_)));
    spoil("\"generation\"", "\"generator\"");
    assert!(matches!(refused(&path), OpenStoreError::Incomplete(..)));
    fs::remove_file(path.join("store.json")).unwrap();
    assert!(matches!(refused(&path), OpenStoreError::Incomplete(..)));
}

#[tokio::test]
async fn a_progress_that_is_missing_or_spoilt_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    filled(&path).await;
    fs::write(path.join("progress"), [0; 16]).unwrap();
    assert!(matches!(refused(&path), OpenStoreError::Incomplete(..)));
    fs::remove_file(path.join("progress")).unwrap();
    assert!(matches!(refused(&path), OpenStoreError::Incomplete(..)));
}

#[tokio::test]
async fn every_call_on_a_closed_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = new_sled(&dir.path().join("store"));
    store.close().await.unwrap();
    store.close().await.expect("closing twice is closing");
    let commit = store.commit(vec![], vec![put("a", 200, 1)]).await;
    assert!(matches!(commit, Err(CommitError::Store(StoreError::Unavailable(_)))));
    assert!(matches!(store.get(&key("a")).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.scan(b"", None, 1).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.keyring().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.replace_keyring(vec![1]).await, Err(StoreError::Unavailable(_))));
    assert_eq!(*store.health().borrow(), StoreHealth::Working);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_trust_a_clock_that_jumps() {
    let dir = tempfile::tempdir().unwrap();
    let store = new_sled(&dir.path().join("store"));
    // With nothing else to do, the paused clock would jump past any deadline.
    store.close().await.unwrap();
}

#[tokio::test]
async fn closing_finishes_what_was_queued() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = std::sync::Arc::new(new_sled(&path));
    let commits: Vec<_> = (0..200_u8)
        .map(|at| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move { store.commit(vec![], vec![put([b'k', at], 5_000, 1)]).await })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await.unwrap();
    let mut acknowledged = 0;
    for commit in commits {
        acknowledged += usize::from(commit.await.unwrap().is_ok());
    }
    assert!(acknowledged > 0);
    assert_eq!(everything(&SledStore::open(&path).unwrap()).await.len(), acknowledged);
}

#[tokio::test]
async fn overwriting_the_same_records_does_not_fill_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let store = new_sled(&path);
    let mut written = 0;
    for seed in 0..1_200_u64 {
        store.commit(vec![], vec![put([b'k', (seed % 8) as u8], 60_000, seed)]).await.unwrap();
        written += 60_000;
    }
    let log = fs::metadata(path.join("db/db")).unwrap().len();
    println!("{written} bytes written, {log} bytes of log");
    assert!(log < written / 3, "{log} bytes of log for 480,000 bytes of records");
    store.close().await.unwrap();
}
