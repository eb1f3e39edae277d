//! How the listeners close: nobody new, calls in flight finish, and nothing takes for ever.

use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ionvault::listen::Drained;
use tokio::net::TcpStream;

use tonic::{Code, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt;

use crate::house::{House, Open};
use crate::patience::until;

#[tokio::test]
async fn newcomers_are_refused_and_calls_in_flight_finish() {
    let open = House::new().open().await;
    let client = open.raw(&open.good()).await;
    let call = tokio::spawn(client.call_held(&[]));
    open.held.until_at_work(1).await;

    open.drain.cancel();
    until("newcomers are refused", async || {
        let refused = TcpStream::connect(open.mtls).await;
        refused.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    })
    .await;
    assert!(!open.serving.is_finished());

    open.held.let_go(1);
    assert_eq!(call.await.unwrap().unwrap().grpc_status.as_deref(), Some("0"));
    assert_eq!(open.serving.await.unwrap(), Drained { cut: 0 });
    client.connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_when_the_grace_is_over() {
    let mut house = House::new();
    house.grace = Duration::from_millis(50);
    let open = house.open().await;
    let client = open.raw(&open.good()).await;
    let call = tokio::spawn(client.call_held(&[]));
    open.held.until_at_work(1).await;

    open.drain.cancel();
    assert_eq!(open.serving.await.unwrap(), Drained { cut: 1 });
    call.await.unwrap().unwrap_err();
    // Nothing of it runs on.
    open.held.until_at_work(0).await;
}

#[tokio::test]
async fn clients_without_a_call_hold_nobody_up() {
    let mut house = House::new();
    house.limits.handshake = Duration::from_secs(600);
    let open = house.open().await;
    let idle = open.raw(&open.good()).await;
    let _undecided = TcpStream::connect(open.mtls).await.unwrap();
    open.held.let_go(1);
    idle.call_held(&[]).await.unwrap();
    open.drain.cancel();
    idle.connection.await.unwrap().unwrap();
    assert_eq!(open.serving.await.unwrap(), Drained { cut: 0 });
}

/// A stream that never ends by itself, after its first message.
async fn stream(open: &Open) -> Result<Streaming<HealthCheckResponse>, Status> {
    let mut client = HealthClient::new(open.channel(&open.good()).await);
    let request = HealthCheckRequest { service: String::new() };
    let mut stream = client.watch(request).await?.into_inner();
    stream.message().await?.unwrap();
    Ok(stream)
}

fn is_told_to_call_again(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let details = status.get_error_details();
    assert_eq!(details.error_info().unwrap().reason, "SHUTTING_DOWN");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
}

#[tokio::test]
async fn streams_end_with_the_drain_and_hold_it_up_no_longer() {
    let open = House::new().open().await;
    let mut streams = vec![stream(&open).await.unwrap(), stream(&open).await.unwrap()];
    open.drain.cancel();
    for stream in &mut streams {
        is_told_to_call_again(&stream.message().await.unwrap_err());
    }
    assert_eq!(open.serving.await.unwrap(), Drained { cut: 0 });
}

#[tokio::test]
async fn a_stream_on_an_old_connection_is_told_to_call_again() {
    let mut house = House::new();
    house.limits.connection_age = Duration::from_millis(50);
    let open = house.open().await;
    // On a busy machine a connection may be old before the stream begins.
    let mut stream = loop {
        if let Ok(stream) = stream(&open).await {
            break stream;
        }
    };
    is_told_to_call_again(&stream.message().await.unwrap_err());
}

/// The limit is for the beginning of an answer. However slow the machine, the stream is there
/// longer than that.
#[tokio::test]
async fn the_limit_on_calls_cuts_no_stream() {
    let mut house = House::new();
    house.limits.call = Duration::from_millis(50);
    let open = house.open().await;
    let mut stream = stream(&open).await.unwrap();
    let longer = tokio::time::timeout(Duration::from_millis(200), stream.message());
    longer.await.unwrap_err();
    open.drain.cancel();
    is_told_to_call_again(&stream.message().await.unwrap_err());
}

#[tokio::test]
async fn an_old_connection_is_asked_to_end_and_its_call_finishes() {
    let mut house = House::new();
    house.limits.connection_age = Duration::from_millis(50);
    let open = house.open().await;
    let client = open.raw(&open.good()).await;
    let call = tokio::spawn(client.call_held(&[]));
    open.held.until_at_work(1).await;
    // From the GOAWAY on no new call goes out; before it, one is taken and ends at once.
    let short = [("grpc-timeout", "1m".to_owned())];
    until("asked to end", async || client.call_held(&short).await.is_err()).await;
    assert_eq!(open.held.at_work.load(Ordering::SeqCst), 1);
    open.held.let_go(1);
    assert_eq!(call.await.unwrap().unwrap().grpc_status.as_deref(), Some("0"));
    client.connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_old_connection_whose_call_does_not_end_is_cut() {
    let mut house = House::new();
    house.limits.connection_age = Duration::from_millis(50);
    house.limits.connection_age_grace = Duration::from_millis(50);
    let open = house.open().await;
    let client = open.raw(&open.good()).await;
    client.call_held(&[]).await.unwrap_err();
    open.held.until_at_work(0).await;
}
