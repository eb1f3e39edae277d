//! Where the keys of a token issuer are published.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

/// A place that a JSON Web Key Set is read from: a file, or an address.
#[async_trait]
pub trait KeySetSource: Send + Sync {
    /// The bytes that are there now, or of more than [`KEY_SET_BYTES_MAX`] one more. Ends within ten
    /// seconds, over a network.
    async fn read(&self) -> Result<Vec<u8>, ReadKeySetError>;

    /// How often it does no harm to look again.
    fn read_every(&self) -> Duration;
}

/// A set has two or three keys and some kilobytes; those of large clouds have some twenty.
pub const KEY_SET_BYTES_MAX: usize = 64 * 1024;

/// Why there are no bytes. Retrying may help.
#[derive(Debug, thiserror::Error)]
pub enum ReadKeySetError {
    /// The file is not there, or not readable for this user.
    #[error("the file {path} cannot be read", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server was not reached, or does not say what it should.
    #[error("the server of the keys did not give them: {0}")]
    Unreachable(&'static str),
}
