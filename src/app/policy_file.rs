//! Reading the policy.

use std::io;
use std::path::{Path, PathBuf};

use crate::access::{Access, Groups, InvalidPolicy, POLICY_BYTES_MAX};

use super::config_file::read_text;

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum ReadPolicyError {
    /// The file cannot be read.
    #[error("access.policy: the file {path} cannot be read", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no policy.
    #[error("access.policy: the file {path} is no valid policy", path = path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: InvalidPolicy,
    },
}

/// Reads a policy for these groups.
pub(super) fn read_policy(path: &Path, groups: &Groups) -> Result<Access, ReadPolicyError> {
    parse_policy(path, &read_policy_text(path)?, groups)
}

/// Reads its text only.
pub(super) fn read_policy_text(path: &Path) -> Result<String, ReadPolicyError> {
    read_text(path, POLICY_BYTES_MAX)
        .map_err(|source| ReadPolicyError::Read { path: path.to_owned(), source })
}

/// Takes the text that stands in `path` for a policy.
pub(super) fn parse_policy(
    path: &Path,
    text: &str,
    groups: &Groups,
) -> Result<Access, ReadPolicyError> {
    Access::new(text, groups)
        .map_err(|source| ReadPolicyError::Invalid { path: path.to_owned(), source })
}
