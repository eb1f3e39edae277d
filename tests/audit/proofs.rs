//! Proofs, checked with the library's other half.

use ionvault::audit::{
    Contradiction, InclusionProof, ProveError, SignedCheckpoint, UnprovenRecord,
};
use tlog_tiles::{Hash, check_record, check_tree, record_hash};

use crate::samples::{Running, open, record};

#[tokio::test]
async fn every_record_is_proven_to_be_under_every_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    let log = &running.log;
    let mut checkpoints = Vec::new();
    for _ in 0..20 {
        record(log, 7);
        checkpoints.push(log.new_checkpoint().await.unwrap());
    }
    for checkpoint in &checkpoints {
        let root = Hash(checkpoint.root);
        for sequence in 0..checkpoint.size {
            let proof = log.prove(sequence, checkpoint.size).await.unwrap();
            let read = checkpoint.check_record(&proof).unwrap();
            assert_eq!((read.sequence, read.to_line()), (sequence, proof.line.clone()));
            let elsewhere = InclusionProof { sequence: sequence + 1, ..proof.clone() };
            assert_eq!(checkpoint.check_record(&elsewhere), Err(UnprovenRecord::Path));
            let hashes = proof.hashes.into_iter().map(Hash).collect();
            let leaf = record_hash(&proof.line);
            check_record(&hashes, checkpoint.size, root, sequence, leaf).unwrap();
            let other = record_hash(b"another record");
            assert!(check_record(&hashes, checkpoint.size, root, sequence, other).is_err());
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn every_checkpoint_is_proven_to_go_on_from_every_older_one_and_from_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    let log = &running.log;
    let mut checkpoints = vec![log.checkpoint()];
    for records in 1..20 {
        record(log, records);
        checkpoints.push(log.new_checkpoint().await.unwrap());
    }
    let (mut proven, mut refused) = (0, 0);
    for (at, old) in checkpoints.iter().enumerate() {
        for new in &checkpoints[at..] {
            let proof = log.prove_consistency(old.size, new.size).await.unwrap();
            assert_eq!(new.check_goes_on_from(old, &proof), Ok(()));
            proven += 1;
            if old.size == 0 {
                assert!(proof.is_empty());
                continue;
            }
            let hashes = proof.iter().copied().map(Hash).collect();
            check_tree(&hashes, new.size, Hash(new.root), old.size, Hash(old.root)).unwrap();

            let other = SignedCheckpoint { root: [9; 32], ..(**old).clone() };
            assert_eq!(new.check_goes_on_from(&other, &proof), Err(Contradiction::Unproven));
            for position in 0..proof.len() {
                let (mut changed, mut shorter) = (proof.clone(), proof.clone());
                changed[position][0] ^= 1;
                shorter.remove(position);
                for bad in [changed, shorter] {
                    assert_eq!(new.check_goes_on_from(old, &bad), Err(Contradiction::Unproven));
                    refused += 1;
                }
            }
            if old.size < new.size {
                let (old_size, size) = (new.size, old.size);
                let shorter = Err(Contradiction::Shorter { old_size, size });
                assert_eq!(old.check_goes_on_from(new, &proof), shorter);
            }
        }
    }
    println!("consistency: {proven} pairs of checkpoints proven, {refused} spoilt proofs refused");
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_proven_that_no_checkpoint_covers() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::start(open(dir.path()));
    let log = &running.log;
    record(log, 7);
    log.new_checkpoint().await.unwrap();
    record(log, 1);
    assert!(matches!(log.prove(2, 8).await, Err(ProveError::Uncovered(8))));
    assert!(matches!(log.prove(5, 5).await, Err(ProveError::Outside { behind: 6, tree_size: 5 })));
    assert!(matches!(log.prove_consistency(7, 8).await, Err(ProveError::Uncovered(8))));
    assert!(matches!(
        log.prove_consistency(6, 5).await,
        Err(ProveError::Outside { behind: 6, tree_size: 5 })
    ));
    running.stop().await;
}
