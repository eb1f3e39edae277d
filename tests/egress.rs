//! What files and name servers try, and what comes of it: `n of n refused, 0 connections accepted
//! inside`.
//!
//! The test runs this binary again in user, network and mount namespaces of its own. There every
//! address of the world is at home on `lo`, so a listener hears of each connection, whatever address
//! it goes to, and the system's resolver asks a name server of ours.
#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test"
)]

#[path = "egress/attempts.rs"]
mod attempts;
#[path = "token_endpoint/certificates.rs"]
mod certificates;
#[path = "egress/files.rs"]
mod files;
#[path = "egress/listener.rs"]
mod listener;
#[path = "egress/name_server.rs"]
mod name_server;
#[path = "egress/names.rs"]
mod names;
#[path = "egress/namespace.rs"]
mod namespace;
#[path = "egress/proxy.rs"]
mod proxy;
#[path = "egress/redirects.rs"]
mod redirects;

use attempts::World;

#[test]
fn nothing_inside_is_reached_whatever_a_file_or_a_name_server_says() {
    let Some(output) = namespace::run("inside") else { return };
    let told = String::from_utf8_lossy(&output.stdout);
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("1 passed"), "{told}{complaints}");
    let line = told.lines().find(|line| line.contains("connections accepted inside"));
    println!("{}", line.unwrap());
}

#[tokio::test]
#[ignore = "run by the test above, in namespaces of its own"]
async fn inside() {
    let mut world = World::new().await;
    world.can_tell_what_is_reached().await;
    files::refused_as_they_are_written(&mut world).await;
    names::refused_for_where_they_lead(&mut world).await;
    names::resolved_once(&mut world).await;
    redirects::followed_nowhere(&mut world).await;
    proxy::told_judged_addresses_only(&mut world).await;
    println!("{} of {} refused, 0 connections accepted inside", world.refused, world.refused);
    assert!(world.refused >= 120);
}
