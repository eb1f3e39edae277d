//! Following tokens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ionvault::model::{Caller, CredentialName};
use ionvault::pb::v1::watch_token_response::Event;
use ionvault::pb::v1::{
    ActivateCredentialVersionRequest, DeleteCredentialRequest, IssueTokenResponse, TokenProblem,
    WatchTokenRequest, WatchTokenResponse,
};
use ionvault::ports::{ExchangeError, OauthError};
use ionvault::tokens::{IssueError, News};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::support::{ACME, ADMIN, ISSUER, World, ionapi, reason};

const SECOND: Duration = Duration::from_secs(1);

/// Into the window in which a token of two hours is renewed, whatever its jitter.
const INTO_THE_WINDOW: Duration = Duration::from_secs(6970);

async fn world() -> World {
    let world = World::new().await;
    world.upload(ACME, &ionapi("ACME_PRD", "app1")).await;
    world
}

async fn try_watch(
    world: &World,
    caller: &str,
    min_remaining: Option<i64>,
) -> Result<Streaming<WatchTokenResponse>, Status> {
    let min_remaining = min_remaining.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
    let request = WatchTokenRequest { name: ACME.to_owned(), min_remaining };
    world.tokens(caller).await.watch_token(request).await.map(tonic::Response::into_inner)
}

async fn watch(world: &World) -> Streaming<WatchTokenResponse> {
    try_watch(world, ISSUER, None).await.unwrap()
}

/// The next message. What a watcher hears by itself comes at once; what it would find only by
/// looking again (every 30 s) comes too late, and only a test that fails waits so long.
async fn next(stream: &mut Streaming<WatchTokenResponse>) -> Result<Event, Status> {
    let message = tokio::time::timeout(25 * SECOND, stream.message()).await.unwrap();
    message.map(|message| message.unwrap().event.unwrap())
}

async fn token(stream: &mut Streaming<WatchTokenResponse>) -> IssueTokenResponse {
    match next(stream).await.unwrap() {
        Event::Token(token) => token,
        Event::Problem(problem) => panic!("{problem:?}"),
    }
}

async fn problem(stream: &mut Streaming<WatchTokenResponse>) -> TokenProblem {
    match next(stream).await.unwrap() {
        Event::Problem(problem) => problem,
        Event::Token(token) => panic!("{token:?}"),
    }
}

async fn delete(world: &World) {
    let request = DeleteCredentialRequest { name: ACME.to_owned(), ..Default::default() };
    world.credentials(ADMIN).await.delete_credential(request).await.unwrap();
}

#[tokio::test]
async fn a_renewal_reaches_a_hundred_watchers_once_each_though_nobody_asks() {
    let world = world().await;
    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(watch(&world).await);
    }
    let mut first = Vec::new();
    for stream in &mut streams {
        first.push(token(stream).await);
    }
    assert_eq!(world.infor.requests(), 1);
    world.pass(INTO_THE_WINDOW).await;
    let mut second = Vec::new();
    for stream in &mut streams {
        second.push(token(stream).await);
    }
    assert_eq!(world.infor.requests(), 2);
    assert!(first.iter().all(|token| *token == first[0]));
    assert!(second.iter().all(|token| *token == second[0]));
    assert_ne!(first[0].token_id, second[0].token_id);
    assert_eq!(world.issue(ACME).await.unwrap(), second[0], "what a watcher has, callers get");
    // That is all that each was told: the next that it hears is something else.
    delete(&world).await;
    for stream in &mut streams {
        let ended = next(stream).await.unwrap_err();
        assert_eq!(reason(&ended), "CREDENTIAL_DELETED");
    }
    println!("100 watchers, 2 tokens each, {} requests to Infor", world.infor.requests());
}

#[tokio::test]
async fn the_next_token_comes_as_early_as_the_watcher_wants_it() {
    let world = world().await;
    let mut stream = try_watch(&world, ISSUER, Some(3600)).await.unwrap();
    let first = token(&mut stream).await;
    world.pass(3601 * SECOND).await;
    assert_ne!(token(&mut stream).await.token_id, first.token_id);
}

