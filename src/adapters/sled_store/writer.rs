//! The one thread that writes: it checks expectations, and commits in groups.
//!
//! A group is one batch, one flush and one sync, however many commits it holds. Commits of a group
//! see each other's effects; nobody else does, and nobody is answered, until the sync succeeded.
//! After a failure the thread answers everything with a refusal, and ends.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::health::{Health, StallWatch};
use super::layout;
use super::opening::Opened;
use super::records;
use super::view::{Changes, Found, View};
use super::{failed, unavailable};
use crate::ports::{CommitError, Expectation, Revision, StoreError, Stored, WRITES_MAX, Write};
use crate::sealing::StoreKey;

/// What the thread is asked to do.
pub(super) enum Job {
    Commit(Commit),
    /// Finish what was queued before, and let go of everything.
    Close(SyncSender<Result<(), StoreError>>),
}

/// One commit, within the limits of [`check_limits`].
pub(super) struct Commit {
    pub(super) expects: Vec<Expectation>,
    pub(super) writes: Vec<Write>,
    /// Length of its records.
    pub(super) bytes: usize,
    pub(super) reply: oneshot::Sender<Result<Revision, CommitError>>,
    /// Its share of the queue.
    pub(super) _room: OwnedSemaphorePermit,
}

/// Where durability is asked for.
pub(super) struct Disk {
    /// sled's log, opened by us.
    pub(super) log: File,
    pub(super) progress: File,
}

/// Refuses what passes the port's limits; returns the length of the records, none of which can be
/// too long.
pub(super) fn check_limits(expects: &[Expectation], writes: &[Write]) -> Result<usize, StoreError> {
    if writes.len() > WRITES_MAX || expects.len() > WRITES_MAX {
        return Err(StoreError::Limit("a commit of too many parts"));
    }
    let (mut keys, mut bytes) = (BTreeSet::new(), 0);
    for write in writes {
        if !keys.insert(key_of(write)) {
            return Err(StoreError::Limit("a commit that writes a key twice"));
        }
        bytes += match write {
            Write::Put(_, record) => record.as_bytes().len(),
            Write::Delete(_) => 0,
        };
    }
    Ok(bytes)
}

/// Starts the thread. It ends when it is closed, when all senders are gone, or after a failure.
pub(super) fn start(
    opened: Opened,
    view: Arc<View>,
    health: Arc<Health>,
    jobs: mpsc::Receiver<Job>,
) -> io::Result<()> {
    let watch = StallWatch::start(Arc::clone(&health), GROUP_TIME_MAX)?;
    let bytes = view.bytes();
    let writer = Writer { opened, bytes, view, health, jobs, watch };
    thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.run())?;
    Ok(())
}

struct Writer {
    /// With the last revision given out.
    opened: Opened,
    /// Length of all records that are durable.
    bytes: usize,
    view: Arc<View>,
    health: Arc<Health>,
    jobs: mpsc::Receiver<Job>,
    watch: StallWatch,
}

/// What a group has come to.
struct Group {
    changes: Changes,
    last: Revision,
    bytes: usize,
}

impl Writer {
    fn run(mut self) {
        let mut closing = None;
        while closing.is_none() && !self.health.has_failed() {
            let mut group = Vec::new();
            match self.jobs.blocking_recv() {
                Some(Job::Commit(commit)) => group.push(commit),
                Some(Job::Close(reply)) => closing = Some(Some(reply)),
                None => closing = Some(None),
            }
            let mut bytes: usize = group.iter().map(|commit| commit.bytes).sum();
            while closing.is_none() && group.len() < GROUP_COMMITS_MAX && bytes < GROUP_BYTES_MAX {
                match self.jobs.try_recv() {
                    Ok(Job::Commit(commit)) => {
                        bytes += commit.bytes;
                        group.push(commit);
                    }
                    Ok(Job::Close(reply)) => closing = Some(Some(reply)),
                    Err(_) => break,
                }
            }
            if !group.is_empty() {
                self.commit_group(group);
            }
        }
        // From here on commits are refused; what is still queued is refused when it is dropped.
        let closed = self.finish();
        if let Some(Some(reply)) = closing {
            // Who does not wait for it does not miss it.
            let _ = reply.send(closed);
        }
    }

    /// Commits a group, and answers all of it.
    fn commit_group(&mut self, commits: Vec<Commit>) {
        let mut group =
            Group { changes: Changes::new(), last: self.opened.revision, bytes: self.bytes };
        let outcomes: Vec<_> =
            commits.iter().map(|commit| self.decide(commit, &mut group)).collect();
        // Where everything was refused there is nothing to write.
        let written = if group.last == self.opened.revision {
            Ok(())
        } else {
            self.watch.over(|| self.write(&group))
        };
        match written {
            Ok(()) => {
                (self.opened.revision, self.bytes) = (group.last, group.bytes);
                self.view.reveal(group.changes);
                for (commit, outcome) in commits.into_iter().zip(outcomes) {
                    // A caller that stopped waiting is no reason to undo anything.
                    let _ = commit.reply.send(outcome);
                }
            }
            Err(error) => {
                self.health.fail("a group of commits", &error);
                for commit in commits {
                    let _ = commit.reply.send(Err(failed().into()));
                }
            }
        }
    }

