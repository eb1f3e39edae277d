//! The one thread that writes: it checks expectations, and commits in groups.
//!
//! A group is one batch, one flush and one sync, however many commits it holds. Commits of a group
//! see each other's effects; nobody else does, and nobody is answered, until the sync succeeded.
//! After a failure the thread answers everything with a refusal, and ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::health::{Health, StallWatch};
use super::layout;
use super::records;
use super::view::{Before, View};
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
        let (key, length) = match write {
            Write::Put(key, record) => (key, record.as_bytes().len()),
            Write::Delete(key) => (key, 0),
        };
        if !keys.insert(key) {
            return Err(StoreError::Limit("a commit that writes a key twice"));
        }
        bytes += length;
    }
    Ok(bytes)
}

/// Starts the thread. It ends when it is closed, when all senders are gone, or after a failure.
pub(super) fn start(
    view: Arc<View>,
    health: Arc<Health>,
    disk: Disk,
    last: Revision,
    jobs: mpsc::Receiver<Job>,
) -> io::Result<()> {
    let watch = StallWatch::start(Arc::clone(&health), GROUP_TIME_MAX)?;
    let writer = Writer { view, health, disk, last, jobs, watch };
    thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.run())?;
    Ok(())
}

struct Writer {
    view: Arc<View>,
    health: Arc<Health>,
    disk: Disk,
    /// The last revision given out.
    last: Revision,
    jobs: mpsc::Receiver<Job>,
    watch: StallWatch,
}

/// What a group will have changed: the newest record of each key, `None` where it is deleted.
type Changes = BTreeMap<StoreKey, Option<Stored>>;

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
            self.commit_group(group);
        }
        self.jobs.close();
        let closed = self.finish();
        if let Some(Some(reply)) = closing {
            // Who does not wait for it does not miss it.
            let _ = reply.send(closed);
        }
        // Dropping the receiver answers all that is still queued with a refusal.
    }

    /// Commits a group, and answers all of it.
    fn commit_group(&mut self, group: Vec<Commit>) {
        if group.is_empty() {
            return;
        }
        let mut changes = Changes::new();
        let mut last = self.last;
        let mut outcomes = Vec::with_capacity(group.len());
        for commit in &group {
            let next = Revision(last.0.saturating_add(1));
            let outcome = self.decide(commit, next, &mut changes);
            if outcome.is_ok() {
                last = next;
            }
            outcomes.push(outcome);
        }
        // Where everything was refused there is nothing to write.
        let written =
            if last == self.last { Ok(()) } else { self.watch.over(|| self.write(&changes, last)) };
        let written = written.and_then(|()| {
            // Another part of the store may have failed meanwhile, or the watch given up.
            if self.health.has_failed() { Err(failed()) } else { Ok(()) }
        });
        match written {
            Ok(()) => {
                self.last = last;
                self.view.reveal();
                for (commit, outcome) in group.into_iter().zip(outcomes) {
                    // A caller that stopped waiting is no reason to undo anything.
                    let _ = commit.reply.send(outcome);
                }
            }
            Err(error) => {
                self.health.fail("a group of commits", &error);
                for commit in group {
                    let _ = commit.reply.send(Err(failed().into()));
                }
            }
        }
    }

    /// Checks one commit against the store and the group so far, and adds its changes.
    fn decide(
        &self,
        commit: &Commit,
        revision: Revision,
        changes: &mut Changes,
    ) -> Result<Revision, CommitError> {
        for Expectation { key, revision } in &commit.expects {
            let found = match changes.get(key) {
                Some(change) => change.as_ref().map(|stored| stored.revision),
                None => self.view.newest(key)?.map(|stored| stored.revision),
            };
            if found != *revision {
                return Err(CommitError::Conflict);
            }
        }
        for write in &commit.writes {
            match write {
                Write::Put(key, record) => {
                    let stored = Stored { record: record.clone(), revision };
                    changes.insert(key.clone(), Some(stored));
                }
                Write::Delete(key) => {
                    changes.insert(key.clone(), None);
                }
            }
        }
        Ok(revision)
    }

    /// Makes the changes durable.
    fn write(&self, changes: &Changes, last: Revision) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        let mut before = Before::new();
        for (key, change) in changes {
            let old = self.view.newest(key)?;
            let old_pieces = old.as_ref().map_or(0, pieces_of);
            let new_pieces = change.as_ref().map_or(0, pieces_of);
            match change {
                Some(Stored { record, revision }) => {
                    let (head, pieces) = records::encode(record.as_bytes(), *revision);
                    batch.insert(records::head_key(key.as_bytes()), head);
                    for (number, piece) in (0..).zip(pieces) {
                        batch.insert(records::piece_key(key, number), piece);
                    }
                }
                None if old.is_some() => batch.remove(records::head_key(key.as_bytes())),
                None => {}
            }
            for number in new_pieces..old_pieces {
                batch.remove(records::piece_key(key, number));
            }
            before.insert(key.clone(), old);
        }
        batch.insert(records::REVISION_KEY, last.0.to_be_bytes().to_vec());
        self.view.apply(batch, before)?;
        self.view.flush()?;
        self.disk.log.sync_data().map_err(StoreError::Unavailable)?;
        layout::note_progress(&self.disk.progress, last).map_err(StoreError::Unavailable)
    }

    /// Lets go of the engine, unless it failed.
    fn finish(&self) -> Result<(), StoreError> {
        if self.health.has_failed() {
            self.view.abandon();
            return Err(failed());
        }
        // All commits were synced when they were answered; what follows is sled's own tidying.
        let finished = self.watch.over(|| {
            self.view.close()?;
            self.disk.log.sync_data().map_err(StoreError::Unavailable)?;
            self.disk.progress.sync_data().map_err(StoreError::Unavailable)
        });
        match finished {
            Ok(()) if self.health.has_failed() => Err(unavailable("closing took too long")),
            Ok(()) => Ok(()),
            Err(error) => {
                self.health.fail("closing", &error);
                Err(error)
            }
        }
    }
}

fn pieces_of(stored: &Stored) -> u16 {
    records::pieces(stored.record.as_bytes().len())
}

/// Most commits in a group: more would make the first of them wait without gaining a sync.
const GROUP_COMMITS_MAX: usize = 128;

/// A group with this many bytes of records takes no further commit.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// A group that takes longer counts as a failed write. Disks in a cloud pause for some seconds
/// when they move; a minute is no pause.
pub(super) const GROUP_TIME_MAX: Duration = Duration::from_secs(60);
