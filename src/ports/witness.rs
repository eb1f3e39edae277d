//! Who else keeps the checkpoints of the audit log.

use std::io;

use async_trait::async_trait;

/// A place outside that is told each checkpoint, so that a log whose end was cut off, or in whose
/// place an older copy was put, contradicts what is known there.
#[async_trait]
pub trait Witness: Send + Sync {
    /// For logs and metrics: one word, the same for every witness of a kind.
    fn name(&self) -> &'static str;

    /// Returns `Ok` once it is kept there. It may take for ever: whoever calls has a bound. When the
    /// future is dropped, the checkpoint may be kept there or not.
    async fn tell(&self, checkpoint: CheckpointNote<'_>) -> Result<(), NotWitnessed>;
}

/// A checkpoint as others may see it.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointNote<'a> {
    /// How many records it covers.
    pub size: u64,
    /// The root of their tree.
    pub root: [u8; 32],
    /// The signed note, which says both.
    pub text: &'a str,
}

/// Why a witness does not keep a checkpoint. Retrying may help.
#[derive(Debug, thiserror::Error)]
pub enum NotWitnessed {
    /// It took longer than whoever asked would wait.
    #[error("it did not answer in time")]
    TooLate,
    /// The file could not be written.
    #[error("the file could not be written")]
    File(#[from] io::Error),
    /// The server was not reached, or its answer is none.
    #[error("the server was not told: {0}")]
    Unreachable(&'static str),
    /// The server answered otherwise than with 2xx.
    #[error("the server does not take it: it answered with status {0}")]
    Refused(u16),
}
