//! What is to be done when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Things by the moment at which they are to be done. Whoever enters them bounds them.
pub(super) struct Schedule<T> {
    due: Mutex<Due<T>>,
    sooner: Notify,
}

struct Due<T> {
    entries: BinaryHeap<Reverse<Entry<T>>>,
    entered: u64,
}

/// Ordered by time, then by when they were entered, so that it is repeatable.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Entry<T>(Instant, u64, T);

impl<T: Ord> Schedule<T> {
    pub(super) fn new() -> Self {
        let due = Due { entries: BinaryHeap::new(), entered: 0 };
        Self { due: Mutex::new(due), sooner: Notify::new() }
    }

    /// How much is to be done.
    pub(super) fn len(&self) -> usize {
        self.due().entries.len()
    }

    pub(super) fn enter(&self, at: Instant, thing: T) {
        let mut due = self.due();
        due.entered += 1;
        let entry = Entry(at, due.entered, thing);
        let first = due.entries.peek().is_none_or(|Reverse(first)| entry < *first);
        due.entries.push(Reverse(entry));
        drop(due);
        if first {
            self.sooner.notify_one();
        }
    }

    /// Waits for the next thing that is due, and takes it out.
    pub(super) async fn next(&self) -> T {
        loop {
            let sooner = self.sooner.notified();
            let first = match self.due().entries.peek() {
                Some(Reverse(Entry(at, ..))) if *at <= Instant::now() => None,
                Some(Reverse(Entry(at, ..))) => Some(Some(*at)),
                None => Some(None),
            };
            match first {
                None => {
                    if let Some(Reverse(Entry(.., thing))) = self.due().entries.pop() {
                        return thing;
                    }
                }
                Some(Some(at)) => tokio::select! {
                    biased;
                    () = sooner => {}
                    () = sleep_until(at) => {}
                },
                Some(None) => sooner.await,
            }
        }
    }

    fn due(&self) -> std::sync::MutexGuard<'_, Due<T>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn things_come_when_they_are_due_in_order() {
        let (schedule, now) = (Schedule::new(), Instant::now());
        let second = Duration::from_secs(1);
        schedule.enter(now + 3 * second, 3);
        schedule.enter(now + second, 9);
        schedule.enter(now + second, 1);
        for expected in [9, 1, 3] {
            assert_eq!(schedule.next().await, expected);
        }
        assert_eq!(now.elapsed(), 3 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_thing_that_is_due_sooner_wakes_who_waits() {
        let (schedule, now) = (Schedule::new(), Instant::now());
        schedule.enter(now + Duration::from_secs(100), 1);
        let (first, ()) = tokio::join!(schedule.next(), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            schedule.enter(now + Duration::from_secs(2), 2);
        });
        assert_eq!((first, now.elapsed()), (2, Duration::from_secs(2)));
    }
}
