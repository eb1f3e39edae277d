//! The world, as the ports see it.

mod root_key_file;

pub use root_key_file::{CreateRootKeyError, ReadRootKeyError, RootKeyFile};
