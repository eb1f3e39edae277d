//! The program from outside: `ionvault init` and `ionvault serve` as an operator runs them, in
//! processes of their own, with a configuration, certificates and a root key in files.
#![cfg(feature = "simulator")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test that is how a wrong assumption is reported; clippy's own exception misses helpers"
)]

#[allow(clippy::print_stderr, reason = "a skipped test says so")]
#[path = "third_party/installed.rs"]
mod installed;

#[path = "token_endpoint/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "tests/hostile.rs uses the rest")]
#[path = "hostile/server.rs"]
mod server;

mod process {
    mod clients;
    mod crafted_tokens;
    mod drain;
    mod envoy;
    #[allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that tells its figures")]
    mod full_disk;
    mod grpcurl;
    mod installation;
    mod issuer;
    #[allow(clippy::print_stdout, reason = "a test that tells its figures")]
    mod kill;
    mod load;
    mod neighbours;
    mod program;
    mod records;
    mod refusals;
    mod reload;
    mod start;
    mod tokens;
}
