//! A directory in which checkpoints are kept.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};

use crate::ports::{CheckpointNote, NotWitnessed, Witness};

/// One file for each checkpoint, in a directory that must exist, and should lie on another machine.
pub struct WitnessDirectory {
    dir: PathBuf,
    /// Held while a file is written, however long that takes, so that no more than one thread waits
    /// for a directory that does not answer.
    turn: Arc<Semaphore>,
}

impl WitnessDirectory {
    /// Nothing is written before a checkpoint is told.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, turn: Arc::new(Semaphore::new(1)) }
    }
}

#[async_trait]
impl Witness for WitnessDirectory {
    fn name(&self) -> &'static str {
        "directory"
    }

    async fn tell(&self, checkpoint: CheckpointNote<'_>) -> Result<(), NotWitnessed> {
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(io::Error::other)?;
        let name = file_name(&checkpoint);
        let (dir, text) = (self.dir.clone(), checkpoint.text.to_owned());
        let (done, written) = oneshot::channel();
        // A thread of its own: the runtime would wait at its end for one of its own that hangs in a
        // network file system, and the process could not stop.
        thread::Builder::new().name("witness".to_owned()).spawn(move || {
            let result = write(&dir, &name, &text);
            drop(turn);
            // Whoever asked may have given up.
            let _given_up = done.send(result);
        })?;
        Ok(written.await.map_err(io::Error::other)??)
    }
}

/// Sorted by name, checkpoints are sorted by size. The name has the root in it: two histories of one
/// log do not overwrite each other's traces.
fn file_name(checkpoint: &CheckpointNote<'_>) -> String {
    let root = data_encoding::HEXLOWER.encode(&checkpoint.root);
    format!("{:020}-{root}.checkpoint", checkpoint.size)
}

/// Whatever interrupts this, the file is there whole, or not at all.
fn write(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let new = dir.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o644).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, dir.join(name))?;
    fs::File::open(dir)?.sync_all()
}
