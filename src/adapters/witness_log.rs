//! The program's own log, which usually leaves the machine at once.

use async_trait::async_trait;

use crate::ports::{CheckpointNote, NotWitnessed, Witness};

/// Writes checkpoints to the log, as the field `checkpoint`.
pub struct WitnessLog;

#[async_trait]
impl Witness for WitnessLog {
    fn name(&self) -> &'static str {
        "log"
    }

    async fn tell(&self, checkpoint: CheckpointNote<'_>) -> Result<(), NotWitnessed> {
        tracing::info!(checkpoint = checkpoint.text, "the audit log has a new checkpoint");
        Ok(())
    }
}
