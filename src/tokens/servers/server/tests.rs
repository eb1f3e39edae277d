use super::*;
use crate::tokens::jitter::Jitter;
use crate::tokens::servers::{ServerSettings, Servers};

const NAME: &str = "https://sso.example/ACME_TST/as/";

fn servers() -> Servers {
    Servers::new(ServerSettings::default(), Arc::new(Jitter::seeded(12)))
}

/// Fills all places of a server.
async fn fill(server: &Arc<Server>) -> Vec<Passage> {
    let mut passages = Vec::new();
    for _ in 0..PLACES {
        passages.push(server.enter().await.expect("a place"));
    }
    passages
}

fn spawn_waiter(server: &Arc<Server>) -> tokio::task::JoinHandle<Result<Passage, NotNow>> {
    let server = Arc::clone(server);
    tokio::spawn(async move { server.enter().await })
}

/// Lets all other tasks come as far as they can.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

async fn open(server: &Arc<Server>) -> Duration {
    loop {
        match server.enter().await {
            Ok(passage) => passage.report(Health::Failed),
            Err(not_now) => {
                assert_eq!(not_now.why, Why::Open);
                return not_now.retry_after;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_seventeenth_waits_until_one_goes() {
    let server = servers().of(NAME);
    let mut passages = fill(&server).await;
    let waiter = spawn_waiter(&server);
    settle().await;
    assert!(!waiter.is_finished());
    passages.pop();
    assert!(waiter.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_full_sends_away_and_one_who_leaves_it_makes_room() {
    let server = servers().of(NAME);
    let _passages = fill(&server).await;
    let waiters: Vec<_> = (0..QUEUE_MAX).map(|_| spawn_waiter(&server)).collect();
    settle().await;
    let not_now = server.enter().await.err().expect("no room");
    assert_eq!(not_now, NotNow { retry_after: CROWDED_RETRY, why: Why::Crowded });
    waiters[0].abort();
    settle().await;
    let last = spawn_waiter(&server);
    settle().await;
    assert!(!last.is_finished(), "it waits");
    for waiter in waiters {
        waiter.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_slows_nobody_who_needs_another() {
    let servers = servers();
    let dead = servers.of(NAME);
    let held = fill(&dead).await;
    let waiters: Vec<_> = (0..QUEUE_MAX).map(|_| spawn_waiter(&dead)).collect();
    settle().await;
    let before = Instant::now();
    let mut others = Vec::new();
    for number in 1..super::super::PLACES / PLACES {
        others.extend(fill(&servers.of(&format!("https://sso.example/OTHER{number}/as/"))).await);
    }
    assert_eq!(Instant::now(), before, "nobody waited");
    // Now all the places that are shared are taken.
    let late = spawn_waiter(&servers.of("https://sso.example/LATE/as/"));
    settle().await;
    assert!(!late.is_finished());
    others.pop();
    assert!(late.await.unwrap().is_ok());
    drop(held);
    for waiter in waiters {
        waiter.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_learns_that_the_breaker_opened() {
    let server = servers().of(NAME);
    let mut passages = fill(&server).await;
    let waiter = spawn_waiter(&server);
    settle().await;
    for _ in 0..5 {
        passages.pop().unwrap().report(Health::Failed);
    }
    let not_now = waiter.await.unwrap().err().expect("refused");
    assert_eq!(not_now.why, Why::Open);
    // And who comes now is refused without waiting for a place.
    let not_now = server.enter().await.err().expect("refused");
    assert_eq!(not_now.why, Why::Open);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_back_is_noticed_by_one_probe() {
    let server = servers().of(NAME);
    let rest = open(&server).await;
    tokio::time::advance(rest).await;
    let probe = server.enter().await.expect("the probe");
    assert_eq!(server.enter().await.err().map(|not_now| not_now.why), Some(Why::Open));
    probe.report(Health::Answered);
    assert_eq!(fill(&server).await.len(), PLACES, "closed again");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_was_dropped_gives_its_place_back() {
    let server = servers().of(NAME);
    let rest = open(&server).await;
    tokio::time::advance(rest).await;
    for _ in 0..3 {
        drop(server.enter().await.expect("the next probe"));
    }
    server.enter().await.expect("the last probe").report(Health::Answered);
    assert_eq!(fill(&server).await.len(), PLACES);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_passage_is_no_failure() {
    let server = servers().of(NAME);
    for _ in 0..100 {
        drop(server.enter().await.expect("closed"));
    }
    assert!(server.is_closed());
}
