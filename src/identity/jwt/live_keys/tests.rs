use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{advance, sleep};

use super::*;

/// A place that takes its time, and is asked so often.
struct Place {
    answer: Mutex<Result<Vec<u8>, &'static str>>,
    asked: AtomicUsize,
    takes: Duration,
}

const EVERY: Duration = Duration::from_secs(300);

impl Place {
    fn new(answer: Result<Vec<u8>, &'static str>) -> Arc<Self> {
        Self::slow(Duration::from_secs(1), answer)
    }

    fn slow(takes: Duration, answer: Result<Vec<u8>, &'static str>) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(answer), asked: AtomicUsize::new(0), takes })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn becomes(&self, answer: Result<Vec<u8>, &'static str>) {
        *self.answer.lock().unwrap() = answer;
    }
}

#[async_trait]
impl KeySetSource for Place {
    async fn read(&self) -> Result<Vec<u8>, ReadKeySetError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        sleep(self.takes).await;
        self.answer.lock().unwrap().clone().map_err(ReadKeySetError::Unreachable)
    }

    fn read_every(&self) -> Duration {
        EVERY
    }
}

fn set(id: &str) -> Vec<u8> {
    let modulus = BASE64URL_NOPAD.encode(&[0xff; 256]);
    let key = json!({ "kty": "RSA", "kid": id, "n": modulus, "e": "AQAB" });
    json!({ "keys": [key] }).to_string().into_bytes()
}

/// Keys that are being kept, with the task that keeps them.
async fn kept(place: &Arc<Place>) -> (Arc<LiveKeys>, JoinSet<()>) {
    let keys = Arc::new(LiveKeys::new("https://a.example".to_owned(), place.clone()));
    let mut keeping = JoinSet::new();
    let kept = keys.clone();
    keeping.spawn(async move { kept.keep().await });
    (keys, keeping)
}

fn knows(keys: &LiveKeys, id: &str) -> bool {
    keys.current().is_some_and(|keys| keys.find(Some(id)).is_ok())
}

#[tokio::test(start_paused = true)]
async fn a_place_that_was_not_there_at_the_start_is_tried_until_it_is() {
    let place = Place::new(Err("down"));
    let (keys, _keeping) = kept(&place).await;
    sleep(Duration::from_secs(60)).await;
    assert!(keys.current().is_none());
    assert_eq!(place.asked(), 6, "every ten seconds, and a second each");
    place.becomes(Ok(set("one")));
    sleep(RETRY + Duration::from_secs(2)).await;
    assert!(knows(&keys, "one"));
}

#[tokio::test(start_paused = true)]
async fn a_place_that_never_answers_is_given_up_and_asked_again() {
    let place = Place::slow(Duration::MAX, Ok(set("one")));
    let (_keys, _keeping) = kept(&place).await;
    sleep(READ_TIME_MAX + RETRY - Duration::from_secs(1)).await;
    assert_eq!(place.asked(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(place.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn keys_are_read_again_in_time_and_stay_if_that_fails() {
    let place = Place::new(Ok(set("one")));
    let (keys, _keeping) = kept(&place).await;
    sleep(Duration::from_secs(2)).await;
    assert!(knows(&keys, "one"));
    place.becomes(Ok(set("two")));
    sleep(EVERY + Duration::from_secs(2)).await;
    assert!(knows(&keys, "two") && !knows(&keys, "one"), "a key that is gone is not believed");
    for useless in [Err("down"), Ok(b"{}".to_vec()), Ok(vec![b' '; 100_000])] {
        place.becomes(useless);
        sleep(EVERY + Duration::from_secs(2)).await;
        assert!(knows(&keys, "two"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_tokens_with_unknown_keys_cause_one_request() {
    let place = Place::new(Ok(set("one")));
    let (keys, _keeping) = kept(&place).await;
    sleep(Duration::from_secs(2)).await;
    place.becomes(Ok(set("two")));
    let mut callers = JoinSet::new();
    for _ in 0..1000 {
        let keys = keys.clone();
        callers.spawn(async move { keys.read_again().await && knows(&keys, "two") });
    }
    let helped = callers.join_all().await.into_iter().filter(|helped| *helped).count();
    // The others were not let wait.
    assert_eq!(helped, WAITING_MAX);
    assert_eq!(place.asked(), 2);
    assert!(!keys.read_again().await, "not again so soon");
    advance(ASKED_EVERY_MIN).await;
    assert!(keys.read_again().await);
    assert_eq!(place.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_stops_nothing_and_one_that_waits_has_a_limit() {
    let place = Place::new(Ok(set("one")));
    let (keys, mut keeping) = kept(&place).await;
    sleep(Duration::from_secs(2)).await;
    place.becomes(Ok(set("two")));
    let gave_up = timeout(Duration::from_millis(1), keys.read_again()).await;
    assert!(gave_up.is_err());
    sleep(Duration::from_secs(2)).await;
    assert!(knows(&keys, "two"));
    keeping.shutdown().await;
    advance(ASKED_EVERY_MIN).await;
    let began = Instant::now();
    assert!(!keys.read_again().await, "nobody reads any more");
    assert_eq!(began.elapsed(), WAIT_MAX);
}
