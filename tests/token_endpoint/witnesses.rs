//! Checkpoints that are sent to a server.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use ionvault::adapters::{HttpsWitness, SystemClock};
use ionvault::audit::{AuditLog, AuditSettings, Event};
use ionvault::ports::{CheckpointNote, Witness};
use ionvault::secret::LockedKey;
use ionvault::simulator::certificates::Authority;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::raw_server::{RawServer, Then};
use crate::{http, target};

const NOTE: &str = "ionvault/sample\n3\n+CwO67QarbzbjvD2PJMqeKj9iaDfdAOmM3XyltX6dLA=\n\n— signed\n";

fn witness(server: &RawServer, ca_pem: &str) -> HttpsWitness {
    let trust_anchors = target(&server.url(), ca_pem).trust_anchors;
    HttpsWitness::new(server.url().parse().unwrap(), trust_anchors, None)
}

async fn tell(server: &RawServer, ca_pem: &str) -> Result<(), String> {
    let note = CheckpointNote { size: 3, root: [9; 32], text: NOTE };
    witness(server, ca_pem).tell(note).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_checkpoint_is_posted_as_the_text_that_it_is() {
    let authority = Authority::generate().unwrap();
    for status in ["200 OK", "201 Created", "204 No Content"] {
        let identity = authority.server().unwrap();
        let server = RawServer::start(&identity, Then::Say(http(status, ""))).await;
        tell(&server, authority.certificate_pem()).await.unwrap();
        let request = String::from_utf8(server.arrived().await).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /token HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"), "{head}");
        assert_eq!(body, NOTE);
    }
}

#[tokio::test]
async fn whatever_else_it_answers_the_checkpoint_is_not_taken() {
    let authority = Authority::generate().unwrap();
    for (head, expected) in [
        ("302 Found\r\nlocation: https://localhost/", "it answered with status 302"),
        ("307 Temporary Redirect\r\nlocation: /token", "it answered with status 307"),
        ("403 Forbidden", "it answered with status 403"),
        ("503 Oops", "it answered with status 503"),
        ("planted", "its answer is not HTTP"),
    ] {
        let identity = authority.server().unwrap();
        let server = RawServer::start(&identity, Then::Say(http(head, "planted"))).await;
        let refused = tell(&server, authority.certificate_pem()).await.unwrap_err();
        assert!(refused.contains(expected), "{head}: {refused}");
        assert!(!refused.contains("planted"), "{refused}");
        assert_eq!(server.connections(), 1, "no redirect is followed");
    }
}

#[tokio::test]
async fn a_server_that_cannot_show_who_it_is_is_told_nothing() {
    let (authority, other) = (Authority::generate().unwrap(), Authority::generate().unwrap());
    let then = Then::Say(http("200 OK", ""));
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    let refused = tell(&server, other.certificate_pem()).await.unwrap_err();
    assert!(refused.contains("its certificate"), "{refused}");
    tell(&server, authority.certificate_pem()).await.unwrap();
    assert_eq!(server.requests().len(), 1, "only the second one came so far");
}

#[tokio::test]
async fn a_silent_server_is_given_up_as_a_witness_too() {
    let authority = Authority::generate().unwrap();
    let then = Then::SayAndHang(Vec::new());
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    let witness = witness(&server, authority.certificate_pem());
    let note = CheckpointNote { size: 3, root: [9; 32], text: NOTE };
    let told = tokio::spawn(async move { witness.tell(note).await });
    server.arrived().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    let refused = told.await.unwrap().unwrap_err().to_string();
    tokio::time::resume();
    assert!(refused.contains("it did not answer in time"), "{refused}");
}

/// A log of so many calls that is kept, and what ends it.
async fn log_of(calls: u64, witness: HttpsWitness, until: impl Future<Output = ()>) -> AuditLog {
    let dir = tempfile::tempdir().unwrap();
    let seed = LockedKey::from_bytes(&[7; 32]).unwrap();
    let (settings, clock) = (AuditSettings::default(), Arc::new(SystemClock));
    let log = AuditLog::open(dir.path(), "ionvault/sample", seed, settings, clock).unwrap();
    for _ in 0..calls {
        let event = Event { method: "IssueToken".into(), ..Event::default() };
        log.admit().unwrap().record(&event).unwrap();
    }
    let ended = CancellationToken::new();
    let end = async {
        log.new_checkpoint().await.unwrap();
        until.await;
        ended.cancel();
    };
    tokio::join!(log.run(ended.clone(), vec![Arc::new(witness)]), end);
    log
}

#[tokio::test]
async fn what_was_refused_is_told_again_and_the_newest_checkpoint_then() {
    let authority = Authority::generate().unwrap();
    let answers = [http("503 Oops", ""), http("302 Found", ""), http("200 OK", "")];
    let then = Then::SayInTurn(answers.to_vec());
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    let witness = witness(&server, authority.certificate_pem());
    let log = log_of(5, witness, server.arrived_times(3)).await;
    let requests = server.requests();
    let last = String::from_utf8(requests.last().unwrap().clone()).unwrap();
    assert!(last.ends_with(&log.checkpoint().note), "{last}");
}

#[tokio::test]
async fn a_server_that_hangs_does_not_hold_up_the_end() {
    let authority = Authority::generate().unwrap();
    let then = Then::SayAndHang(Vec::new());
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    let witness = witness(&server, authority.certificate_pem());
    let begun = Cell::new(None);
    let until = async {
        server.arrived().await;
        // From here on time passes only where nothing else is to do.
        tokio::time::pause();
        begun.set(Some(Instant::now()));
    };
    log_of(5, witness, until).await;
    let took = begun.get().unwrap().elapsed();
    assert!(took.as_secs() <= 5, "{took:?}");
}
