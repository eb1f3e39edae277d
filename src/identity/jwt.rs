//! The caller that a JSON Web Token names.
//!
//! A token is [read](token) with all its types checked, its issuer must be pinned, its algorithm on
//! that issuer's list, and one of the issuer's [keys](key_set), which fits the algorithm, must have
//! signed it. Only then does what it claims count ([`rules`]). Nothing that a token says leads
//! anywhere: keys are fetched from where the configuration says, whatever its header names.
//!
//! Of the library the keys and the signatures are used. Header and claims are read here, because
//! the library takes what is refused here (`docs/adr/0016`).

mod algorithm;
mod claims;
mod fields;
mod header;
mod invalid;
mod issuers;
mod key_set;
mod live_keys;
mod rules;
mod token;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use invalid::InvalidToken;
pub use issuers::Issuers;
pub use key_set::{InvalidKeySet, KEYS_MAX, KeySet};
pub use live_keys::LoadKeysError;
pub use rules::TokenRules;
pub use token::TOKEN_BYTES_MAX;
