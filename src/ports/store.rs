//! A small transactional key-value contract that an embedded engine and a cluster both keep.
//!
//! `tests/store` holds every engine to it.

use async_trait::async_trait;

use crate::sealing::{SealedRecord, StoreKey};

/// Keeps sealed records. The signatures take [`SealedRecord`] and [`StoreKey`], not bytes, so no
/// caller can store a plaintext, or a name in the clear.
#[async_trait]
pub trait Store: Send + Sync {
    /// The record under `key`, if there is one.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    async fn get(&self, key: &StoreKey) -> Result<Option<Stored>, StoreError>;

    /// Up to `limit` records (at most [`SCAN_LIMIT_MAX`]) whose keys start with `prefix`, in order
    /// of their keys, beginning behind `after`. Each record is whole; the list is not a snapshot.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    async fn scan(
        &self,
        prefix: &[u8],
        after: Option<&StoreKey>,
        limit: usize,
    ) -> Result<Vec<(StoreKey, Stored)>, StoreError>;

    /// Checks `expects`, then does `writes` (at most [`WRITES_MAX`] of each, and no key written
    /// twice): all or nothing.
    /// Once this returns `Ok`, the writes survive a power cut. The revision is larger than any
    /// given out before, and becomes that of every record put.
    ///
    /// A caller that stops waiting does not stop the commit.
    ///
    /// # Errors
    ///
    /// - [`CommitError::Conflict`] if an expectation does not hold; nothing was written.
    /// - [`CommitError::Store`] if it is not known whether the writes will be found later.
    async fn commit(
        &self,
        expects: Vec<Expectation>,
        writes: Vec<Write>,
    ) -> Result<Revision, CommitError>;

    /// The keyring: wrapped keys, kept apart from the records, in a place that forgets what it is
    /// told to forget.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    async fn keyring(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the keyring. Once this returns `Ok`, the new one survives a power cut; whenever it
    /// is interrupted, the old or the new one is found whole.
    ///
    /// # Errors
    ///
    /// As [`StoreError`] says.
    async fn replace_keyring(&self, keyring: Vec<u8>) -> Result<(), StoreError>;
}

/// When a record was put: grows with each commit of the whole store. Never 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Revision(pub u64);

/// A record and when it was put.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// The record, as it was put.
    pub record: SealedRecord,
    /// The commit that put it.
    pub revision: Revision,
}

/// What must be so for a commit to happen.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The key it is about.
    pub key: StoreKey,
    /// The revision of the record under it; `None`: there is no record.
    pub revision: Option<Revision>,
}

/// One change.
#[derive(Clone, Debug)]
pub enum Write {
    /// Puts a record (at most [`RECORD_BYTES_MAX`]), over whatever is there.
    Put(StoreKey, SealedRecord),
    /// Removes the record, if there is one. Its bytes may stay on the disk; only the destruction
    /// of its key makes it unreadable.
    Delete(StoreKey),
}

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nothing can be read or written now; trying again may help.
    #[error("the store does not answer")]
    Unavailable(#[source] std::io::Error),
    /// What was read is not what was written.
    #[error("the store holds something that it was not given: {0}")]
    Corrupt(&'static str),
    /// The call passed a limit of this contract.
    #[error("the store was asked for too much: {0}")]
    Limit(&'static str),
}

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// An expectation does not hold. Read again.
    #[error("the record was changed meanwhile")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Longest record: an ION API file of 64 KiB, 32 KiB of certificates, and room for the envelope.
pub const RECORD_BYTES_MAX: usize = SealedRecord::BYTES_MAX;

/// Most records that one scan returns: a bound on its memory.
pub const SCAN_LIMIT_MAX: usize = 1_000;

/// Most writes in one commit: etcd takes 128 operations in a transaction by default.
pub const WRITES_MAX: usize = 64;
