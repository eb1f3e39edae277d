//! A wall clock that stands still until it is moved.

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