    /// Checks one commit against the store and the group so far, and adds its changes.
    fn decide(&self, commit: &Commit, group: &mut Group) -> Result<Revision, CommitError> {
        let find = |key: &StoreKey| match group.changes.get(key) {
            Some(change) => change.as_ref().map(Found::of),
            None => self.view.find(key),
        };
        for Expectation { key, revision } in &commit.expects {
            if find(key).map(|found| found.revision) != *revision {
                return Err(CommitError::Conflict);
            }
        }
        let bytes_of = |key| find(key).map_or(0, |found| found.bytes);
        let replaced: usize = commit.writes.iter().map(|write| bytes_of(key_of(write))).sum();
        let Some(bytes) = bytes_after(group.bytes, replaced, commit.bytes) else {
            return Err(StoreError::Limit("the store is full").into());
        };
        let revision = Revision(group.last.0.saturating_add(1));
        (group.last, group.bytes) = (revision, bytes);
        for write in &commit.writes {
            let stored = match write {
                Write::Put(_, record) => Some(Stored { record: record.clone(), revision }),
                Write::Delete(_) => None,
            };
            group.changes.insert(key_of(write).clone(), stored);
        }
        Ok(revision)
    }

    /// Makes a group durable.
    fn write(&self, group: &Group) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, change) in &group.changes {
            let old = self.view.find(key);
            let new_pieces = match change {
                Some(Stored { record, revision }) => {
                    let (head, pieces) = records::encode(record.as_bytes(), *revision);
                    batch.insert(records::head_key(key.as_bytes()), head);
                    for (number, piece) in (0..).zip(pieces) {
                        batch.insert(records::piece_key(key, number), piece);
                    }
                    records::pieces(record.as_bytes().len())
                }
                None => {
                    batch.remove(records::head_key(key.as_bytes()));
                    0
                }
            };
            let old_pieces = old.map_or(0, |found| records::pieces(found.bytes));
            for number in new_pieces..old_pieces {
                batch.remove(records::piece_key(key, number));
            }
        }
        batch.insert(records::REVISION_KEY, group.last.0.to_be_bytes().to_vec());
        let Opened { engine, disk, .. } = &self.opened;
        engine.write(batch)?;
        disk.log.sync_data().map_err(StoreError::Unavailable)?;
        layout::note_progress(&disk.progress, group.last).map_err(StoreError::Unavailable)
    }

    /// Lets go of the engine and of the lock.
    fn finish(self) -> Result<(), StoreError> {
        let Self { opened, view, health, watch, .. } = self;
        if health.has_failed() {
            // The engine's threads may hang, and closing it would wait for them, or write again;
            // so it stays open, and the lock is kept, until the process ends.
            std::mem::forget(opened);
            return Err(failed());
        }
        view.close();
        let Opened { engine, disk, lock, .. } = opened;
        // All commits were synced when they were answered; what follows is sled's own tidying.
        let finished = watch.over(|| {
            engine.close()?;
            disk.log.sync_data().map_err(StoreError::Unavailable)?;
            disk.progress.sync_data().map_err(StoreError::Unavailable)
        });
        drop(lock);
        match finished {
            Ok(()) if health.has_failed() => Err(unavailable("closing took too long")),
            Ok(()) => Ok(()),
            Err(error) => {
                health.fail("closing", &error);
                Err(error)
            }
        }
    }
}

fn key_of(write: &Write) -> &StoreKey {
    match write {
        Write::Put(key, _) | Write::Delete(key) => key,
    }
}

/// Length of all records once `added` stands in the place of `replaced`; `None` if the store has no
/// room for it. One that is too full may still shrink.
fn bytes_after(now: usize, replaced: usize, added: usize) -> Option<usize> {
    let bytes = now.saturating_sub(replaced).saturating_add(added);
    (bytes <= STORE_BYTES_MAX || bytes <= now).then_some(bytes)
}

/// Most bytes of records that a store takes. All of them lie in memory, too, and are copied and
/// read once at each start.
const STORE_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Most commits in a group: more would make the first of them wait without gaining a sync.
const GROUP_COMMITS_MAX: usize = 128;

/// A group with this many bytes of records takes no further commit.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// A group that takes longer counts as a failed write. Disks in a cloud pause for some seconds
/// when they move; a minute is no pause.
pub(super) const GROUP_TIME_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_store_may_shrink_and_not_grow() {
        assert_eq!(bytes_after(0, 0, STORE_BYTES_MAX), Some(STORE_BYTES_MAX));
        assert_eq!(bytes_after(STORE_BYTES_MAX, 0, 1), None);
        assert_eq!(bytes_after(STORE_BYTES_MAX, 1, 1), Some(STORE_BYTES_MAX));
        assert_eq!(bytes_after(STORE_BYTES_MAX + 9, 5, 4), Some(STORE_BYTES_MAX + 8));
        assert_eq!(bytes_after(STORE_BYTES_MAX + 9, 4, 5), None);
    }
}
