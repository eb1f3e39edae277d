//! The keys of one issuer as time passes: fetched again and again, by one task for all who ask.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::{InvalidKeySet, KeySet};
use crate::ports::{KeySetSource, ReadKeySetError};

/// The newest keys of an issuer that could be read.
pub(super) struct LiveKeys {
    source: Arc<dyn KeySetSource>,
    /// As metrics and logs name them.
    issuer: String,
    state: watch::Sender<State>,
    waiting: Semaphore,
}

#[derive(Default)]
struct State {
    /// `None`: they could never be read since the start. A failure keeps those that there are.
    keys: Option<Arc<KeySet>>,
    /// Whether they are being read, or are to be at once.
    reading: bool,
    /// When they were last asked for by a caller.
    asked: Option<Instant>,
}

/// Why keys could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadKeysError {
    /// They are not there, or cannot be reached.
    #[error(transparent)]
    Read(#[from] ReadKeySetError),
    /// What is there is of no use.
    #[error(transparent)]
    Invalid(#[from] InvalidKeySet),
}

impl LiveKeys {
    pub(super) fn new(issuer: String, source: Arc<dyn KeySetSource>) -> Self {
        let waiting = Semaphore::new(WAITING_MAX);
        Self { source, issuer, state: watch::Sender::default(), waiting }
    }

    pub(super) fn current(&self) -> Option<Arc<KeySet>> {
        self.state.borrow().keys.clone()
    }

    /// Reads the keys once, now.
    pub(super) async fn load(&self) -> Result<(), LoadKeysError> {
        let keys = KeySet::parse(&self.source.read().await?)?;
        self.state.send_modify(|state| state.keys = Some(Arc::new(keys)));
        Ok(())
    }

    /// Has the keys read again for a token that needs others, and waits for that. `false`: it was not
    /// done, because it was done a moment ago or too many wait for it.
    ///
    /// Whoever waits does not read: a caller that gives up stops nothing.
    pub(super) async fn read_again(&self) -> bool {
        let Ok(_waiting) = self.waiting.try_acquire() else { return false };
        let mut reading = self.state.subscribe();
        let mut waits = false;
        self.state.send_if_modified(|state| {
            let now = Instant::now();
            let rested = state.asked.is_none_or(|asked| now - asked >= ASKED_EVERY_MIN);
            let begins = rested && !state.reading;
            if begins {
                (state.asked, state.reading) = (Some(now), true);
            }
            waits = state.reading;
            begins
        });
        waits && timeout(WAIT_MAX, reading.wait_for(|state| !state.reading)).await.is_ok()
    }

    /// Reads the keys at their interval and whenever they are asked for. Ends never.
    pub(super) async fn keep(&self) {
        let mut asked = self.state.subscribe();
        // What was not there at the start is tried at once.
        let mut due = match self.current() {
            Some(_) => Instant::now() + self.source.read_every(),
            None => Instant::now(),
        };
        loop {
            tokio::select! {
                () = sleep_until(due) => {}
                _sender_is_ours = asked.wait_for(|state| state.reading) => {}
            }
            self.state.send_modify(|state| state.reading = true);
            let loaded = match timeout(READ_TIME_MAX, self.load()).await {
                Ok(loaded) => loaded,
                Err(_elapsed) => Err(ReadKeySetError::Unreachable("it takes too long").into()),
            };
            self.state.send_modify(|state| state.reading = false);
            self.report(&loaded);
            let every = self.source.read_every();
            due = Instant::now() + if loaded.is_ok() { every } else { every.min(RETRY) };
        }
    }

    fn report(&self, loaded: &Result<(), LoadKeysError>) {
        let outcome = if loaded.is_ok() { "ok" } else { "failed" };
        let labels = [("issuer", self.issuer.clone()), ("outcome", outcome.to_owned())];
        counter!("ionvault_issuer_key_reads_total", &labels).increment(1);
        let issuer = &self.issuer;
        match loaded {
            Ok(()) => tracing::debug!(issuer, "read the keys of a token issuer"),
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = error;
                if self.current().is_some() {
                    warn!(issuer, error, "the keys of a token issuer cannot be read; the old stay");
                } else {
                    info!(issuer, "no token of this issuer can be checked yet");
                    warn!(issuer, error, "the keys of a token issuer cannot be read");
                }
            }
        }
    }
}

/// However many tokens name unknown keys, the source is asked no more often on their account.
const ASKED_EVERY_MIN: Duration = Duration::from_secs(30);

/// Callers who wait for keys keep a place among the calls at work; the others are refused at once.
const WAITING_MAX: usize = 64;

/// Longer than a healthy server takes, shorter than callers have patience.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// After a failure, if that is sooner than the usual interval.
const RETRY: Duration = Duration::from_secs(10);

/// Above what the sources allow themselves.
const READ_TIME_MAX: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
