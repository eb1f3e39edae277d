//! Holds every store to its contract, and the sled adapter to its promises about crashes.
//!
//! `IONVAULT_TEST_FULL=1` runs the crash tests in full size, as CI does; without it they are short.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod conformance;
mod crash;
mod files;
mod machine;
mod model;
mod samples;
