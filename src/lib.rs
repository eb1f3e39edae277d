//! A vault for Infor ION API files that hands out access tokens and nothing else.
//!
//! A request travels down this list and never back up; `tests/tidy.rs` holds the modules to it.
//!
//! 1. [`listen`]: sockets, TLS and HTTP/2, with a limit on everything.
//! 2. [`identity`]: who calls, by the channel or by a header that one listener believes.
//! 3. [`grpc`] turns protobuf into domain values, and domain errors into a `Status`.
//! 4. [`quotas`]: how often anybody may call.
//! 5. [`access`]: who may do what with which credential.
//! 6. [`audit`] records each call before its answer leaves, so that nobody edits it unnoticed.
//! 7. [`tokens`] decides which access token to issue, and when a cached one will do.
//! 8. [`vault`] keeps credentials, their versions and their keys.
//! 9. [`ion`] reads ION API files, says where they may point, and explains Infor's refusals.
//! 10. [`ports`] names what the domain needs from outside; [`adapters`] supplies it.
//! 11. [`sealing`] seals and opens records.
//! 12. [`model`] and [`secret`]: validated nouns, and secret bytes with one door.
//!
//! [`cli`] is the program, which starts a vault or asks one; [`app`] wires all of it. Beside it stand [`config`], what the operator decided, [`file_watch`],
//! when that changes, [`telemetry`], what the operator sees, and `simulator`, Infor's authorization server in miniature.

pub mod access;
pub mod adapters;
pub mod app;
pub mod audit;
pub mod cli;
pub mod config;
pub mod file_watch;
pub mod grpc;
pub mod identity;
pub mod ion;
pub mod listen;
pub mod model;
pub mod ports;
pub mod quotas;
pub mod sealing;
pub mod secret;
pub mod telemetry;
pub mod tokens;
pub mod vault;

#[cfg(feature = "simulator")]
pub mod simulator;

pub mod pb;
