//! The vault as its callers see it: a real client, the real services and the real store. Only
//! Infor and the clock are fakes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod accounts;
mod audit;
mod audit_service;
mod authorization;
mod credentials;
mod damage;
mod diagnosis;
mod entrance;
mod every_rpc;
mod isolation;
mod limits;
mod lists;
mod opening;
mod outages;
mod protocol;
mod quotas;
mod reflection;
mod reports;
mod requests;
mod revocation;
mod servers;
mod shared_accounts;
mod support;
mod targets;
mod tokens;
mod verification;
mod watch;
mod web_apps;
