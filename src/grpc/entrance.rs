//! Where calls come in and answers go out: nobody calls more often than they may, and no answer leaves
//! before the audit log has its call.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use crate::audit::{AuditLog, AuditUnavailable, Permit, Refusal, Refusals};
use crate::identity::{ListenerName, Peer};
use crate::quotas::{Effect, QuotaExceeded, Quotas};

use super::entry::{self, Entry};
use super::own_errors::with_reason;
use super::pace;
use super::rpc::Rpc;
use super::status::{self, Outcome};

/// What every call passes. Services that are reached past it refuse to work: their handlers look
/// for the entry that it makes.
#[derive(Clone)]
pub struct Entrance {
    audit: AuditLog,
    refusals: Refusals,
    quotas: Arc<Quotas>,
}

impl Entrance {
    /// An entrance that charges calls to these quotas and records in this log; what repeats is
    /// counted there.
    #[must_use]
    pub fn new(audit: AuditLog, refusals: Refusals, quotas: Arc<Quotas>) -> Self {
        Self { audit, refusals, quotas }
    }

    /// Has a call answered and recorded. Quotas come first, so that a flood takes no room in the log.
    /// Room for the record comes next, so that a full disk fails a call before it has done anything.
    /// A call that is dropped half-way is recorded too.
    ///
    /// Changes are answered once their record is on the disk; everything else once it is in the
    /// kernel, so that killing this process loses none. Answers that may hide something leave at
    /// times that tell nothing about it ([`pace`]).
    pub async fn pass<B, A>(
        &self,
        mut request: Request<B>,
        answer: impl FnOnce(Request<B>) -> A,
    ) -> Response<Body>
    where
        A: Future<Output = Response<Body>>,
    {
        let came = Instant::now();
        let Some(rpc) = Rpc::of(request.uri().path()) else {
            return with_reason(answer(request).await);
        };
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        if let Err(exceeded) = self.charge(peer.as_deref(), rpc) {
            let refused = status::rate_limited(exceeded);
            self.refusals.count(&entry::refusal(
                peer.as_deref(),
                rpc,
                &Outcome::of_error(&refused),
            ));
            return refused.into_http();
        }
        let permit = match self.audit.admit() {
            Ok(permit) => permit,
            Err(error) => return status::audit_unavailable(error).into_http(),
        };
        let entry = Arc::new(Entry::new(self.audit.clone(), peer, rpc, request.headers()));
        request.extensions_mut().insert(entry.clone());
        let passage = Passage { entrance: self, entry, permit: Some(permit) };
        let response = with_reason(answer(request).await);
        let outcome = Outcome::of(response.headers());
        let recorded = match passage.record(&outcome) {
            Ok(Some(sequence)) if rpc.effect == Effect::Changes => {
                self.audit.synced(sequence).await
            }
            recorded => recorded.map(drop),
        };
        if outcome.may_hide {
            pace::until_it_tells_nothing(came).await;
        }
        match recorded {
            Ok(()) => response,
            Err(error) => status::audit_unavailable(error).into_http(),
        }
    }

    fn charge(&self, peer: Option<&Peer>, rpc: Rpc) -> Result<(), QuotaExceeded> {
        match peer.map(|peer| (&peer.caller, peer.listener)) {
            Some((Ok(caller), _)) => self.quotas.charge_caller(caller, rpc.effect),
            Some((Err(_), listener)) => self.quotas.charge_unidentified(listener.as_str()),
            None => self.quotas.charge_unidentified(""),
        }
    }

    /// Counts a call that was turned away before anything was done for it. Who called is not known
    /// where each request would say.
    pub fn shed(&self, listener: ListenerName, peer: Option<&Peer>, path: &str) {
        if let Some(rpc) = Rpc::of(path) {
            let refusal = entry::refusal(peer, rpc, &Outcome::overloaded());
            self.refusals.count(&Refusal { listener: listener.as_str(), ..refusal });
        }
    }

    /// Records what was counted, once a minute, until `drain` is cancelled, and then a last time.
    /// Cancel it when no call is left.
    pub async fn run(&self, drain: CancellationToken) {
        while drain.run_until_cancelled(tokio::time::sleep(COUNTED_FOR)).await.is_some() {
            self.record_counted();
        }
        self.record_counted();
    }

    fn record_counted(&self) {
        if let Err(error) = self.refusals.record(&self.audit) {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "refusals that were counted could not be recorded yet");
        }
    }
}

/// A call that was admitted, and is not recorded yet.
struct Passage<'a> {
    entrance: &'a Entrance,
    entry: Arc<Entry>,
    permit: Option<Permit>,
}

impl Passage<'_> {
    /// Records what came of it; `None` if it was a refusal, and has been counted instead.
    fn record(mut self, outcome: &Outcome) -> Result<Option<u64>, AuditUnavailable> {
        match self.permit.take() {
            Some(permit) if self.stands_alone(outcome) => {
                self.entry.record(permit, outcome).map(Some)
            }
            Some(_) | None => Ok(None),
        }
    }

    fn stands_alone(&self, outcome: &Outcome) -> bool {
        !outcome.refused || self.entrance.refusals.stands_alone(&self.entry.refusal(outcome))
    }
}

impl Drop for Passage<'_> {
    /// Nobody waits for the answer any more: the caller went away.
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        if let Err(error) = self.entry.record(permit, &Outcome::cancelled()) {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "a call whose caller went away could not be recorded");
        }
    }
}

/// How long refusals are counted before they become a record.
const COUNTED_FOR: Duration = Duration::from_secs(60);
