//! A vault for Infor ION API files that hands out access tokens and nothing else.
//!
//! A request travels down this list and never back up; `tests/tidy.rs` holds the modules to it.
//!
//! 1. [`model`] and [`secret`]: validated nouns, and secret bytes with one door.
//! 2. [`access`]: who may do what with which credential.
//! 3. [`sealing`]: seals and opens records.
//! 4. [`ports`]: what the domain needs from outside; [`adapters`] supplies it.

pub mod access;
pub mod adapters;
pub mod model;
pub mod ports;
pub mod sealing;
pub mod secret;

pub mod pb;
