//! Reading the configuration.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::config::{Config, InvalidConfig};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ReadConfigError {
    /// The file cannot be read.
    #[error("the configuration {path} cannot be read", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no configuration.
    #[error("the configuration {path} is not valid", path = path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidConfig,
    },
}

/// Reads a configuration file.
///
/// # Errors
///
/// As [`ReadConfigError`] says.
pub fn read_config(path: &Path) -> Result<Config, ReadConfigError> {
    read_config_text(path).map(|(_, config)| config)
}

/// The same, with its text.
pub(super) fn read_config_text(path: &Path) -> Result<(String, Config), ReadConfigError> {
    let text = read_text(path, CONFIG_BYTES_MAX)
        .map_err(|source| ReadConfigError::Read { path: path.to_owned(), source })?;
    let config = Config::parse(&text)
        .map_err(|source| ReadConfigError::Invalid { path: path.to_owned(), source })?;
    Ok((text, config))
}

/// Reads a text of at most `most` bytes.
pub(super) fn read_text(path: &Path, most: usize) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(most as u64 + 1).read_to_string(&mut text)?;
    if text.len() > most {
        let why = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

/// A hundred thousand members of groups, each with a long name.
const CONFIG_BYTES_MAX: usize = 16 * 1024 * 1024;
