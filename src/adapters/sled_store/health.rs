//! Whether the store still acknowledges writes, and the watch over a writer that hangs.

use std::fmt::Display;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

/// Whether a store can be relied on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreHealth {
    /// It acknowledges writes.
    Working,
    /// A write or sync failed or hung. Nothing is acknowledged any more, until the process was
    /// started again; reads go on.
    Failed,
}

/// Remembers the first failure, for ever.
pub(super) struct Health(watch::Sender<StoreHealth>);

impl Health {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(StoreHealth::Working))
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<StoreHealth> {
        self.0.subscribe()
    }

    pub(super) fn has_failed(&self) -> bool {
        *self.0.borrow() == StoreHealth::Failed
    }

    /// Stops all acknowledgements; the first failure is logged.
    pub(super) fn fail(&self, what: &'static str, cause: &dyn Display) {
        self.0.send_if_modified(|health| {
            if *health == StoreHealth::Failed {
                return false;
            }
            tracing::error!(%cause, "the store failed and takes no more writes: {what}");
            *health = StoreHealth::Failed;
            true
        });
    }
}

/// Counts a piece of work that takes longer than a limit as a failure. sled's threads can panic
/// or wait for each other, and then `flush` never returns.
pub(super) struct StallWatch(SyncSender<Mark>);

enum Mark {
    Begin,
    End,
}

impl StallWatch {
    /// Starts the thread that watches.
    pub(super) fn start(health: Arc<Health>, limit: Duration) -> io::Result<Self> {
        let (marks, seen) = sync_channel(MARKS_MAX);
        thread::Builder::new()
            .name("store-watch".to_owned())
            .spawn(move || watch_for_stalls(&seen, &health, limit))?;
        Ok(Self(marks))
    }

    /// Does `work` under the watch.
    pub(super) fn over<T>(&self, work: impl FnOnce() -> T) -> T {
        // The watcher only ends before its sender if it has reported a failure.
        let _ = self.0.send(Mark::Begin);
        let result = work();
        let _ = self.0.send(Mark::End);
        result
    }
}

fn watch_for_stalls(seen: &Receiver<Mark>, health: &Health, limit: Duration) {
    while seen.recv().is_ok() {
        if let Err(RecvTimeoutError::Timeout) = seen.recv_timeout(limit) {
            health.fail("a write hangs", &format_args!("no end after {} s", limit.as_secs()));
            return;
        }
    }
}

/// A begin and an end, so that the writer never waits for the watcher.
const MARKS_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_hangs_is_reported_while_it_hangs() {
        let health = Arc::new(Health::new());
        let mut seen = health.subscribe();
        let watch = StallWatch::start(Arc::clone(&health), Duration::from_millis(20)).unwrap();
        let (release, hang) = std::sync::mpsc::channel::<()>();
        let worker = thread::spawn(move || watch.over(|| hang.recv()));
        seen.changed().await.unwrap();
        assert_eq!(*seen.borrow(), StoreHealth::Failed);
        release.send(()).unwrap();
        worker.join().unwrap().unwrap();
    }

    #[test]
    fn work_that_ends_is_no_failure() {
        let health = Arc::new(Health::new());
        let watch = StallWatch::start(Arc::clone(&health), Duration::from_secs(3_600)).unwrap();
        for _ in 0..100 {
            watch.over(|| ());
        }
        assert!(!health.has_failed());
    }

    #[test]
    fn only_the_first_failure_is_told() {
        let health = Health::new();
        let mut seen = health.subscribe();
        health.fail("first", &"cause");
        assert!(seen.has_changed().unwrap());
        seen.mark_unchanged();
        health.fail("second", &"cause");
        assert!(!seen.has_changed().unwrap());
    }
}
