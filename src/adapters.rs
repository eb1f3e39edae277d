//! The world, as the ports see it.

mod https_token_endpoint;
mod root_key_file;

pub use https_token_endpoint::HttpsTokenEndpoint;
pub use root_key_file::{CreateRootKeyError, ReadRootKeyError, RootKeyFile};
