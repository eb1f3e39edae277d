//! When which token is to be renewed ahead of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::model::AccountId;

/// The accounts whose tokens are used, by the moment at which they are to be renewed.
///
/// Bounded by the accounts themselves: each has one place at most (see `Slot::take_schedule`).
#[derive(Default)]
pub(super) struct Schedule {
    due: Mutex<Due>,
    sooner: Notify,
}

#[derive(Default)]
struct Due {
    entries: BinaryHeap<Reverse<Entry>>,
    entered: u64,
}

/// Ordered by time, then by when they were entered, so that it is repeatable.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Entry(Instant, u64, AccountId);

impl Schedule {
    pub(super) fn enter(&self, at: Instant, account: AccountId) {
        let mut due = self.due();
        due.entered += 1;
        let entry = Entry(at, due.entered, account);
        let first = due.entries.peek().is_none_or(|Reverse(first)| entry < *first);
        due.entries.push(Reverse(entry));
        drop(due);
        if first {
            self.sooner.notify_one();
        }
    }

    /// Waits for the next account that is due, and takes it out.
    pub(super) async fn next(&self) -> AccountId {
        loop {
            let sooner = self.sooner.notified();
            let first = match self.due().entries.peek() {
                Some(Reverse(Entry(at, ..))) if *at <= Instant::now() => None,
                Some(Reverse(Entry(at, ..))) => Some(Some(*at)),
                None => Some(None),
            };
            match first {
                None => {
                    if let Some(Reverse(Entry(.., account))) = self.due().entries.pop() {
                        return account;
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

    fn due(&self) -> std::sync::MutexGuard<'_, Due> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn account(number: u8) -> AccountId {
        AccountId([number; 32])
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_come_when_they_are_due_in_order() {
        let (schedule, now) = (Schedule::default(), Instant::now());
        let second = Duration::from_secs(1);
        schedule.enter(now + 3 * second, account(3));
        schedule.enter(now + second, account(9));
        schedule.enter(now + second, account(1));
        for expected in [9, 1, 3] {
            assert_eq!(schedule.next().await, account(expected));
        }
        assert_eq!(now.elapsed(), 3 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_is_due_sooner_wakes_who_waits() {
        let (schedule, now) = (Schedule::default(), Instant::now());
        schedule.enter(now + Duration::from_secs(100), account(1));
        let (first, ()) = tokio::join!(schedule.next(), async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            schedule.enter(now + Duration::from_secs(2), account(2));
        });
        assert_eq!((first, now.elapsed()), (account(2), Duration::from_secs(2)));
    }
}
