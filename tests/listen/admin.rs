//! `[listen.admin]`: a Unix socket for some users, and its file.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use ionvault::identity::{ListenerName, Peer};
use ionvault::listen::{BindError, Listeners};
use ionvault::model::Caller;
use rustix::process::geteuid;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;

use crate::clients::{check, local};
use crate::house::{House, nobody};

#[tokio::test]
async fn a_local_user_is_known_by_its_id() {
    let open = House::new().open().await;
    check(local(&open.dir.path().join("admin.sock")).await.unwrap()).await.unwrap();
    let uid = geteuid().as_raw();
    let peer =
        Peer { caller: Ok(Caller::LocalUser(uid)), listener: ListenerName::Admin, address: None };
    assert_eq!(open.last_peer(), peer);
}

#[tokio::test]
async fn another_user_is_turned_away_and_counted() {
    let mut house = House::new();
    house.allowed_uids = Some(vec![geteuid().as_raw() + 1]);
    let open = house.open().await;
    let mut stream = UnixStream::connect(open.dir.path().join("admin.sock")).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    let counted = open.counted("ionvault_users_refused_total");
    assert_eq!(counted, ["ionvault_users_refused_total{listener=\"admin\"} 1"]);
}

#[tokio::test]
async fn administrators_have_places_of_their_own_and_only_so_many() {
    let mut house = House::new();
    house.limits.connections = 1;
    let open = house.open().await;
    check(open.channel(&open.good()).await).await.unwrap();
    let socket = open.dir.path().join("admin.sock");
    let mut inside = Vec::new();
    for _ in 0..64 {
        inside.push(UnixStream::connect(&socket).await.unwrap());
    }
    let mut last = UnixStream::connect(&socket).await.unwrap();
    assert_eq!(last.read(&mut [0]).await.unwrap(), 0);
    let counted = open.counted("ionvault_connections_refused_total");
    assert_eq!(counted, ["ionvault_connections_refused_total{listener=\"admin\"} 1"]);
}

#[tokio::test]
async fn each_listener_has_reflection_as_configured() {
    let open = House::new().open().await;
    let ask = async |channel| {
        let request = ServerReflectionRequest::default();
        let mut client = ServerReflectionClient::new(channel);
        client.server_reflection_info(tokio_stream::once(request)).await.map(|_| ())
    };
    ask(local(&open.dir.path().join("admin.sock")).await.unwrap()).await.unwrap();
    let refused = ask(open.channel(&open.good()).await).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn the_file_has_its_mode_and_goes_with_the_listener() {
    let house = House::new();
    let path = house.path("admin.sock");
    let mut config = house.config();
    config.admin.as_mut().unwrap().mode = 0o620;
    let listeners = Listeners::bind(&config, nobody(), house.limits.clone()).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o620);
    drop(listeners);
    assert!(!path.exists());

    let open = house.open().await;
    assert!(path.exists());
    open.drain.cancel();
    open.serving.await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_that_took_the_place_of_ours_is_not_removed() {
    let house = House::new();
    let path = house.path("admin.sock");
    let listeners = Listeners::bind(&house.config(), nobody(), house.limits.clone()).await.unwrap();
    fs::rename(&path, house.path("moved")).unwrap();
    fs::write(&path, "somebody else's").unwrap();
    drop(listeners);
    assert_eq!(fs::read_to_string(&path).unwrap(), "somebody else's");
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced() {
    let house = House::new();
    drop(UnixListener::bind(house.path("admin.sock")).unwrap());
    let open = house.open().await;
    check(local(&open.dir.path().join("admin.sock")).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn whatever_else_is_in_the_way_stays_there() {
    let house = House::new();
    let path = house.path("admin.sock");
    let bind = async || {
        Listeners::bind(&house.config(), nobody(), house.limits.clone()).await.err().unwrap()
    };

    let living = UnixListener::bind(&path).unwrap();
    assert!(matches!(bind().await, BindError::SocketInUse { .. }));
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
    drop(living);
    fs::remove_file(&path).unwrap();

    fs::write(&path, "a file").unwrap();
    assert!(matches!(bind().await, BindError::NotASocket { .. }));
    assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
    fs::remove_file(&path).unwrap();

    std::os::unix::fs::symlink(house.path("server.key"), &path).unwrap();
    assert!(matches!(bind().await, BindError::NotASocket { .. }));
    assert!(house.path("server.key").exists());
}
