//! The world, as the ports see it.

mod https;
mod https_key_set;
mod https_token_endpoint;
mod https_witness;
mod key_set_file;
mod root_key_file;
mod sled_store;
mod system_clock;
mod witness_directory;
mod witness_log;

pub use https::HttpProxy;
pub use https_key_set::HttpsKeySet;
pub use https_token_endpoint::HttpsTokenEndpoint;
pub use https_witness::HttpsWitness;
pub use key_set_file::KeySetFile;
pub use root_key_file::{CreateRootKeyError, ReadRootKeyError, RootKeyFile};
pub use sled_store::{CreateStoreError, OpenStoreError, SledStore, SoundStore, StoreHealth};
pub use system_clock::SystemClock;
pub use witness_directory::WitnessDirectory;
pub use witness_log::WitnessLog;
