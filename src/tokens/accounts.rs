//! The accounts that tokens are known of.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;

use crate::model::AccountId;
use crate::secret::Secret;

use super::access_token::AccessToken;
use super::flight::Outcome;

/// A map from account to slot, in shards, so that adding an account copies little. Reading takes
/// no lock.
pub(super) struct Accounts(Vec<ArcSwap<HashMap<AccountId, Arc<Slot>>>>);

/// Adding one of 100,000 accounts copies some 1,600 pointers.
const SHARDS: usize = 64;

/// Bounds the memory of the map, up to as many more as there are flights: with 4 KiB for the
/// tokens of an account, 512 MiB in all.
const SLOTS_PER_SHARD_MAX: usize = 2_048;

/// What is known of one account.
///
/// Two cells, two jobs. `token` is read by everyone and written by the account's flight.
/// `flight`'s lock is held for a few instructions, to join the flight or to begin one, never
/// across an `.await`.
#[derive(Default)]
pub(super) struct Slot {
    token: ArcSwapOption<AccessToken>,
    refresh_token: ArcSwapOption<Secret>,
    flight: Mutex<Option<watch::Receiver<Option<Outcome>>>>,
}

/// What came of joining a flight.
pub(super) enum Joined {
    /// One landed just now, with this token.
    Landed(Arc<AccessToken>),
    /// One is under way; here it will say what it came to.
    Flight(watch::Receiver<Option<Outcome>>),
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(ArcSwap::default).take(SHARDS).collect())
    }

    /// The slot of this account, new if there is none.
    pub(super) fn slot(&self, account: &AccountId) -> Arc<Slot> {
        let AccountId([first, ..]) = account;
        // The account is a keyed hash: its first byte spreads them evenly.
        let Some(shard) = self.0.get(usize::from(*first) % SHARDS) else {
            return Arc::default();
        };
        if let Some(slot) = shard.load().get(account) {
            return Arc::clone(slot);
        }
        let new = Arc::new(Slot::default());
        shard.rcu(|slots| {
            let mut slots = HashMap::clone(slots);
            if slots.len() >= SLOTS_PER_SHARD_MAX {
                make_room(&mut slots);
            }
            slots.entry(*account).or_insert_with(|| Arc::clone(&new));
            slots
        });
        // Somebody else may have been first.
        shard.load().get(account).map_or(new, Arc::clone)
    }
}

/// Forgets the account whose token ends first: it is the next that Infor would be asked for
/// anyway. Those without a token come before; those that are flying stay.
fn make_room(slots: &mut HashMap<AccountId, Arc<Slot>>) {
    let idle = slots.iter().filter(|(_, slot)| !slot.is_flying());
    let first = idle.min_by_key(|(_, slot)| slot.token().map(|token| token.expire_time));
    if let Some(account) = first.map(|(account, _)| *account) {
        slots.remove(&account);
    }
}

impl Slot {
    pub(super) fn token(&self) -> Option<Arc<AccessToken>> {
        self.token.load_full()
    }

    pub(super) fn refresh_token(&self) -> Option<Arc<Secret>> {
        self.refresh_token.load_full()
    }

    /// Keeps what a flight brought: a server that sends no new refresh token means the old one to
    /// be used again.
    pub(super) fn keep(&self, token: Arc<AccessToken>, refresh_token: Option<Secret>) {
        if let Some(refresh_token) = refresh_token {
            self.refresh_token.store(Some(Arc::new(refresh_token)));
        }
        self.token.store(Some(token));
    }

    pub(super) fn forget_refresh_token(&self) {
        self.refresh_token.store(None);
    }

    /// Joins the flight under way. If there is none, one may have landed since the caller looked:
    /// then `landed` finds its token. Else `begin` is called with where the outcome goes.
    pub(super) fn join(
        &self,
        landed: impl FnOnce() -> Option<Arc<AccessToken>>,
        begin: impl FnOnce(watch::Sender<Option<Outcome>>),
    ) -> Joined {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        match &*flight {
            // A flight whose task died without an outcome is no flight.
            Some(outcome) if outcome.has_changed().is_ok() => Joined::Flight(outcome.clone()),
            Some(_) | None => {
                if let Some(token) = landed() {
                    return Joined::Landed(token);
                }
                let (sender, receiver) = watch::channel(None);
                *flight = Some(receiver.clone());
                begin(sender);
                Joined::Flight(receiver)
            }
        }
    }

    /// The flight is over: who comes now begins another.
    pub(super) fn land(&self) {
        *self.flight.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn is_flying(&self) -> bool {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}
