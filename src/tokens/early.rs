//! Renewing tokens before they end, for those who use them.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::{AccountId, Credential, State, Version};

use super::Inner;
use super::accounts::Slot;
use super::flight::{Flight, Purpose};

impl Inner {
    /// Renews tokens as they become due, until `drain` is cancelled.
    pub(super) async fn renew_in_time(self: &Arc<Self>, drain: &CancellationToken) {
        while let Some(account) = drain.run_until_cancelled(self.schedule.next()).await {
            self.renew_if_used(&account);
        }
    }

    /// Begins an early renewal, unless one was tried or has failed just now: then `false`.
    pub(super) fn renew_early(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
    ) -> bool {
        let now = self.now();
        if slot.standing().held(&now).is_some()
            || !slot.may_try_early(now.monotonic, now.monotonic + EARLY_EVERY)
        {
            return false;
        }
        let flight = Flight {
            slot: Arc::clone(slot),
            credential: Arc::clone(credential),
            version: Arc::clone(version),
            purpose: Purpose::Early,
        };
        // Whoever landed meanwhile has left a token that need not be renewed yet.
        let renewed = || slot.token().filter(|token| now.monotonic < token.renew_at()).map(Ok);
        drop(self.board(flight, renewed));
        true
    }

    /// Makes an attempt again that was interrupted, as soon as Infor may be asked.
    pub(super) fn recover(self: &Arc<Self>, interrupted: Flight) {
        let now = self.now();
        match interrupted.slot.standing().held(&now) {
            None => drop(self.board(interrupted, || None)),
            Some((_, left)) if interrupted.slot.take_schedule() => {
                self.schedule.enter(now.monotonic + left, interrupted.version.account);
            }
            // It has a token that lives; whoever needs the next one makes the attempt again.
            Some(_) => {}
        }
    }

    /// Enters the account into the schedule, for when its token is to be renewed and Infor may be
    /// asked, if that is before its end.
    pub(super) fn plan_renewal(&self, slot: &Slot, account: &AccountId) {
        let now = self.now();
        let Some(token) = slot.token().filter(|token| token.lives(&now)) else { return };
        let held = slot.standing().held(&now).map_or(Duration::ZERO, |(_, left)| left);
        let at = token.renew_at().max(now.monotonic + held);
        let at = slot.early_not_before().map_or(at, |not_before| at.max(not_before));
        if at < token.unfit_at() && slot.take_schedule() {
            self.schedule.enter(at, *account);
        }
    }

    fn renew_if_used(self: &Arc<Self>, account: &AccountId) {
        let Some(slot) = self.accounts.find(account) else { return };
        slot.leave_schedule();
        let now = self.now();
        let user = || self.user_of(&slot, account);
        match slot.token().filter(|token| token.lives(&now)) {
            // It was renewed since it was entered.
            Some(token) if now.monotonic < token.renew_at() => self.plan_renewal(&slot, account),
            // Nobody asked: the next caller will have it renewed.
            Some(_) if !slot.is_in_use() => {}
            Some(_) => {
                if let Some((credential, version)) = user()
                    && !self.renew_early(&slot, &credential, &version)
                {
                    self.plan_renewal(&slot, account);
                }
            }
            None => {
                if let Some((credential, version)) = user() {
                    let purpose = Purpose::Recovery;
                    let slot = Arc::clone(&slot);
                    drop(self.board(Flight { slot, credential, version, purpose }, || None));
                }
            }
        }
    }

    /// The credential that used the account last, if it still serves with it.
    fn user_of(&self, slot: &Slot, account: &AccountId) -> Option<(Arc<Credential>, Arc<Version>)> {
        let credential = self.vault.find(&slot.user()?).ok()??;
        let version = Arc::clone(credential.active()?);
        let serves = credential.state == State::Active && version.account == *account;
        serves.then_some((credential, version))
    }
}

/// How often callers may set off an early renewal of one account. A failed one is held back longer,
/// by its backoff.
const EARLY_EVERY: Duration = Duration::from_secs(10);