#[tokio::test]
async fn a_problem_is_told_once_with_its_time_and_ends_with_a_token() {
    let world = world().await;
    world.infor.fail_with(Some(|| ExchangeError::Throttled {
        retry_after: Some(Duration::from_secs(100)),
    }));
    let mut stream = watch(&world).await;
    let told = problem(&mut stream).await;
    assert_eq!(told.reason, "PROVIDER_UNAVAILABLE");
    let refused = world.issue(ACME).await.unwrap_err();
    assert_eq!(told.message, refused.message(), "as a caller is told it");
    let now = ionvault::ports::Clock::now(&*world.clock);
    let retry_time = SystemTime::try_from(told.retry_time.unwrap()).unwrap();
    let wait = retry_time.duration_since(now).unwrap();
    assert!(99 * SECOND <= wait && wait <= 101 * SECOND, "{wait:?}");
    // The same failure again is no news.
    world.pass(102 * SECOND).await;
    world.infor.until_requests(2).await;
    world.infor.fail_with(None);
    world.pass(110 * SECOND).await;
    token(&mut stream).await;
}

#[tokio::test]
async fn a_failed_renewal_ahead_of_time_is_told_while_the_token_serves() {
    let world = world().await;
    let mut stream = watch(&world).await;
    let first = token(&mut stream).await;
    world.infor.fail_with(Some(|| ExchangeError::Unreachable("no route")));
    world.pass(INTO_THE_WINDOW).await;
    assert_eq!(problem(&mut stream).await.reason, "PROVIDER_UNAVAILABLE");
    assert_eq!(world.issue(ACME).await.unwrap().token_id, first.token_id);
    // Who comes now is told both.
    let mut late = watch(&world).await;
    assert_eq!(token(&mut late).await.token_id, first.token_id);
    assert_eq!(problem(&mut late).await.reason, "PROVIDER_UNAVAILABLE");
    world.infor.fail_with(None);
    world.pass(60 * SECOND).await;
    for stream in [&mut stream, &mut late] {
        assert_ne!(token(stream).await.token_id, first.token_id);
    }
}

#[tokio::test]
async fn a_refusal_for_good_is_a_problem_that_a_new_version_ends() {
    let world = world().await;
    world.infor.fail_with(Some(|| ExchangeError::Refused(OauthError::InvalidClient)));
    let mut stream = watch(&world).await;
    let told = problem(&mut stream).await;
    assert_eq!((told.reason.as_str(), told.retry_time), ("CREDENTIAL_REFUSED", None));
    world.infor.fail_with(None);
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    assert_eq!(token(&mut stream).await.client_id, "ACME_PRD~app2");
}

#[tokio::test]
async fn a_watcher_follows_the_version_that_serves() {
    let world = world().await;
    let mut stream = watch(&world).await;
    assert_eq!(token(&mut stream).await.credential_version, 1);
    world.upload(ACME, &ionapi("ACME_PRD", "app2")).await;
    let second = token(&mut stream).await;
    assert_eq!((second.credential_version, second.client_id.as_str()), (2, "ACME_PRD~app2"));
    let name = format!("{ACME}/versions/1");
    let request = ActivateCredentialVersionRequest { name, ..Default::default() };
    world.credentials(ADMIN).await.activate_credential_version(request).await.unwrap();
    assert_eq!(token(&mut stream).await.client_id, "ACME_PRD~app1");
    // From the account of the version that served before nothing is heard any more.
    world.pass(INTO_THE_WINDOW).await;
    assert_eq!(token(&mut stream).await.client_id, "ACME_PRD~app1");
}

#[tokio::test]
async fn nothing_is_told_of_a_credential_that_was_deleted_while_infor_was_asked() {
    let world = world().await;
    world.infor.hold();
    let mut stream = watch(&world).await;
    let (ended, ()) = tokio::join!(next(&mut stream), async {
        world.infor.until_requests(1).await;
        delete(&world).await;
        world.infor.release();
    });
    assert_eq!(reason(&ended.unwrap_err()), "CREDENTIAL_DELETED");
}

