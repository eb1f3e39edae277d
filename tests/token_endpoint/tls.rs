//! Which servers are believed.

use ionvault::simulator::certificates::Authority;
use ionvault::simulator::{Simulator, SimulatorConfig};

use crate::certificates::leaf;
use crate::raw_server::{RawServer, Then};
use crate::{exchange, http, refusal, target};

const TOKEN: &str = r#"{"access_token":"t","token_type":"Bearer"}"#;

#[tokio::test]
async fn a_certificate_must_be_valid_now_for_this_host_and_from_a_trusted_authority() {
    let stranger = Authority::generate().unwrap();
    let good = leaf("localhost", 2020, 2120);
    let expired = leaf("localhost", 2020, 2021);
    let early = leaf("localhost", 2110, 2120);
    let elsewhere = leaf("sso.example", 2020, 2120);
    for (identity, trusted, expected) in [
        (&good.0, good.1.as_str(), None),
        (&expired.0, &expired.1, Some("its certificate has expired")),
        (&early.0, &early.1, Some("its certificate is not valid yet")),
        (&elsewhere.0, &elsewhere.1, Some("its certificate is for another host")),
        (
            &good.0,
            stranger.certificate_pem(),
            Some("its certificate comes from an authority that is not trusted for it"),
        ),
        // No anchors: the public roots, and nothing else.
        (&good.0, "", Some("its certificate comes from an authority that is not trusted for it")),
    ] {
        let server = RawServer::start(identity, Then::Say(http("200 OK", TOKEN))).await;
        let target = target(&server.url(), trusted);
        match expected {
            None => assert!(exchange(&target).await.is_ok()),
            Some(what) => {
                assert_eq!(refusal(&target).await, format!("Unreachable({what:?})"));
            }
        }
    }
}

#[tokio::test]
async fn nothing_connects_to_an_address_that_is_not_approved() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let url = format!("{}/InforIntSTS/connect/token", simulator.base_url());
    let mut target = target(&url, simulator.ca_pem());
    target.private_addresses = false;
    assert_eq!(refusal(&target).await, r#"AddressNotAllowed("a loopback address")"#);
    target.private_addresses = true;
    assert_eq!(refusal(&target).await, "Refused(InvalidClient)");
    target.url.set_scheme("http").unwrap();
    assert_eq!(refusal(&target).await, r#"AddressNotAllowed("it is not an https address")"#);
    assert_eq!(simulator.requests().tokens(), 1);
    simulator.shutdown().await;
}

#[tokio::test]
async fn servers_of_either_version_of_tls_are_reached() {
    let (identity, authority) = leaf("localhost", 2020, 2120);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let then = Then::Say(http("200 OK", TOKEN));
        let server = RawServer::start_with(&identity, then, &[version]).await;
        assert!(exchange(&target(&server.url(), &authority)).await.is_ok(), "{version:?}");
    }
}
