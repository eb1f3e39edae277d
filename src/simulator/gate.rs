//! Holds token requests until a test has seen enough of them: an event, not a pause.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Open unless closed.
pub(super) struct Gate {
    closed: watch::Sender<bool>,
    waiting: watch::Sender<usize>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { closed: watch::Sender::new(false), waiting: watch::Sender::new(0) }
    }

    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(super) fn open(&self) {
        self.closed.send_replace(false);
    }

    /// Returns when the gate is open; `false` if it did not open in [`HOLD_TIME_MAX`].
    pub(super) async fn pass(&self) -> bool {
        let mut closed = self.closed.subscribe();
        if !*closed.borrow_and_update() {
            return true;
        }
        let _waiting = Waiting::new(&self.waiting);
        matches!(timeout(HOLD_TIME_MAX, closed.wait_for(|closed| !closed)).await, Ok(Ok(_)))
    }

    pub(super) async fn until_waiting(&self, count: usize) {
        // An error would mean that the sender is gone, and it lives in `self`.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting >= count).await;
    }
}

/// One request that waits; it counts until it is dropped, by an answer or by a lost connection.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

/// A forgotten `release` must not hold a connection for ever.
const HOLD_TIME_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_gate_that_nobody_opens_gives_up() {
        let gate = Gate::new();
        assert!(gate.pass().await);
        gate.close();
        assert!(!gate.pass().await);
    }

    #[tokio::test]
    async fn those_who_wait_are_counted_until_the_gate_opens() {
        let gate = Gate::new();
        gate.close();
        let open = async {
            gate.until_waiting(2).await;
            gate.open();
        };
        let (first, second, ()) = tokio::join!(gate.pass(), gate.pass(), open);
        assert!(first && second);
        assert_eq!(*gate.waiting.borrow(), 0);
    }
}
