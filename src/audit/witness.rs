//! Telling checkpoints to somebody else, so that whoever cuts the end off, or puts an older copy in
//! the log's place, contradicts what is known elsewhere.
//!
//! A witness that does not answer holds up nobody: it hears of the newest checkpoint when it is
//! back. It is told beside the commits, not within.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use metrics::counter;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::checkpoint::SignedCheckpoint;

/// Where checkpoints are told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Witnesses {
    /// A directory, which should lie on another machine: one file for each checkpoint, named after
    /// its size and root. It must exist.
    pub directory: Option<PathBuf>,
    /// The log, as the field `checkpoint`.
    pub log: bool,
}

/// Tells each new checkpoint, until `ended`, and then the last.
pub(super) async fn tell(
    witnesses: &Witnesses,
    mut checkpoints: watch::Receiver<Arc<SignedCheckpoint>>,
    ended: &CancellationToken,
) {
    // The first of this process may have been made by one that did not come to telling it.
    checkpoints.mark_changed();
    loop {
        let changed = tokio::select! {
            biased;
            changed = checkpoints.changed() => changed.is_ok(),
            () = ended.cancelled() => false,
        };
        if !changed {
            return;
        }
        let checkpoint = Arc::clone(&*checkpoints.borrow_and_update());
        if witnesses.log {
            tracing::info!(checkpoint = checkpoint.note, "the audit log has a new checkpoint");
        }
        if let Some(directory) = witnesses.directory.clone() {
            let written = tokio::task::spawn_blocking(move || write(&directory, &checkpoint)).await;
            if let Err(error) = written.unwrap_or_else(|error| Err(io::Error::other(error))) {
                counter!("ionvault_audit_witness_failures_total").increment(1);
                tracing::warn!(%error, "a checkpoint could not be written to the witness directory");
            }
        }
    }
}

/// Whatever interrupts this, the file is there whole, or not at all. The name has the root in it: two
/// histories of one log do not overwrite each other's traces.
fn write(directory: &Path, checkpoint: &SignedCheckpoint) -> io::Result<()> {
    let root = data_encoding::HEXLOWER.encode(&checkpoint.root);
    let name = format!("{:020}-{root}.checkpoint", checkpoint.size);
    let new = directory.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o644).open(&new)?;
    file.write_all(checkpoint.note.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, directory.join(name))?;
    fs::File::open(directory)?.sync_all()
}
