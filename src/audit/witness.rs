//! Telling checkpoints to somebody else, so that whoever cuts the end off, or puts an older copy in
//! the log's place, contradicts what is known elsewhere.
//!
//! Each witness has a task of its own beside the commits. One that does not answer holds up nobody,
//! and nothing queues up for it: whenever it is told something, that is the newest checkpoint.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::checkpoint::SignedCheckpoint;
use crate::ports::{CheckpointNote, Clock, NotWitnessed, Witness};

/// Tells each new checkpoint until `ended`, and then the last, for [`END_TIME_MAX`] at most.
pub(super) async fn tell(
    witnesses: Vec<Arc<dyn Witness>>,
    checkpoints: &watch::Receiver<Arc<SignedCheckpoint>>,
    clock: &Arc<dyn Clock>,
    ended: &CancellationToken,
) {
    let mut tasks = JoinSet::new();
    for witness in witnesses {
        let telling = Telling {
            witness,
            checkpoints: checkpoints.clone(),
            clock: Arc::clone(clock),
            ended: ended.clone(),
        };
        tasks.spawn(telling.run());
    }
    ended.cancelled().await;
    let all_told = async { while tasks.join_next().await.is_some() {} };
    if timeout(END_TIME_MAX, all_told).await.is_err() {
        tracing::warn!(
            "a witness did not take the last checkpoint in time: the next start tells it"
        );
    }
}

/// What one witness is told.
struct Telling {
    witness: Arc<dyn Witness>,
    checkpoints: watch::Receiver<Arc<SignedCheckpoint>>,
    clock: Arc<dyn Clock>,
    ended: CancellationToken,
}

impl Telling {
    async fn run(mut self) {
        // The first of this process may have been made by one that did not come to telling it.
        self.checkpoints.mark_changed();
        let mut failures = 0;
        while self.news().await {
            let last_try = self.ended.is_cancelled();
            let checkpoint = Arc::clone(&*self.checkpoints.borrow_and_update());
            if self.told(&checkpoint).await {
                failures = 0;
            } else if last_try {
                return;
            } else {
                self.checkpoints.mark_changed();
                self.pause(failures).await;
                failures += 1;
            }
        }
    }

    /// Waits until there is something to tell; `false` if there will be nothing more.
    async fn news(&mut self) -> bool {
        tokio::select! {
            biased;
            changed = self.checkpoints.changed() => changed.is_ok(),
            () = self.ended.cancelled() => false,
        }
    }

    /// Whether the witness has it now.
    async fn told(&self, checkpoint: &SignedCheckpoint) -> bool {
        let SignedCheckpoint { note, size, root, kept_from: _ } = checkpoint;
        let name = self.witness.name();
        let note = CheckpointNote { size: *size, root: *root, text: note };
        let error = match timeout(TELL_TIME_MAX, self.witness.tell(note)).await {
            Ok(Ok(())) => {
                self.note_told(*size);
                return true;
            }
            Ok(Err(error)) => error,
            Err(_elapsed) => NotWitnessed::TooLate,
        };
        let error: &(dyn std::error::Error + 'static) = &error;
        counter!("ionvault_audit_witness_failures_total", "witness" => name).increment(1);
        tracing::warn!(witness = name, size, error, "a witness did not take a checkpoint");
        false
    }

    fn note_told(&self, size: u64) {
        let name = self.witness.name();
        let now = self.clock.now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        gauge!("ionvault_audit_witness_size", "witness" => name).set(size as f64);
        gauge!("ionvault_audit_witness_time_seconds", "witness" => name).set(now.as_secs_f64());
    }

    /// Leaves a witness alone that does not answer, the longer the more often it did not; until the
    /// end, which has one more try.
    async fn pause(&self, failures: u32) {
        let doubled = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(failures));
        tokio::select! {
            () = self.ended.cancelled() => {}
            () = sleep(doubled.min(PAUSE_MAX)) => {}
        }
    }
}

/// How long one witness may take for one checkpoint. An HTTPS request ends by itself in ten seconds.
const TELL_TIME_MAX: Duration = Duration::from_secs(15);

/// How long the end of the process waits for witnesses, whatever they do.
const END_TIME_MAX: Duration = Duration::from_secs(5);

/// The first pause after a failure.
const PAUSE_MIN: Duration = Duration::from_secs(1);

/// The longest: soon enough for an alert that waits for some minutes, rare enough for a log.
const PAUSE_MAX: Duration = Duration::from_secs(60);
