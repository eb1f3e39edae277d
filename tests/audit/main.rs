//! Holds the audit log to what it promises: that nothing recorded is lost, and nothing is edited
//! unnoticed.
//!
//! `IONVAULT_TEST_FULL=1` and a release build run the tests in full size, as CI does: millions of
//! records are verified. Without it they are short.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod appending;
mod child;
mod damage;
#[path = "../disk/model.rs"]
mod disk;
mod flood;
mod kill;
mod power;
mod proofs;
mod reading;
mod retention;
mod room;
mod samples;
mod steps;
mod tampering;
#[path = "../disk/trace.rs"]
mod trace;
mod witnesses;

/// How much of something to do: little on a person's machine, all of it in CI.
fn amount(quick: usize, full: usize) -> usize {
    let all = std::env::var_os("IONVAULT_TEST_FULL").is_some_and(|value| value == "1");
    if all && !cfg!(debug_assertions) { full } else { quick }
}
