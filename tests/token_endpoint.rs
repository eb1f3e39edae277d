//! The HTTPS client against real TLS servers on loopback: the simulator, and one that misbehaves.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "token_endpoint/certificates.rs"]
mod certificates;
#[path = "token_endpoint/key_sets.rs"]
mod key_sets;
#[path = "token_endpoint/logs.rs"]
mod logs;
#[path = "token_endpoint/raw_server.rs"]
mod raw_server;
#[path = "token_endpoint/tls.rs"]
mod tls;
#[path = "token_endpoint/witnesses.rs"]
mod witnesses;

use std::time::Duration;

use ionvault::adapters::HttpsTokenEndpoint;
use ionvault::ports::{
    ExchangeError, GrantRequest, Target, TokenAnswer, TokenEndpoint, TokenRequest,
};
use ionvault::secret::Secret;
use ionvault::simulator::certificates::Authority;
use raw_server::{RawServer, Then};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

const PLANTED: &str = "planted-client-secret";

fn target(url: &str, ca_pem: &str) -> Target {
    let trust_anchors =
        CertificateDer::pem_slice_iter(ca_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
    Target { url: url.parse().unwrap(), private_addresses: true, trust_anchors }
}

async fn exchange(target: &Target) -> Result<TokenAnswer, ExchangeError> {
    let request = TokenRequest {
        target,
        client_id: "ACME_TST~client",
        client_secret: &Secret::from(PLANTED.to_owned()),
        grant: GrantRequest::ClientCredentials,
        scope: None,
    };
    HttpsTokenEndpoint::new().exchange(&request).await
}

async fn refusal(target: &Target) -> String {
    match exchange(target).await {
        Ok(_) => panic!("{} gave a token", target.url),
        Err(error) => {
            let shown = format!("{error:?} {error}");
            assert!(!shown.contains("planted") && !shown.contains("localhost"), "{shown}");
            format!("{error:?}")
        }
    }
}

fn http(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

async fn refusal_of(authority: &Authority, then: Then) -> String {
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    let refused = refusal(&target(&server.url(), authority.certificate_pem())).await;
    assert_eq!(server.connections(), 1, "an exchange is one connection");
    refused
}

#[tokio::test]
async fn the_request_is_a_form_that_says_no_more_than_it_must() {
    let authority = Authority::generate().unwrap();
    let then = Then::Say(http("200 OK", r#"{"access_token":"t","token_type":"Bearer"}"#));
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    let answer = exchange(&target(&server.url(), authority.certificate_pem())).await;
    let Ok(answer) = answer else { panic!("no token") };
    assert_eq!(answer.access_token.expose(), b"t");
    let request = String::from_utf8(server.arrived().await).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<String> = head.lines().map(str::to_ascii_lowercase).collect();
    lines.sort();
    let port = server.url().parse::<url::Url>().unwrap().port().unwrap();
    assert_eq!(
        lines,
        [
            "accept: application/json".to_owned(),
            format!("content-length: {}", body.len()),
            "content-type: application/x-www-form-urlencoded".to_owned(),
            format!("host: localhost:{port}"),
            "post /token http/1.1".to_owned(),
            format!("user-agent: ionvault/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
    assert_eq!(
        body,
        format!(
            "grant_type=client_credentials&client_id=ACME_TST%7Eclient&client_secret={PLANTED}"
        )
    );
}

/// The environment belongs to the process, so the test above is run again in one of its own.
#[tokio::test]
async fn no_proxy_is_taken_from_the_environment() {
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let run = tokio::task::spawn_blocking(move || {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "the_request_is_a_form_that_says_no_more_than_it_must"]);
        for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
            command.env(name, &url);
        }
        command.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap()
    });
    tokio::select! {
        _ = proxy.accept() => panic!("the proxy was asked"),
        output = run => {
            let output = output.unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && told.contains("1 passed"), "{told}");
        }
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let authority = Authority::generate().unwrap();
    let token = http("200 OK", r#"{"access_token":"t","token_type":"Bearer"}"#);
    let elsewhere = RawServer::start(&authority.server().unwrap(), Then::Say(token)).await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!("{status} Moved\r\nlocation: {}", elsewhere.url());
        let refused = refusal_of(&authority, Then::Say(http(&head, ""))).await;
        assert_eq!(refused, r#"Misbehaved("it answered with a redirect")"#, "{status}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn answers_are_bounded_and_must_be_http() {
    let authority = Authority::generate().unwrap();
    let long =
        format!(r#"{{"access_token":"t","token_type":"Bearer","x":"{}"}}"#, "x".repeat(65_536));
    let announced = http("200 OK", &long);
    let endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"400\r\n".as_slice(), &[b' '; 1024], b"\r\n"].concat();
    let headers = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (then, expected) in [
        (Then::Say(announced), r#"Misbehaved("its answer is too long")"#),
        (Then::SayForEver(endless, chunk), r#"Misbehaved("its answer is too long")"#),
        (
            Then::SayForEver(headers, b"x: planted\r\n".repeat(64)),
            r#"Misbehaved("its answer is not HTTP")"#,
        ),
        (
            Then::Say(b"220 planted.example ESMTP\r\n".to_vec()),
            r#"Misbehaved("its answer is not HTTP")"#,
        ),
        (
            Then::Say(http("200 OK\r\ncontent-encoding: gzip", "planted")),
            r#"Misbehaved("it compressed an answer that must not be")"#,
        ),
        (
            Then::Say(http("200 OK", "<html>planted</html>")),
            r#"Misbehaved("its answer is not the JSON of a token answer")"#,
        ),
        (
            Then::Say(http("200 OK\r\ncontent-length: 400", "{\"access_token\":\"planted")),
            r#"Misbehaved("its answer is not HTTP")"#,
        ),
    ] {
        assert_eq!(refusal_of(&authority, then).await, expected);
    }
}

#[tokio::test]
async fn a_broken_connection_is_no_answer() {
    let authority = Authority::generate().unwrap();
    let broken = r#"Unavailable { what: "the connection broke before the answer was complete", retry_after: None }"#;
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"access_token\":\"planted".to_vec();
    for then in [Then::Reset, Then::Say(Vec::new()), Then::Say(cut)] {
        assert_eq!(refusal_of(&authority, then).await, broken);
    }
    let closed = target("https://localhost:1/token", authority.certificate_pem());
    let refused = r#"Unreachable("no connection can be made")"#;
    assert_eq!(refusal(&closed).await, refused);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_when_it_says() {
    let authority = Authority::generate().unwrap();
    let long = Then::Say(http("503 Busy\r\nretry-after: 2", &"planted".repeat(10_000)));
    let expected =
        r#"Unavailable { what: "it answered that it has failed", retry_after: Some(2s) }"#;
    assert_eq!(refusal_of(&authority, long).await, expected);
    let fewer = Then::Say(http("429 Too Many\r\nretry-after: 7", "<html>planted</html>"));
    assert_eq!(refusal_of(&authority, fewer).await, "Throttled { retry_after: Some(7s) }");
    for (head, what, seconds) in [
        (
            "503 Busy\r\ndate: Sun, 01 Mar 2026 10:00:00 GMT\r\nretry-after: Sun, 01 Mar 2026 10:01:00 GMT",
            "it answered that it has failed",
            "Some(60s)",
        ),
        ("500 Failed", "it answered that it has failed", "None"),
        ("502 Bad\r\ncontent-encoding: gzip", "it answered that it has failed", "None"),
    ] {
        let refused = refusal_of(&authority, Then::Say(http(head, "<html>planted</html>"))).await;
        let expected = format!("Unavailable {{ what: {what:?}, retry_after: {seconds} }}");
        assert_eq!(refused, expected);
    }
}

/// The clock is stopped once the server has the connection or the request, then put forward: no
/// machine is too slow for this test.
#[tokio::test]
async fn a_silent_server_is_given_up() {
    let authority = Authority::generate().unwrap();
    let half = b"HTTP/1.1 200 OK\r\ncontent-le".to_vec();
    let unreachable = r#"Unreachable("no connection came about in time")"#;
    let silent = r#"Unavailable { what: "it did not answer in time", retry_after: None }"#;
    for (then, limit, expected) in [
        (Then::NoHandshake, Duration::from_secs(3), unreachable),
        (Then::SayAndHang(Vec::new()), Duration::from_secs(10), silent),
        (Then::SayAndHang(half), Duration::from_secs(10), silent),
    ] {
        let server = RawServer::start(&authority.server().unwrap(), then).await;
        let target = target(&server.url(), authority.certificate_pem());
        let mut refused = tokio::spawn(async move { refusal(&target).await });
        tokio::select! {
            refused = &mut refused => panic!("{refused:?}, and nothing arrived"),
            _ = server.arrived() => {}
        }
        tokio::time::pause();
        tokio::time::advance(limit).await;
        let refused = refused.await.unwrap();
        tokio::time::resume();
        assert_eq!(refused, expected);
    }
}
