//! The accounts that tokens are known of.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::model::{AccountId, CredentialName};

use super::access_token::AccessToken;
use super::flight::Outcome;
use super::standing::Standing;

/// A map from account to slot, in shards, so that adding an account copies little. Reading takes
/// no lock.
pub(super) struct Accounts(Vec<ArcSwap<HashMap<AccountId, Arc<Slot>>>>);

/// Adding one of 100,000 accounts copies some 1,600 pointers.
const SHARDS: usize = 64;

/// Bounds the memory of the map: with 4 KiB for the token of an account and what is known of it,
/// 512 MiB in all.
const SLOTS_PER_SHARD_MAX: usize = 2_048;

/// There are as many accounts as there may be: 131,072.
#[derive(Debug)]
pub(super) struct TooManyAccounts;

/// What memory holds of one account. The store knows more, and knows it first.
///
/// `token` and `standing` are read by everyone. They are written under `guarded`'s lock, which is
/// held for a few instructions, never across an `.await`.
pub(super) struct Slot {
    token: ArcSwapOption<AccessToken>,
    standing: ArcSwap<Standing>,
    /// Whether anybody asked since the token came.
    used: AtomicBool,
    /// Counts what happened to the account, for those who follow it.
    changes: watch::Sender<u64>,
    guarded: Mutex<Guarded>,
}

#[derive(Default)]
struct Guarded {
    flight: Option<watch::Receiver<Option<Outcome>>>,
    /// What an attempt of an earlier epoch brings is not believed any more.
    epoch: u64,
    /// The epoch that the token came with.
    token_epoch: u64,
    /// When the token was last renewed because a caller saw it refused.
    rejected_at: Option<Instant>,
    /// Before this moment the token is not renewed early.
    early_not_before: Option<Instant>,
    /// Whether the schedule has an entry for it.
    scheduled: bool,
    /// A credential that uses the account.
    user: Option<CredentialName>,
}

/// What came of joining a flight.
pub(super) enum Joined {
    /// One landed just now, and came to this.
    Landed(Outcome),
    /// One is under way; here it will say what it came to.
    Flight(watch::Receiver<Option<Outcome>>),
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self(std::iter::repeat_with(ArcSwap::default).take(SHARDS).collect())
    }

    /// The slot of this account, if it is known.
    pub(super) fn find(&self, account: &AccountId) -> Option<Arc<Slot>> {
        self.shard(account)?.load().get(account).map(Arc::clone)
    }

    /// The slot of this account, new if there is none.
    pub(super) fn slot(&self, account: &AccountId) -> Result<Arc<Slot>, TooManyAccounts> {
        let shard = self.shard(account).ok_or(TooManyAccounts)?;
        if let Some(slot) = shard.load().get(account) {
            return Ok(Arc::clone(slot));
        }
        let new = Arc::new(Slot::new());
        shard.rcu(|slots| {
            let mut slots = HashMap::clone(slots);
            if slots.len() < SLOTS_PER_SHARD_MAX {
                slots.entry(*account).or_insert_with(|| Arc::clone(&new));
            }
            slots
        });
        // Somebody else may have been first.
        shard.load().get(account).map(Arc::clone).ok_or(TooManyAccounts)
    }

    /// Forgets an account that nothing uses any more.
    pub(super) fn remove(&self, account: &AccountId) {
        if let Some(shard) = self.shard(account) {
            shard.rcu(|slots| {
                let mut slots = HashMap::clone(slots);
                slots.remove(account);
                slots
            });
        }
    }

    fn shard(&self, account: &AccountId) -> Option<&ArcSwap<HashMap<AccountId, Arc<Slot>>>> {
        let AccountId([first, ..]) = account;
        // The account is a keyed hash: its first byte spreads them evenly.
        self.0.get(usize::from(*first) % SHARDS)
    }
}

impl Slot {
    fn new() -> Self {
        Self {
            token: ArcSwapOption::empty(),
            standing: ArcSwap::default(),
            used: AtomicBool::new(false),
            changes: watch::Sender::new(0),
            guarded: Mutex::default(),
        }
    }

    pub(super) fn token(&self) -> Option<Arc<AccessToken>> {
        self.token.load_full()
    }

