//! The world, as the ports see it.

mod https;
mod https_key_set;
mod https_token_endpoint;
mod key_set_file;
mod root_key_file;
mod sled_store;
mod system_clock;

pub use https::HttpProxy;
pub use https_key_set::HttpsKeySet;
pub use https_token_endpoint::HttpsTokenEndpoint;
pub use key_set_file::KeySetFile;
pub use root_key_file::{CreateRootKeyError, ReadRootKeyError, RootKeyFile};
pub use sled_store::{CreateStoreError, OpenStoreError, SledStore, SoundStore, StoreHealth};
pub use system_clock::SystemClock;
