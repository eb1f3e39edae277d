//! What every call passes, whatever it asks: overload is shed, the peer is attached, and the
//! deadline is kept.

mod timeout;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use metrics::counter;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt;

use super::callers::Callers;
use crate::config::Limits;
use crate::grpc::{self, Entrance};
use crate::identity;

/// The calls at work in the whole process.
#[derive(Clone)]
pub(super) struct Calls {
    at_work: Arc<AtomicUsize>,
    at_work_max: usize,
    duration_max: Duration,
    entrance: Option<Entrance>,
}

impl Calls {
    pub(super) fn new(limits: &Limits, entrance: Option<Entrance>) -> Self {
        Self {
            at_work: Arc::default(),
            at_work_max: limits.calls,
            duration_max: limits.call,
            entrance,
        }
    }

    /// Passes a request to the services.
    pub(super) async fn answer(
        self,
        callers: Callers,
        routes: Routes,
        mut request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let Some(_at_work) = AtWork::begin(&self) else {
            let listener = callers.listener().as_str();
            counter!("ionvault_calls_shed_total", "listener" => listener).increment(1);
            if let Some(entrance) = &self.entrance {
                entrance.shed(callers.listener(), callers.known(), request.uri().path());
            }
            return Ok(grpc::overloaded());
        };
        let duration = timeout::asked(request.headers())
            .map_or(self.duration_max, |asked| asked.min(self.duration_max));
        let deadline = Instant::now() + duration;
        // Who calls may have to be looked up, which must not take longer than the call may.
        let Some(peer) = in_time(deadline, callers.of(request.headers())).await else {
            request.extensions_mut().insert(callers.late());
            return Ok(self.pass(request, |_| async { late() }).await);
        };
        identity::strip_identity(request.headers_mut());
        request.extensions_mut().insert(peer);
        let answer = async |request| match in_time(deadline, routes.oneshot(request)).await {
            Some(Ok(answer)) => answer,
            None => late(),
        };
        Ok(self.pass(request, answer).await)
    }

    /// Has the call recorded, if that is done here.
    async fn pass<A: Future<Output = Response<Body>>>(
        &self,
        request: Request<Incoming>,
        answer: impl FnOnce(Request<Incoming>) -> A,
    ) -> Response<Body> {
        match &self.entrance {
            Some(entrance) => entrance.pass(request, answer).await,
            None => answer(request).await,
        }
    }
}

/// What comes of it before the deadline.
async fn in_time<T>(deadline: Instant, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    // Most of it is there at once; only the rest is worth a timer.
    let at_once = poll_fn(|context| Poll::Ready(work.as_mut().poll(context)));
    match at_once.await {
        Poll::Ready(done) => Some(done),
        Poll::Pending => tokio::time::timeout_at(deadline, work).await.ok(),
    }
}

fn late() -> Response<Body> {
    Status::deadline_exceeded("the call took too long").into_http()
}

/// Counts a call for as long as it lives, also if it is dropped half-way.
struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    /// `None`: enough are at work already. A few too many are refused when several begin together,
    /// never too few.
    fn begin(calls: &Calls) -> Option<Self> {
        // Relaxed: only the number matters, nothing is published by it.
        let before = calls.at_work.fetch_add(1, Ordering::Relaxed);
        let begun = Self(calls.at_work.clone());
        (before < calls.at_work_max).then_some(begun)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
