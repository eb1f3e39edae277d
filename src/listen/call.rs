//! What every call passes, whatever it asks: overload is shed, the peer is attached, and the
//! deadline is kept.

mod timeout;

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use metrics::counter;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::ServiceExt;

use super::callers::Callers;
use crate::config::Limits;
use crate::grpc;
use crate::identity;

/// The calls at work in the whole process.
#[derive(Clone)]
pub(super) struct Calls {
    at_work: Arc<AtomicUsize>,
    at_work_max: usize,
    duration_max: Duration,
}

impl Calls {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { at_work: Arc::default(), at_work_max: limits.calls, duration_max: limits.call }
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
            return Ok(refusal(Status::unavailable("too many calls are at work: retry")));
        };
        let duration = timeout::asked(request.headers())
            .map_or(self.duration_max, |asked| asked.min(self.duration_max));
        let answer = async {
            let peer = callers.of(request.headers()).await;
            identity::strip_identity(request.headers_mut());
            request.extensions_mut().insert(peer);
            routes.oneshot(request).await
        };
        let mut answer = pin!(answer);
        // Most answers are there at once; only the others are worth a timer.
        let at_once = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context)));
        if let Poll::Ready(answer) = at_once.await {
            return answer.map(grpc::with_reason);
        }
        match tokio::time::timeout(duration, answer).await {
            Ok(answer) => answer.map(grpc::with_reason),
            Err(_elapsed) => Ok(refusal(Status::deadline_exceeded("the call took too long"))),
        }
    }
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

fn refusal(status: Status) -> Response<Body> {
    grpc::with_reason(status.into_http())
}
