//! Proofs for those who hold a checkpoint and no log: that a record is under it, and that a later
//! checkpoint only added to it (RFC 6962, sections 2.1.1 and 2.1.2).

use std::io;

use tlog_tiles::{Hash, check_record, check_tree, prove_record, prove_tree};

use super::AuditLog;
use super::checkpoint::SignedCheckpoint;
use super::directory::HASHES;
use super::list::{ReadAuditError, blocking};
use super::record::{InvalidRecord, Record};
use super::tree::{HashFile, leaf};

/// That a record is in the tree of a checkpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InclusionProof {
    /// Whose record.
    pub sequence: u64,
    /// Its leaf: the record's line. Empty if retention removed it; the proof holds all the same.
    pub line: Vec<u8>,
    /// The size of the tree.
    pub tree_size: u64,
    /// From the leaf to the root.
    pub hashes: Vec<[u8; 32]>,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// No checkpoint covers that much yet.
    #[error("no checkpoint covers {0} records yet")]
    Uncovered(u64),
    /// The tree that was asked about is too small.
    #[error("a tree of {tree_size} records does not hold {behind}")]
    Outside {
        /// How many records it would have to have.
        behind: u64,
        /// The tree.
        tree_size: u64,
    },
    /// The log could not be read.
    #[error("the proof could not be read from the log")]
    Read(#[from] ReadAuditError),
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnprovenRecord {
    /// It is about another tree.
    #[error("it is about a tree of {0} records, and the checkpoint about another")]
    Tree(u64),
    /// The path does not end where it should.
    #[error("its hashes do not lead from the record to the root that is signed")]
    Path,
    /// What was proved is no record.
    #[error("what it is about is {0}")]
    Record(#[from] InvalidRecord),
    /// The record says of itself that it is another.
    #[error("what stands in this place says that it is record {0}")]
    Place(u64),
}

/// Why a checkpoint does not go on from an older one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Contradiction {
    /// It is about fewer records: the end was cut off, or an older copy put back.
    #[error("it signs {size} records, fewer than the {old_size} of the older one")]
    Shorter {
        /// How many the older one signs.
        old_size: u64,
        /// How many this one signs.
        size: u64,
    },
    /// The records that both sign are not proved to be the same.
    #[error("its tree is not proved to begin with that of the older one")]
    Unproven,
}

impl SignedCheckpoint {
    /// Checks that the tree that is signed begins with that of an older checkpoint, by what
    /// [`AuditLog::prove_consistency`] gave: nothing that the older one signs was changed, moved or
    /// removed, and nothing was put between.
    ///
    /// # Errors
    ///
    /// As [`Contradiction`] says.
    pub fn check_goes_on_from(&self, old: &Self, hashes: &[[u8; 32]]) -> Result<(), Contradiction> {
        let (old_size, size) = (old.size, self.size);
        if old_size > size {
            return Err(Contradiction::Shorter { old_size, size });
        }
        // Every tree begins with the empty one.
        if old_size == 0 {
            return Ok(());
        }
        let hashes = hashes.iter().copied().map(Hash).collect();
        check_tree(&hashes, size, Hash(self.root), old_size, Hash(old.root))
            .map_err(|_misses| Contradiction::Unproven)
    }

    /// Checks that a record is in the tree that is signed; gives what it says.
    ///
    /// # Errors
    ///
    /// As [`UnprovenRecord`] says.
    pub fn check_record(&self, proof: &InclusionProof) -> Result<Record, UnprovenRecord> {
        let InclusionProof { sequence, line, tree_size, hashes } = proof;
        if *tree_size != self.size {
            return Err(UnprovenRecord::Tree(*tree_size));
        }
        let hashes = hashes.iter().copied().map(Hash).collect();
        check_record(&hashes, self.size, Hash(self.root), *sequence, leaf(line))
            .map_err(|_misses| UnprovenRecord::Path)?;
        let record = Record::parse(line)?;
        match record.sequence == *sequence {
            true => Ok(record),
            false => Err(UnprovenRecord::Place(record.sequence)),
        }
    }
}

impl From<io::Error> for ProveError {
    fn from(error: io::Error) -> Self {
        Self::Read(error.into())
    }
}

impl AuditLog {
    /// Proves that a record is in the tree of `tree_size` records.
    ///
    /// # Errors
    ///
    /// As [`ProveError`] says.
    pub async fn prove(&self, sequence: u64, tree_size: u64) -> Result<InclusionProof, ProveError> {
        self.covers(tree_size, sequence.saturating_add(1))?;
        let reader = self.reader();
        let appender = self.0.appender.clone();
        blocking(move || {
            let record = reader.record(sequence)?;
            let hashes = appender.directory.open_to_read(HASHES)?;
            let proof = prove_record(tree_size, sequence, &HashFile(&hashes));
            let proof = proof.map_err(io::Error::other)?;
            Ok(InclusionProof {
                sequence,
                line: record.map(|record| record.to_line()).unwrap_or_default(),
                tree_size,
                hashes: proof.into_iter().map(|hash| hash.0).collect(),
            })
        })
        .await
    }

    /// Proves that the tree of `tree_size` records begins with that of `old_size` records.
    ///
    /// # Errors
    ///
    /// As [`ProveError`] says.
    pub async fn prove_consistency(
        &self,
        old_size: u64,
        tree_size: u64,
    ) -> Result<Vec<[u8; 32]>, ProveError> {
        self.covers(tree_size, old_size)?;
        // Every tree begins with the empty one.
        if old_size == 0 {
            return Ok(Vec::new());
        }
        let appender = self.0.appender.clone();
        blocking(move || {
            let hashes = appender.directory.open_to_read(HASHES)?;
            let proof = prove_tree(tree_size, old_size, &HashFile(&hashes));
            let proof = proof.map_err(io::Error::other)?;
            Ok(proof.into_iter().map(|hash| hash.0).collect())
        })
        .await
    }

    /// A checkpoint must cover the tree that was asked about: beyond, hashes are not final. And the
    /// tree must hold what is asked.
    fn covers(&self, tree_size: u64, behind: u64) -> Result<(), ProveError> {
        if tree_size > self.checkpoint().size {
            return Err(ProveError::Uncovered(tree_size));
        }
        if behind > tree_size {
            return Err(ProveError::Outside { behind, tree_size });
        }
        Ok(())
    }
}
