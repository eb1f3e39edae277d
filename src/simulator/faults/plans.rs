//! The faults that are planned, in order.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Fault, Plan, RequestKind};

/// A fault that was planned. Dropping this changes nothing.
pub struct Planned {
    plans: Arc<Mutex<Vec<Entry>>>,
    number: u64,
    happened: watch::Receiver<u32>,
}

/// There are as many planned faults as there may be.
#[derive(Debug, thiserror::Error)]
#[error("the simulator has {PLANS_MAX} faults planned already")]
pub struct TooManyFaults;

/// All planned faults that have not happened often enough.
pub(crate) struct Plans {
    /// Held for look-ups only, never across an `.await`.
    entries: Arc<Mutex<Vec<Entry>>>,
    last_number: Mutex<u64>,
    /// Cancelled when the simulator stops: what hangs then ends.
    pub(super) stop: CancellationToken,
}

struct Entry {
    number: u64,
    plan: Plan,
    fault: Fault,
    happened: watch::Sender<u32>,
}

/// A fault that one request meets.
pub(crate) struct Due {
    pub(super) fault: Fault,
    happened: watch::Sender<u32>,
}

impl Plans {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { entries: Arc::default(), last_number: Mutex::default(), stop }
    }

    pub(crate) fn add(&self, plan: Plan, fault: Fault) -> Result<Planned, TooManyFaults> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= PLANS_MAX {
            return Err(TooManyFaults);
        }
        let mut last = self.last_number.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        let (sender, happened) = watch::channel(0);
        entries.push(Entry { number: *last, plan, fault, happened: sender });
        Ok(Planned { plans: Arc::clone(&self.entries), number: *last, happened })
    }

    /// The fault that a request meets, if any; it counts as used from now on.
    pub(crate) fn due(&self, client_id: Option<&str>, kind: RequestKind) -> Option<Due> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.plan.times != Some(0));
        let entry = entries.iter_mut().find(|entry| entry.plan.fits(client_id, kind))?;
        entry.plan.times = entry.plan.times.map(|times| times - 1);
        Some(Due { fault: entry.fault.clone(), happened: entry.happened.clone() })
    }

    pub(crate) fn lift_all(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Plan {
    fn fits(&self, client_id: Option<&str>, kind: RequestKind) -> bool {
        let kind_fits = self.kind.map_or(kind.asks_for_a_token(), |planned| planned == kind);
        kind_fits && self.client_id.as_deref().is_none_or(|planned| client_id == Some(planned))
    }
}

impl Due {
    pub(super) fn happens(&self) {
        self.happened.send_modify(|times| *times += 1);
    }
}

impl Planned {
    /// Resolves as soon as the fault has happened to `times` requests: after the effect, if it is
    /// one that comes after it. Resolves early once it cannot happen so often any more, because the
    /// plan was lifted or allows fewer; [`Self::count`] tells. Unbounded, as a plan may never be
    /// met: it is for the caller to say how long that may take.
    pub async fn happened(&mut self, times: u32) {
        // An error means that no more will happen.
        let _ = self.happened.wait_for(|happened| *happened >= times).await;
    }

    /// To how many requests it has happened.
    #[must_use]
    pub fn count(&self) -> u32 {
        *self.happened.borrow()
    }

    /// From now on no request meets it.
    pub fn lift(&self) {
        let mut entries = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.number != self.number);
    }
}

/// Bounds memory and the time of a look-up.
const PLANS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn latency(due: Option<Due>) -> Option<u64> {
        let Fault::Latency(time) = due?.fault else { panic!("another fault") };
        Some(time.as_secs())
    }

    #[test]
    fn the_first_plan_that_fits_is_met_as_often_as_it_says() {
        let plans = Plans::new(CancellationToken::new());
        let mut planned = Vec::new();
        for (seconds, client_id, kind, times) in [
            (1, Some("a"), Some(RequestKind::RefreshToken), Some(2)),
            (2, Some("a"), None, Some(1)),
            (3, None, None, None),
            (4, None, Some(RequestKind::Revocation), Some(0)),
        ] {
            let plan = Plan { client_id: client_id.map(str::to_owned), kind, times };
            planned.push(plans.add(plan, Fault::Latency(Duration::from_secs(seconds))).unwrap());
        }
        let met = |client_id, kind| latency(plans.due(Some(client_id), kind));
        let refresh = RequestKind::RefreshToken;
        assert_eq!(met("b", refresh), Some(3));
        assert_eq!(met("a", RequestKind::Password), Some(2));
        assert_eq!([(); 3].map(|()| met("a", refresh)), [Some(1), Some(1), Some(3)]);
        assert_eq!(met("a", RequestKind::Revocation), None);
        planned[2].lift();
        assert_eq!(met("a", refresh), None);
    }

    #[test]
    fn plans_are_limited() {
        let plans = Plans::new(CancellationToken::new());
        let add = || plans.add(Plan::default(), Fault::Hang(super::super::Moment::BeforeEffect));
        for _ in 0..PLANS_MAX {
            add().unwrap();
        }
        let refused = add().err().unwrap();
        assert_eq!(refused.to_string(), "the simulator has 1024 faults planned already");
        plans.lift_all();
        assert!(add().is_ok());
    }
}
