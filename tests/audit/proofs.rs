//! Proofs, checked with the library's other half.

use ionvault::audit::{InclusionProof, ProveError, UnprovenRecord};
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
            let proof = log.prove(sequence, Some(checkpoint.size)).await.unwrap();
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
        let last = checkpoints.last().unwrap();
        let proof = log.prove_consistency(checkpoint.size, None).await.unwrap();
        let proof = proof.into_iter().map(Hash).collect();
        check_tree(&proof, last.size, Hash(last.root), checkpoint.size, root).unwrap();
    }
    assert!(log.prove_consistency(0, None).await.unwrap().is_empty());
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
    assert!(matches!(log.prove(7, None).await, Err(ProveError::Uncovered(8))));
    assert!(matches!(log.prove(2, Some(8)).await, Err(ProveError::Uncovered(8))));
    assert!(matches!(
        log.prove(5, Some(5)).await,
        Err(ProveError::Outside { behind: 6, tree_size: 5 })
    ));
    assert!(matches!(log.prove_consistency(8, None).await, Err(ProveError::Uncovered(8))));
    assert!(matches!(
        log.prove_consistency(6, Some(5)).await,
        Err(ProveError::Outside { behind: 6, tree_size: 5 })
    ));
    running.stop().await;
}
