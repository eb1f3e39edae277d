//! The listeners, from outside: real sockets, real TLS, a health service behind them.

#![expect(unreachable_pub, reason = "the modules of a test are its own")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test")]
#![expect(clippy::indexing_slicing, reason = "a test")]

#[path = "listen/admin.rs"]
mod admin;
#[path = "listen/authority.rs"]
mod authority;
#[path = "listen/bind.rs"]
mod bind;
#[path = "listen/calls.rs"]
mod calls;
#[path = "listen/clients.rs"]
mod clients;
#[path = "listen/crafted.rs"]
mod crafted;
#[path = "listen/drain.rs"]
mod drain;
#[path = "listen/forged.rs"]
mod forged;
#[path = "listen/frames.rs"]
mod frames;
#[path = "listen/handshake.rs"]
mod handshake;
#[path = "listen/house.rs"]
mod house;
#[path = "listen/identity.rs"]
mod identity;
#[path = "listen/issuer.rs"]
mod issuer;
#[path = "listen/journal.rs"]
mod journal;
#[path = "listen/mesh.rs"]
mod mesh;
#[path = "listen/ops.rs"]
mod ops;
#[path = "listen/patience.rs"]
mod patience;
#[path = "listen/renewal.rs"]
mod renewal;
