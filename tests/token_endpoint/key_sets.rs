//! The keys of token issuers, fetched with the same client and the same care.

use ionvault::adapters::HttpsKeySet;
use ionvault::ports::{KEY_SET_BYTES_MAX, KeySetSource};
use ionvault::simulator::certificates::Authority;

use crate::raw_server::{RawServer, Then};
use crate::{http, target};

/// What is read of a server that says this, by somebody who trusts this authority.
async fn read(server: &RawServer, ca_pem: &str) -> Result<Vec<u8>, String> {
    let trust_anchors = target(&server.url(), ca_pem).trust_anchors;
    let source = HttpsKeySet::new(server.url().parse().unwrap(), trust_anchors, None);
    source.read().await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_key_set_is_asked_for_and_read_as_it_is() {
    let authority = Authority::generate().unwrap();
    let then = Then::Say(http("200 OK", "{\"keys\":[]}"));
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    assert_eq!(read(&server, authority.certificate_pem()).await.unwrap(), b"{\"keys\":[]}");
    let request = String::from_utf8(server.arrived().await).unwrap().to_ascii_lowercase();
    assert!(request.starts_with("get /token http/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n"), "no body: {request}");
}

#[tokio::test]
async fn whatever_else_is_there_is_no_key_set() {
    let authority = Authority::generate().unwrap();
    let long = "x".repeat(KEY_SET_BYTES_MAX + 1);
    for (head, body, expected) in [
        ("404 Not Found", "{\"keys\":[]}", "there are none at this address"),
        ("500 Oops", "", "there are none at this address"),
        ("302 Found\r\nlocation: https://localhost/", "", "there are none at this address"),
        ("401 Unauthorized", "", "wants to know who asks"),
        ("403 Forbidden", "planted", "wants to know who asks"),
        ("200 OK", long.as_str(), "its answer is too long"),
        ("200 OK\r\ncontent-encoding: gzip", "{}", "compressed"),
    ] {
        let server =
            RawServer::start(&authority.server().unwrap(), Then::Say(http(head, body))).await;
        let refused = read(&server, authority.certificate_pem()).await.unwrap_err();
        assert!(refused.contains(expected), "{head}: {refused}");
        assert!(!refused.contains("planted"), "{refused}");
        assert_eq!(server.connections(), 1, "no redirect is followed, and nothing asked again");
    }
}

#[tokio::test]
async fn a_server_that_cannot_show_who_it_is_gives_no_keys() {
    let (authority, other) = (Authority::generate().unwrap(), Authority::generate().unwrap());
    let then = Then::Say(http("200 OK", "{\"keys\":[]}"));
    let server = RawServer::start(&authority.server().unwrap(), then).await;
    let refused = read(&server, other.certificate_pem()).await.unwrap_err();
    assert!(refused.contains("its certificate"), "{refused}");
}
