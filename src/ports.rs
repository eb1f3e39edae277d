//! What the domain needs from outside. Each port has two real things behind it: the world, and
//! the tests' world.

mod clock;
mod key_set;
mod root_key;
mod store;
mod token_endpoint;
mod witness;

pub use clock::Clock;
pub use key_set::{KEY_SET_BYTES_MAX, KeySetSource, ReadKeySetError};
pub use root_key::{RootKey, RootKeyError};
pub use store::{
    CommitError, Expectation, RECORD_BYTES_MAX, Revision, SCAN_LIMIT_MAX, Store, StoreError,
    Stored, WRITES_MAX, Write,
};
pub use token_endpoint::{
    ExchangeError, GrantRequest, OauthError, RevocationRequest, Target, TokenAnswer, TokenEndpoint,
    TokenKind, TokenRequest,
};
pub use witness::{CheckpointNote, NotWitnessed, Witness};