/// What `permitted` says while Infor is asked decides, and not what it said before.
#[tokio::test]
async fn a_watcher_is_authorized_again_before_each_message() {
    #[derive(Debug, thiserror::Error)]
    enum Ended {
        #[error("denied")]
        Denied,
        #[error("told why")]
        Issue(#[from] IssueError),
    }
    let world = world().await;
    let name: CredentialName = ACME.parse().unwrap();
    let allowed = std::sync::atomic::AtomicBool::new(true);
    let permitted = || match allowed.load(std::sync::atomic::Ordering::SeqCst) {
        true => Ok(world.vault.find(&name).unwrap().unwrap()),
        false => Err(Ended::Denied),
    };
    let caller: Caller = ISSUER.parse().unwrap();
    let mut watch = world.issuer.watch(&caller, None).unwrap();
    world.infor.hold();
    let (news, ()) = tokio::join!(watch.next(permitted), async {
        world.infor.until_requests(1).await;
        allowed.store(false, std::sync::atomic::Ordering::SeqCst);
        world.infor.release();
    });
    assert!(matches!(news, Err(Ended::Denied)), "told a token");
}

/// Nothing queues up for a watcher that is not listening, and nobody waits for it.
#[tokio::test]
async fn who_listens_rarely_hears_the_newest() {
    let world = world().await;
    let name: CredentialName = ACME.parse().unwrap();
    let permitted = || Ok::<_, IssueError>(world.vault.find(&name).unwrap().unwrap());
    let caller: Caller = ISSUER.parse().unwrap();
    let mut slow = world.issuer.watch(&caller, None).unwrap();
    let mut told = async || match slow.next(permitted).await.unwrap() {
        News::Token(issued) => issued.token.id.clone(),
        News::Problem { error, .. } => panic!("{error}"),
    };
    let first = told().await;
    let mut attentive = watch(&world).await;
    assert_eq!(token(&mut attentive).await.token_id, first);
    let mut newest = first;
    for _ in 0..3 {
        world.pass(INTO_THE_WINDOW).await;
        newest = token(&mut attentive).await.token_id;
    }
    assert_eq!(told().await, newest);
    assert_eq!(world.infor.requests(), 4);
}

/// What the connection has no room for is not kept: the stream goes on with the newest.
#[tokio::test]
async fn a_client_that_stopped_reading_is_not_buffered_for() {
    let world = World::new().await;
    // Messages of some 600 bytes: about a hundred of them fill what HTTP/2 lets through unread.
    for app in ["a", "b"] {
        world.upload(ACME, &ionapi("ACME_PRD", &app.repeat(200))).await;
        world.issue(ACME).await.unwrap();
    }
    let mut stalled = watch(&world).await;
    let mut attentive = watch(&world).await;
    assert_eq!(token(&mut attentive).await.credential_version, 2);
    let mut admin = world.credentials(ADMIN).await;
    for change in 0..CHANGES {
        let version = 1 + change % 2;
        let name = format!("{ACME}/versions/{version}");
        let request = ActivateCredentialVersionRequest { name, ..Default::default() };
        admin.activate_credential_version(request).await.unwrap();
        assert_eq!(token(&mut attentive).await.credential_version, version, "it waits for nobody");
    }
    world.upload(ACME, &ionapi("ACME_PRD", "newest")).await;
    let mut messages = 1;
    while token(&mut stalled).await.credential_version != 3 {
        messages += 1;
    }
    println!("{messages} messages read after {} changes", CHANGES + 1);
    assert!(messages < CHANGES, "{messages} messages were kept");
}

/// Twice what fits.
const CHANGES: u32 = 240;

#[tokio::test]
async fn watchers_have_a_limit_and_give_their_place_back() {
    let world = Arc::new(world().await);
    let caller: Caller = ISSUER.parse().unwrap();
    let mut places = Vec::new();
    while let Ok(watch) = world.issuer.watch(&caller, None) {
        places.push(watch);
    }
    assert_eq!(places.len(), 1024);
    let refused = try_watch(&world, ISSUER, None).await.unwrap_err();
    assert_eq!((refused.code(), &*reason(&refused)), (Code::ResourceExhausted, "LIMIT_EXCEEDED"));
    let details = refused.get_error_details();
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "watchers");
    token(&mut try_watch(&world, ADMIN, None).await.unwrap()).await;
    places.pop();
    // A stream that its client drops gives its place back, too.
    let mut stream = watch(&world).await;
    token(&mut stream).await;
    drop(stream);
    let again = async {
        while try_watch(&world, ISSUER, None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(60 * SECOND, again).await.unwrap();
}

#[tokio::test]
async fn what_can_never_be_is_told_by_ending_the_stream() {
    let world = world().await;
    for seconds in [-1, 24 * 3600 + 1] {
        let refused = try_watch(&world, ISSUER, Some(seconds)).await.unwrap_err();
        assert_eq!(reason(&refused), "INVALID_ARGUMENT");
    }
    let mut stream = try_watch(&world, ISSUER, Some(3601)).await.unwrap();
    assert_eq!(reason(&next(&mut stream).await.unwrap_err()), "LIFETIME_TOO_LONG");
    assert!(stream.message().await.unwrap().is_none(), "and nothing after it");
}
