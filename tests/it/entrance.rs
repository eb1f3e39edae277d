//! What every call passes, asked by hand: where its answer waits for the audit log, and where not.

use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use http::{Request, Response};
use ionvault::adapters::SystemClock;
use ionvault::audit::{AuditLog, AuditSettings, Filter, Order, PageQuery, Refusals};
use ionvault::grpc::Entrance;
use ionvault::identity::{ListenerName, Peer, UnusableIdentity};
use ionvault::quotas::{QuotaSettings, Quotas, Rate};
use ionvault::secret::LockedKey;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;

const GET: &str = "/ionvault.v1.CredentialService/GetCredential";
const DELETE: &str = "/ionvault.v1.CredentialService/DeleteCredential";

/// A log that nobody syncs yet.
fn log(dir: &Path) -> AuditLog {
    let seed = LockedKey::from_bytes(&[7; 32]).unwrap();
    let clock = Arc::new(SystemClock);
    AuditLog::open(dir, "ionvault/test", seed, AuditSettings::default(), clock).unwrap()
}

fn entrance(log: &AuditLog, quotas: QuotaSettings) -> Entrance {
    let refusals = Refusals::new(Arc::new(SystemClock));
    Entrance::new(log.clone(), refusals, Arc::new(Quotas::new(quotas)))
}

/// Has a call of nobody's answered with success.
async fn pass(entrance: &Entrance, path: &str) -> Response<Body> {
    pass_at(entrance, path, ListenerName::Mtls).await
}

async fn pass_at(entrance: &Entrance, path: &str, listener: ListenerName) -> Response<Body> {
    let caller = Err(UnusableIdentity::NoHeader);
    let peer = Arc::new(Peer { caller, listener, address: None });
    let request = Request::builder().uri(path).extension(peer).body(()).unwrap();
    entrance.pass(request, async |_| Response::new(Body::empty())).await
}

/// Whether it is there without anything else having to happen.
async fn at_once(call: &mut (impl Future<Output = Response<Body>> + Unpin)) -> bool {
    poll_fn(|context| Poll::Ready(std::pin::Pin::new(&mut *call).poll(context).is_ready())).await
}

fn code(answer: &Response<Body>) -> Option<tonic::Code> {
    Status::from_header_map(answer.headers()).map(|status| status.code())
}

#[tokio::test]
async fn a_change_is_answered_once_its_record_is_synced_and_a_question_before() {
    let dir = TempDir::new().unwrap();
    let log = log(dir.path());
    let entrance = entrance(&log, QuotaSettings::default());
    assert!(at_once(&mut pin!(pass(&entrance, GET))).await);
    let mut change = pin!(pass(&entrance, DELETE));
    assert!(!at_once(&mut change).await, "answered before the disk has it");
    let ends = CancellationToken::new();
    let (kept, until) = (log.clone(), ends.clone());
    let keeping = tokio::spawn(async move { kept.run(until, Vec::new()).await });
    assert_eq!(code(&change.await), None, "a success says so in its trailers");
    ends.cancel();
    keeping.await.unwrap();
}

#[tokio::test]
async fn what_has_no_room_in_the_log_is_not_begun_and_what_is_not_recorded_not_answered() {
    let dir = TempDir::new().unwrap();
    let log = log(dir.path());
    let entrance = entrance(&log, QuotaSettings::default());
    let ended = CancellationToken::new();
    ended.cancel();
    let request = |path| Request::builder().uri(path).body(()).unwrap();
    // The log ends while the call is at work.
    let work = async |_| {
        log.run(ended.clone(), Vec::new()).await;
        Response::new(Body::empty())
    };
    let answer = entrance.pass(request(DELETE), work).await;
    assert_eq!(code(&answer), Some(tonic::Code::Unavailable));
    let mut begun = false;
    let work = async |_| {
        begun = true;
        Response::new(Body::empty())
    };
    let answer = entrance.pass(request(GET), work).await;
    assert_eq!((code(&answer), begun), (Some(tonic::Code::Unavailable), false));
}

/// Whoever floods a vault whose disk is full is told what he does, not what the disk does.
#[tokio::test]
async fn a_quota_comes_before_room_in_the_log() {
    let dir = TempDir::new().unwrap();
    let log = log(dir.path());
    let entrance =
        entrance(&log, QuotaSettings { caller_calls: Rate::of(1, 1), ..QuotaSettings::default() });
    let ended = CancellationToken::new();
    ended.cancel();
    log.run(ended, Vec::new()).await;
    tokio::time::pause();
    assert_eq!(code(&pass(&entrance, GET).await), Some(tonic::Code::Unavailable));
    assert_eq!(code(&pass(&entrance, GET).await), Some(tonic::Code::ResourceExhausted));
}

#[tokio::test]
async fn who_names_no_caller_on_one_listener_is_heard_on_another() {
    let dir = TempDir::new().unwrap();
    let log = log(dir.path());
    let entrance =
        entrance(&log, QuotaSettings { caller_calls: Rate::of(1, 1), ..QuotaSettings::default() });
    tokio::time::pause();
    for listener in [ListenerName::Mesh, ListenerName::Jwt] {
        assert_eq!(code(&pass_at(&entrance, GET, listener).await), None);
        let refused = code(&pass_at(&entrance, GET, listener).await);
        assert_eq!(refused, Some(tonic::Code::ResourceExhausted), "{listener}");
    }
}

/// Before anything was read of them: on some listeners nobody knows yet whose they are.
#[tokio::test]
async fn calls_that_are_shed_are_counted_for_their_listener() {
    let dir = TempDir::new().unwrap();
    let log = log(dir.path());
    let entrance = entrance(&log, QuotaSettings::default());
    for _ in 0..3 {
        entrance.shed(ListenerName::Mesh, None, GET);
    }
    entrance.shed(ListenerName::Mesh, None, "/grpc.health.v1.Health/Check");
    let drained = CancellationToken::new();
    drained.cancel();
    entrance.run(drained).await;
    let query = PageQuery { order: Order::OldestFirst, from: None, records_max: 10 };
    let records = log.list(Filter::default(), query).await.unwrap().records;
    let [record] = &records[..] else { panic!("{records:?}") };
    let event = &record.event;
    assert_eq!(
        [&*event.caller, &event.listener, &event.method, &event.outcome, &event.reason],
        ["", "mesh", "GetCredential", "UNAVAILABLE", "OVERLOADED"]
    );
    assert_eq!(event.repeats.unwrap().count.get(), 3);
}
