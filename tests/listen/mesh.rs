//! `[listen.mesh]`: each request is of whom the sidecar says.

use std::os::unix::fs::PermissionsExt;

use ionvault::identity::{ListenerName, UnusableIdentity};
use ionvault::listen::Drained;
use ionvault::model::Caller;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::clients::{check_with, local, plain};
use crate::house::{House, Open};

const XFCC: &str = "x-forwarded-client-cert";
const L5D: &str = "l5d-client-id";

impl Open {
    async fn sidecar(&self) -> tonic::transport::Channel {
        plain(self.mesh.unwrap()).await
    }
}

#[tokio::test]
async fn each_request_on_a_connection_is_of_whom_the_sidecar_says() {
    let open = House::new().open().await;
    let channel = open.sidecar().await;
    for name in ["a", "b", "a"] {
        let id = format!("spiffe://prod.example/{name}");
        let value = format!("By=spiffe://prod.example/ionvault;Hash=00;URI={id}");
        check_with(channel.clone(), &[(XFCC, &value)]).await.unwrap();
        let peer = open.last_peer();
        assert_eq!(peer.caller, Ok(Caller::Spiffe(id)));
        assert_eq!(peer.listener, ListenerName::Mesh);
        assert!(peer.address.unwrap().ip().is_loopback());
    }
}

#[tokio::test]
async fn a_request_without_a_usable_header_is_nobodys_and_counted() {
    let open = House::new().open().await;
    let channel = open.sidecar().await;
    let id = "URI=spiffe://prod.example/a";
    for (headers, expected) in [
        (vec![], UnusableIdentity::NoHeader),
        (vec![(L5D, "a.prod.example")], UnusableIdentity::NoHeader),
        (vec![(XFCC, "URI=spiffe://test.example/a")], UnusableIdentity::ForeignTrustDomain),
        (vec![(XFCC, id), (XFCC, "Hash=00")], UnusableIdentity::NoSpiffeId),
        (vec![(XFCC, "Hash=\""), (XFCC, id)], UnusableIdentity::MalformedHeader),
    ] {
        check_with(channel.clone(), &headers).await.unwrap();
        assert_eq!(open.last_peer().caller, Err(expected), "{headers:?}");
    }
    assert_eq!(
        open.counted("ionvault_unusable_identities_total"),
        ["ionvault_unusable_identities_total{listener=\"mesh\"} 5"]
    );
    // Whoever is usable on the same connection is not disturbed.
    check_with(channel, &[(XFCC, id)]).await.unwrap();
    assert!(open.last_peer().caller.is_ok());
}

#[tokio::test]
async fn linkerd_names_its_clients_by_dns_names() {
    let mut house = House::new();
    house.identity_header = L5D;
    let open = house.open().await;
    let channel = open.sidecar().await;
    let name = "invoices.docs.serviceaccount.identity.linkerd.prod.example";
    check_with(channel.clone(), &[(L5D, name)]).await.unwrap();
    assert_eq!(open.last_peer().caller, Ok(Caller::Dns(name.to_owned())));
    check_with(channel, &[(L5D, name), (L5D, name)]).await.unwrap();
    assert_eq!(open.last_peer().caller, Err(UnusableIdentity::SeveralHeaders));
}

#[tokio::test]
async fn a_sidecar_may_come_in_by_a_unix_socket() {
    let mut house = House::new();
    house.mesh_socket = true;
    let path = house.path("mesh.sock");
    let open = house.open().await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let channel = local(&path).await.unwrap();
    check_with(channel, &[(XFCC, "URI=spiffe://prod.example/a")]).await.unwrap();
    let peer = open.last_peer();
    assert_eq!(peer.caller, Ok(Caller::Spiffe("spiffe://prod.example/a".to_owned())));
    assert_eq!(peer.address, None);
    open.drain.cancel();
    open.serving.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn its_connections_are_limited_and_drained_like_others() {
    let mut house = House::new();
    house.limits.connections = 1;
    let open = house.open().await;
    let channel = open.sidecar().await;
    check_with(channel.clone(), &[]).await.unwrap();
    let mut another = TcpStream::connect(open.mesh.unwrap()).await.unwrap();
    assert_eq!(another.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(
        open.counted("ionvault_connections_refused_total"),
        ["ionvault_connections_refused_total{listener=\"mesh\"} 1"]
    );
    open.drain.cancel();
    assert_eq!(open.serving.await.unwrap(), Drained { cut: 0 });
}

/// Time is ours here: whenever nothing else can happen, the next timer is due.
#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_sent_away() {
    let open = House::new().open().await;
    let mut stream = TcpStream::connect(open.mesh.unwrap()).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}
