//! A vault for Infor ION API files that hands out access tokens and nothing else.
//!
//! A request travels down this list and never back up; `tests/tidy.rs` holds the modules to it.
//!
//! 1. [`model`] and [`secret`]: validated nouns, and secret bytes with one door.
//! 2. [`access`]: who may do what with which credential.
//! 3. [`ion`]: reads ION API files, says where they may point, and explains Infor's refusals.
//! 4. [`sealing`]: seals and opens records.
//! 5. [`ports`]: what the domain needs from outside; [`adapters`] supplies it.
//!
//! Beside it stands `simulator`, Infor's authorization server in miniature.

pub mod access;
pub mod adapters;
pub mod ion;
pub mod model;
pub mod ports;
pub mod sealing;
pub mod secret;

#[cfg(feature = "simulator")]
pub mod simulator;

pub mod pb;
