//! A wall clock that stands still until it is moved; and how the runtime's clock is made to.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime};

use ionvault::ports::Clock;

pub(crate) struct ManualClock {
    now: Mutex<SystemTime>,
    hold: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

impl ManualClock {
    /// Some moment in 2026.
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        Self { now: Mutex::new(now), hold: Mutex::default() }
    }

    /// Moves it.
    pub(crate) fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }

    /// Sets it back.
    pub(crate) fn set_back(&self, by: Duration) {
        *self.now.lock().unwrap() -= by;
    }

    /// Holds whoever looks next: that it looks is heard at the first end, and a word to the second
    /// lets it go on.
    pub(crate) fn hold_next(&self) -> (Receiver<()>, Sender<()>) {
        let ((looks, heard), (word, go_on)) = (channel(), channel());
        *self.hold.lock().unwrap() = Some((looks, go_on));
        (heard, word)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        let hold = self.hold.lock().unwrap().take();
        if let Some((looks, go_on)) = hold {
            looks.send(()).unwrap();
            go_on.recv().unwrap();
        }
        *self.now.lock().unwrap()
    }
}

/// The runtime's clock, once paused, does not go on to the next timer as long as this is held, even
/// if everything waits for the kernel.
pub(crate) fn no_time_passes() -> Sender<()> {
    let (held, let_go) = channel();
    // Tokio lets no time pass while such a task is at work.
    tokio::task::spawn_blocking(move || let_go.recv());
    held
}