    pub(super) fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// Follows what happens to the account. Who follows counts as who asks.
    pub(super) fn follow(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Somebody asked: the token is worth renewing before it ends.
    pub(super) fn mark_used(&self) {
        // Most calls find it set, and a store would take the cache line from all others.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.used.load(Ordering::Relaxed) || self.changes.receiver_count() > 0
    }

    /// Shows what the store holds since `epoch`: a token, and how the account stands. Refused, with
    /// `false`, if a later epoch began meanwhile.
    pub(super) fn show(
        &self,
        epoch: u64,
        token: Option<Arc<AccessToken>>,
        standing: Standing,
    ) -> bool {
        let mut guarded = self.guarded();
        if epoch < guarded.epoch {
            return false;
        }
        guarded.epoch = epoch;
        if let Some(token) = token {
            self.used.store(false, Ordering::Relaxed);
            guarded.early_not_before = None;
            guarded.token_epoch = epoch;
            self.token.store(Some(token));
        }
        self.standing.store(Arc::new(standing));
        drop(guarded);
        self.changed();
        true
    }

    /// Forgets a token of an earlier epoch, and whatever attempts of earlier epochs may still bring.
    /// What a later epoch has shown meanwhile stays: the store took nothing of it.
    pub(super) fn forget(&self, epoch: u64) {
        let mut guarded = self.guarded();
        if guarded.token_epoch < epoch {
            self.token.store(None);
        }
        if guarded.epoch <= epoch {
            guarded.epoch = epoch;
            self.standing.store(Arc::new(self.standing().without_tokens()));
        }
        drop(guarded);
        self.changed();
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// Whether a caller may have the token renewed because it saw it refused: once in
    /// [`REJECTION_EVERY`]. Asking takes the turn.
    pub(super) fn may_reject(&self, now: Instant) -> bool {
        let mut guarded = self.guarded();
        let soon = |at: Instant| now.saturating_duration_since(at) < REJECTION_EVERY;
        if guarded.rejected_at.is_some_and(soon) {
            return false;
        }
        guarded.rejected_at = Some(now);
        true
    }

    /// The last epoch that anything was shown of.
    pub(super) fn epoch(&self) -> u64 {
        self.guarded().epoch
    }

    /// Before this moment the token is not renewed early.
    pub(super) fn early_not_before(&self) -> Option<Instant> {
        self.guarded().early_not_before
    }

    /// Whether an early renewal may be tried now, and if so, not again before `next`.
    pub(super) fn may_try_early(&self, now: Instant, next: Instant) -> bool {
        let mut guarded = self.guarded();
        if guarded.early_not_before.is_some_and(|at| now < at) {
            return false;
        }
        guarded.early_not_before = Some(next);
        true
    }

    /// Takes the account's one place in the schedule; `false` if it is taken.
    pub(super) fn take_schedule(&self) -> bool {
        !std::mem::replace(&mut self.guarded().scheduled, true)
    }

    pub(super) fn leave_schedule(&self) {
        self.guarded().scheduled = false;
    }

    /// A credential that used the account last.
    pub(super) fn user(&self) -> Option<CredentialName> {
        self.guarded().user.clone()
    }

    pub(super) fn set_user(&self, user: &CredentialName) {
        let mut guarded = self.guarded();
        if guarded.user.as_ref() != Some(user) {
            guarded.user = Some(user.clone());
        }
    }

    /// Joins the flight under way. If there is none, one may have landed since the caller looked:
    /// then `landed` finds what it came to. Else `begin` is called with where the outcome goes.
    pub(super) fn join(
        &self,
        landed: impl FnOnce() -> Option<Outcome>,
        begin: impl FnOnce(watch::Sender<Option<Outcome>>),
    ) -> Joined {
        let mut guarded = self.guarded();
        match &guarded.flight {
            // A flight whose task died without an outcome is no flight.
            Some(outcome) if outcome.has_changed().is_ok() => Joined::Flight(outcome.clone()),
            Some(_) | None => {
                if let Some(outcome) = landed() {
                    return Joined::Landed(outcome);
                }
                let (sender, receiver) = watch::channel(None);
                guarded.flight = Some(receiver.clone());
                drop(guarded);
                begin(sender);
                Joined::Flight(receiver)
            }
        }
    }

    /// The flight is over: who comes now begins another.
    pub(super) fn land(&self) {
        self.guarded().flight = None;
    }

    fn guarded(&self) -> std::sync::MutexGuard<'_, Guarded> {
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often an account is renewed because callers saw its token refused: a 401 of Infor's gateway
/// does not prove the token bad (it is also the answer of a target behind it), and renewing on each
/// would use up the day's tokens.
const REJECTION_EVERY: std::time::Duration = std::time::Duration::from_secs(60);
