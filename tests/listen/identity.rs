//! Whom the services take a caller for.

use ionvault::identity::{ListenerName, UnusableIdentity};
use ionvault::model::Caller;
use rcgen::{CertificateParams, SanType};

use crate::authority::INVOICES;
use crate::clients::check;
use crate::house::House;

#[tokio::test]
async fn a_good_certificate_makes_its_caller_known_to_every_call() {
    let open = House::new().open().await;
    let channel = open.channel(&open.good()).await;
    for _ in 0..2 {
        check(channel.clone()).await.unwrap();
        let peer = open.last_peer();
        assert_eq!(peer.caller, Ok(Caller::Spiffe(INVOICES.to_owned())));
        assert_eq!(peer.listener, ListenerName::Mtls);
        assert!(peer.address.unwrap().ip().is_loopback());
    }
    let peers = open.peers.lock().unwrap();
    assert!(std::sync::Arc::ptr_eq(&peers[0], &peers[1]), "established once per connection");
}

#[tokio::test]
async fn callers_of_different_connections_are_not_confused() {
    let open = House::new().open().await;
    let names = ["spiffe://prod.example/a", "spiffe://prod.example/b"];
    let mut channels = Vec::new();
    for name in names {
        channels.push(open.channel(&open.authority.client(&[name])).await);
    }
    for _ in 0..3 {
        for (name, channel) in names.iter().zip(&channels) {
            check(channel.clone()).await.unwrap();
            assert_eq!(open.last_peer().caller, Ok(Caller::Spiffe((*name).to_owned())));
        }
    }
}

#[tokio::test]
async fn a_valid_certificate_that_names_nobody_passes_the_handshake_as_nobody() {
    let open = House::new().open().await;
    for (uris, expected) in [
        (vec!["spiffe://test.example/a"], UnusableIdentity::ForeignTrustDomain),
        (vec![INVOICES, "spiffe://prod.example/b"], UnusableIdentity::SeveralUris),
        (vec!["https://prod.example/a"], UnusableIdentity::InvalidSpiffeId),
        (vec![], UnusableIdentity::NoSpiffeId),
    ] {
        let peer = open.known_as(&open.authority.client(&uris)).await;
        assert_eq!(peer.caller, Err(expected), "{uris:?}");
    }
    assert_eq!(
        open.counted("ionvault_unusable_identities_total"),
        ["ionvault_unusable_identities_total{listener=\"mtls\"} 4"]
    );
}

#[tokio::test]
async fn a_dns_name_makes_a_caller_only_where_the_configuration_says_so() {
    let named = |params: &mut CertificateParams| {
        params.subject_alt_names = vec![SanType::DnsName("a.example".try_into().unwrap())];
    };
    for (allow_dns_san, expected) in [
        (true, Ok(Caller::Dns("a.example".to_owned()))),
        (false, Err(UnusableIdentity::NoSpiffeId)),
    ] {
        let mut house = House::new();
        house.allow_dns_san = allow_dns_san;
        let open = house.open().await;
        assert_eq!(open.known_as(&open.authority.leaf(named)).await.caller, expected);
    }
}
