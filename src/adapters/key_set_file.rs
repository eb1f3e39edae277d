//! The keys of a token issuer, in a file.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::ports::{KEY_SET_BYTES_MAX, KeySetSource, ReadKeySetError};

/// Reads a key set from a file, which may be replaced at any time.
pub struct KeySetFile {
    path: PathBuf,
}

impl KeySetFile {
    /// The key set in the file `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    async fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // One more than it may have: then it is refused for its length.
        let most = KEY_SET_BYTES_MAX as u64 + 1;
        File::open(&self.path).await?.take(most).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

#[async_trait]
impl KeySetSource for KeySetFile {
    async fn read(&self) -> Result<Vec<u8>, ReadKeySetError> {
        let failed = |source| ReadKeySetError::File { path: self.path.clone(), source };
        self.bytes().await.map_err(failed)
    }

    fn read_every(&self) -> Duration {
        EVERY
    }
}

/// A key that is taken out of the file is one that must not be believed any more; reading a small
/// file costs nothing.
const EVERY: Duration = Duration::from_secs(10);
