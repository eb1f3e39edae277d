//! One authorization server: how many may ask it at a time, and whether to ask it at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::breaker::{Breaker, Health, Ticket};
use super::{Common, RefreshRotation};

/// See the module. The breaker's lock is held for a few instructions, never across an `.await`.
pub(in crate::tokens) struct Server {
    /// Its URL, as the log names it.
    name: String,
    rotation: Option<RefreshRotation>,
    /// Everyone at this server, at work or waiting.
    room: Arc<Semaphore>,
    /// Everyone at work at this server.
    places: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
    common: Arc<Common>,
}

/// Why this server is not asked now.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("the authorization server is not asked now: {why}")]
pub struct NotNow {
    /// When to try again.
    pub retry_after: Duration,
    /// The cause.
    pub why: Why,
}

/// See [`NotNow`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Why {
    /// It failed too often just now.
    #[error("its last answers were failures")]
    Open,
    /// Too many wait for it.
    #[error("too many requests wait for it")]
    Crowded,
}

/// The right to make one request; goes back when dropped.
#[must_use]
pub(in crate::tokens) struct Passage {
    server: Arc<Server>,
    ticket: Ticket,
    told: bool,
    _places: [OwnedSemaphorePermit; 3],
}

impl Server {
    pub(super) fn new(name: &str, common: &Arc<Common>) -> Self {
        Self {
            name: name.to_owned(),
            rotation: common.settings.rotation(name),
            room: Arc::new(Semaphore::new(PLACES + QUEUE_MAX)),
            places: Arc::new(Semaphore::new(PLACES)),
            breaker: Mutex::default(),
            common: Arc::clone(common),
        }
    }

    /// What it does with refresh tokens, if the operator settled it.
    pub(in crate::tokens) fn configured_rotation(&self) -> Option<RefreshRotation> {
        self.rotation
    }

    /// Waits for a place at this server, then for one of the places that all servers share: a slow
    /// server takes from the others what it may hold at most, whoever waits for it.
    ///
    /// May be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`NotNow`], at once or after the wait.
    pub(in crate::tokens) async fn enter(self: &Arc<Self>) -> Result<Passage, NotNow> {
        let open = |retry_after| NotNow { retry_after, why: Why::Open };
        // Who would be refused anyway does not wait for it.
        if let Some(rest) = self.breaker().closed_for(Instant::now()) {
            return Err(open(rest));
        }
        let crowded = |_: tokio::sync::TryAcquireError| NotNow {
            retry_after: CROWDED_RETRY,
            why: Why::Crowded,
        };
        // None of the semaphores is ever closed.
        let closed = |_: tokio::sync::AcquireError| open(CROWDED_RETRY);
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(crowded)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(closed)?;
        let shared = Arc::clone(&self.common.places).acquire_owned().await.map_err(closed)?;
        let ticket = self.breaker().enter(Instant::now()).map_err(open)?;
        let _places = [room, place, shared];
        Ok(Passage { server: Arc::clone(self), ticket, told: false, _places })
    }

    /// Whether nothing is known of it that matters.
    pub(super) fn is_closed(&self) -> bool {
        self.breaker().is_closed()
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Nothing in there panics; and a breaker is good after any step.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage {
    /// What the request told about the server. Without it, it told nothing.
    pub(in crate::tokens) fn report(mut self, health: Health) {
        self.tell(health);
    }

    fn tell(&mut self, health: Health) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let Server { name, breaker, common, .. } = &*self.server;
        let mut breaker = breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if breaker.report(&self.ticket, health, now, &common.jitter) {
            let rest = breaker.closed_for(now);
            drop(breaker);
            match rest {
                Some(rest) => {
                    let seconds = rest.as_secs();
                    tracing::warn!(server = name, seconds, "not asking this authorization server");
                }
                None => tracing::info!(server = name, "this authorization server answers again"),
            }
        }
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.tell(Health::Neutral);
    }
}

/// Enough for 160 exchanges a second of 100 ms each; few enough that a dead server holds only a
/// sixteenth of what all share.
const PLACES: usize = 16;

/// All accounts of one server after a start, in a vault of ordinary size; waiting costs some KiB.
const QUEUE_MAX: usize = 1_024;

/// In this time a server that answers works off the better part of the queue.
const CROWDED_RETRY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
