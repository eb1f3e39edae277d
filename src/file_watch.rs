//! Tells when files that an operator may replace were replaced: certificates, policies, keys.
//!
//! The directories are watched, not the files: editors and package managers rename a new file over
//! the old one, and Kubernetes swaps a symbolic link beside it (`..data`). Where the system tells
//! nothing, as for network file systems and for directories that were themselves replaced, a look
//! from time to time finds the change.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::warn;

/// Watches some files for as long as it lives.
pub struct FileWatch {
    files: Vec<PathBuf>,
    seen: Vec<Option<Stamp>>,
    /// That something happened in one of the directories; however much, it is told once.
    events: Arc<Notify>,
    poll: Duration,
    _watcher: Option<RecommendedWatcher>,
}

/// What changes when a file becomes another one: device, inode, length, and the times of its last
/// modification and change of status. `None`: there is no such file, or it may not be looked at.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

impl FileWatch {
    /// Watches from now on. Whoever makes it before reading the files misses no change.
    ///
    /// Where the system cannot tell of changes, that is logged, and only looks find them.
    #[must_use]
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self::polling(files, POLL)
    }

    fn polling(files: impl IntoIterator<Item = PathBuf>, poll: Duration) -> Self {
        let files: Vec<_> = files.into_iter().collect();
        let events = Arc::<Notify>::default();
        let watcher = watch(&files, &events)
            .inspect_err(|error| {
                let seconds = poll.as_secs();
                warn!(%error, seconds, "changes of files are found only by looking at times");
            })
            .ok();
        let seen = files.iter().map(|file| stamp(file)).collect();
        Self { files, seen, events, poll, _watcher: watcher }
    }

    /// Waits until at least one of the files is another one than at the last time. Who reads it then
    /// may still find it half-written; the rest of it is another change.
    ///
    /// Dropping the future misses nothing.
    pub async fn changed(&mut self) {
        loop {
            // Elapsed is as good a reason to look.
            let told = timeout(self.poll, self.events.notified()).await.is_ok();
            if told {
                self.settle().await;
            }
            let found: Vec<_> = self.files.iter().map(|file| stamp(file)).collect();
            if found != self.seen {
                self.seen = found;
                return;
            }
        }
    }

    /// Replacing a certificate and its key takes several steps; most are over within this.
    async fn settle(&self) {
        let last = Instant::now() + SETTLING_MAX;
        loop {
            let quiet = (Instant::now() + QUIET).min(last);
            if timeout_at(quiet, self.events.notified()).await.is_err() {
                return;
            }
        }
    }
}

fn watch(files: &[PathBuf], events: &Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let events = events.clone();
    // Errors count as well: whatever was lost, a look finds it.
    let mut watcher = notify::recommended_watcher(move |_event| events.notify_one())?;
    let directories: BTreeSet<_> = files.iter().map(|file| directory(file)).collect();
    for directory in directories {
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn stamp(file: &Path) -> Option<Stamp> {
    let found = fs::metadata(file).ok()?;
    Some((
        found.dev(),
        found.ino(),
        found.len(),
        (found.mtime(), found.mtime_nsec()),
        (found.ctime(), found.ctime_nsec()),
    ))
}

/// A safety net: late enough to cost nothing, soon enough for a certificate that ends today.
const POLL: Duration = Duration::from_secs(60);

/// Nothing more happens for this long once a set of files has been replaced.
const QUIET: Duration = Duration::from_millis(100);

/// A directory in which something happens all the time must not keep a change back.
const SETTLING_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::pin::pin;

    use super::*;

    /// Finds nothing by looking: only what the system tells counts.
    fn told_of(files: impl IntoIterator<Item = PathBuf>) -> FileWatch {
        FileWatch::polling(files, Duration::from_secs(365 * 24 * 60 * 60))
    }

    #[tokio::test]
    async fn every_way_to_replace_a_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("a"), "first").unwrap();
        let mut watch = told_of([path("a"), path("b")]);
        fs::write(path("a"), "written into").unwrap();
        watch.changed().await;
        fs::write(path("new"), "renamed over").unwrap();
        fs::rename(path("new"), path("a")).unwrap();
        watch.changed().await;
        fs::remove_file(path("a")).unwrap();
        watch.changed().await;
        fs::write(path("b"), "made anew").unwrap();
        watch.changed().await;
    }

    /// As Kubernetes mounts a secret: `tls.crt` → `..data/tls.crt`, `..data` → `..1`.
    #[tokio::test]
    async fn a_link_that_is_swapped_beside_the_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for version in ["..1", "..2"] {
            fs::create_dir(path(version)).unwrap();
            fs::write(path(version).join("tls.crt"), version).unwrap();
        }
        symlink("..1", path("..data")).unwrap();
        symlink("..data/tls.crt", path("tls.crt")).unwrap();
        let mut watch = told_of([path("tls.crt")]);
        symlink("..2", path("..data_tmp")).unwrap();
        fs::rename(path("..data_tmp"), path("..data")).unwrap();
        watch.changed().await;
        assert_eq!(fs::read_to_string(path("tls.crt")).unwrap(), "..2");
    }

    /// Time is ours here: whenever nothing else can happen, the next look is due.
    #[tokio::test(start_paused = true)]
    async fn what_the_system_does_not_tell_is_found_by_looking() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deeper/file");
        // There is no directory to watch yet.
        let mut watch = FileWatch::new([file.clone()]);
        fs::create_dir(dir.path().join("deeper")).unwrap();
        fs::write(&file, "made").unwrap();
        watch.changed().await;
        fs::write(&file, "written again").unwrap();
        watch.changed().await;
    }

    #[tokio::test(start_paused = true)]
    async fn other_files_wake_nobody_and_nothing_is_missed_by_who_gave_up_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("a"), "first").unwrap();
        let mut watch = FileWatch::new([path("a")]);
        fs::write(path("other"), "somebody else's").unwrap();
        {
            let mut changed = pin!(watch.changed());
            let waited = timeout(10 * POLL, &mut changed).await;
            waited.expect_err("nothing of ours changed");
            fs::write(path("a"), "changed").unwrap();
        }
        watch.changed().await;
    }
}
