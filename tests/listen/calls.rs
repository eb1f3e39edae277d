//! What every call passes: overload, deadlines, HTTP/2's limits.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::server::NamedService;

use crate::clients::{Answer, check};
use crate::house::House;
use crate::patience::until;

/// A service whose calls wait until they are let go.
#[derive(Clone)]
pub struct Held {
    pub at_work: Arc<AtomicUsize>,
    pub most_at_work: Arc<AtomicUsize>,
    pub permits: Arc<Semaphore>,
}

impl Default for Held {
    fn default() -> Self {
        let permits = Arc::new(Semaphore::new(0));
        Self { at_work: Arc::default(), most_at_work: Arc::default(), permits }
    }
}

impl Held {
    pub fn let_go(&self, calls: usize) {
        self.permits.add_permits(calls);
    }

    pub async fn until_at_work(&self, calls: usize) {
        until("calls at work", async || self.at_work.load(Ordering::SeqCst) == calls).await;
    }
}

impl NamedService for Held {
    const NAME: &'static str = "test.Held";
}

impl tower::Service<Request<Body>> for Held {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        struct Leaving(Arc<AtomicUsize>);
        impl Drop for Leaving {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let held = self.clone();
        Box::pin(async move {
            let at_work = held.at_work.fetch_add(1, Ordering::SeqCst) + 1;
            held.most_at_work.fetch_max(at_work, Ordering::SeqCst);
            let _leaving = Leaving(held.at_work);
            held.permits.acquire().await.unwrap().forget();
            Ok(tonic::Status::ok("let go").into_http())
        })
    }
}

fn reason(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.details).into_owned()
}

const OK: &str = "0";
const DEADLINE_EXCEEDED: &str = "4";
const UNAVAILABLE: &str = "14";

#[tokio::test]
async fn more_calls_than_the_process_may_have_at_work_are_refused_and_counted() {
    let mut house = House::new();
    house.limits.calls = 2;
    let open = house.open().await;
    let (one, other) = (open.raw(&open.good()).await, open.raw(&open.good()).await);
    let first = tokio::spawn(one.call_held(&[]));
    let second = tokio::spawn(other.call_held(&[]));
    open.held.until_at_work(2).await;

    let refused = one.call_held(&[]).await.unwrap();
    assert_eq!(refused.grpc_status.as_deref(), Some(UNAVAILABLE));
    assert!(reason(&refused).contains("OVERLOADED"), "{refused:?}");
    assert_eq!(
        open.counted("ionvault_calls_shed_total"),
        ["ionvault_calls_shed_total{listener=\"mtls\"} 1"]
    );

    open.held.let_go(3);
    for call in [first, second] {
        assert_eq!(call.await.unwrap().unwrap().grpc_status.as_deref(), Some(OK));
    }
    assert_eq!(one.call_held(&[]).await.unwrap().grpc_status.as_deref(), Some(OK));
}

#[tokio::test]
async fn a_call_ends_at_the_limit_of_the_server_or_earlier_if_the_caller_says_so() {
    let mut house = House::new();
    house.limits.call = Duration::from_millis(50);
    let open = house.open().await;
    let client = open.raw(&open.good()).await;
    for headers in [vec![], vec![("grpc-timeout", "1H".to_owned())]] {
        let answer = client.call_held(&headers).await.unwrap();
        assert_eq!(answer.grpc_status.as_deref(), Some(DEADLINE_EXCEEDED), "{headers:?}");
    }
    open.held.until_at_work(0).await;

    let open = House::new().open().await;
    let client = open.raw(&open.good()).await;
    let answer = client.call_held(&[("grpc-timeout", "50m".to_owned())]).await.unwrap();
    assert_eq!(answer.grpc_status.as_deref(), Some(DEADLINE_EXCEEDED));
    assert!(reason(&answer).contains("DEADLINE_EXCEEDED"), "{answer:?}");
}

#[tokio::test]
async fn a_call_that_its_caller_left_or_that_came_too_late_is_recorded() {
    let open = House::new().open().await;
    let client = open.raw(&open.good()).await;
    client.call_held(&[("grpc-timeout", "50m".to_owned())]).await.unwrap();
    let left = tokio::spawn(client.call_held(&[]));
    open.held.until_at_work(1).await;
    left.abort();
    open.held.until_at_work(0).await;

    // The services here are none of the vault's.
    let recorded = open.recorded().await;
    let outcomes: Vec<_> = recorded.iter().map(|it| &*it.event.outcome).collect();
    assert_eq!(outcomes, ["DEADLINE_EXCEEDED", "CANCELLED"]);
    for record in &recorded {
        assert_eq!((&*record.event.method, &*record.event.listener), ("unknown", "mtls"));
        assert_eq!(record.event.caller, crate::authority::INVOICES);
        let address: std::net::SocketAddr = record.event.address.parse().unwrap();
        assert!(address.ip().is_loopback() && address.port() > 0);
    }
}

#[tokio::test]
async fn a_connection_has_no_more_calls_at_work_than_its_streams() {
    let mut house = House::new();
    house.limits.streams_per_connection = 2;
    let open = house.open().await;
    let client = open.raw(&open.good()).await;
    // With the first answer the client has the server's settings.
    open.held.let_go(1);
    client.call_held(&[]).await.unwrap();
    let calls: Vec<_> = (0..6).map(|_| tokio::spawn(client.call_held(&[]))).collect();
    open.held.until_at_work(2).await;
    open.held.let_go(6);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().grpc_status.as_deref(), Some(OK));
    }
    assert_eq!(open.held.most_at_work.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn headers_beyond_eight_kibibytes_are_refused_and_the_connection_lives_on() {
    let open = House::new().open().await;
    let client = open.raw(&open.good()).await;
    open.held.let_go(2);
    let headers = |bytes: usize| [("x-trace", "t".repeat(bytes))];
    let answer = client.call_held(&headers(9 * 1024)).await.unwrap();
    assert_eq!(answer.http_status, 431);
    let answer = client.call_held(&headers(7 * 1024)).await.unwrap();
    assert_eq!(answer.grpc_status.as_deref(), Some(OK));
}

#[tokio::test]
async fn more_connections_than_allowed_are_closed_and_counted_until_one_ends() {
    let mut house = House::new();
    house.limits.connections = 1;
    let open = house.open().await;
    let leaf = open.good();
    let first = open.channel(&leaf).await;
    check(first.clone()).await.unwrap();

    let config = || open.authority.trusting(Some(&leaf), &[&rustls::version::TLS13]);
    open.handshake(config()).await.unwrap_err();
    let refused = "ionvault_connections_refused_total{listener=\"mtls\"} 1";
    assert_eq!(open.counted("ionvault_connections_refused_total"), [refused]);

    drop(first);
    until("a place is free", async || open.handshake(config()).await.is_ok()).await;
}
