//! Options of every command that changes something.

use std::fmt::Write;

use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// When the change may happen, and how to repeat it safely.
#[derive(Args, Debug)]
#[command(next_help_heading = "Safety")]
pub(super) struct Precondition {
    /// Change it only if it still has this etag (see `ionvault show`)
    #[arg(long, value_name = "ETAG")]
    pub(super) etag: Option<String>,

    /// Make repeating the command safe: within 24 hours, the same command with the same id has no
    /// second effect [default: a new random one]
    #[arg(long, value_name = "ID", value_parser = request_id)]
    request_id: Option<String>,
}

impl Precondition {
    /// The id of this request: the user's, or a random one, so that a retry is safe in any case.
    pub(super) fn request_id(&self) -> Result<String, Failure> {
        match &self.request_id {
            Some(id) => Ok(id.clone()),
            None => random_id(),
        }
    }
}

/// The rule of `UploadCredentialRequest.request_id`; a UUID keeps it too.
fn request_id(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let fits = (1..=REQUEST_ID_BYTES_MAX).contains(&text.len());
    if fits && text.bytes().all(inner) {
        Ok(text.to_owned())
    } else {
        Err("expected a UUID, or 1 to 64 characters of A-Z a-z 0-9 _ -".to_owned())
    }
}

const REQUEST_ID_BYTES_MAX: usize = 64;

fn random_id() -> Result<String, Failure> {
    let mut bytes = [0; REQUEST_ID_RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| {
        let next = "give one with --request-id";
        Failure::caused(Exit::Failed, "no random request id could be made", &error, next)
    })?;
    Ok(bytes.iter().fold(String::new(), |mut id, byte| {
        // Writing to a `String` cannot fail.
        let _infallible = write!(id, "{byte:02x}");
        id
    }))
}

/// 128 bits: two of them are never the same.
const REQUEST_ID_RANDOM_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_keep_the_rule_and_differ() {
        let ids = [(); 2].map(|()| random_id().unwrap());
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0].len(), 32);
        assert!(request_id(&ids[0]).is_ok());
    }

    #[test]
    fn a_request_id_keeps_to_its_rule() {
        let longest = "x".repeat(64);
        for id in ["1", "0b6f0a4e-1c1d-4a5e-9d55-6c4f5e1f2a3b", longest.as_str()] {
            assert!(request_id(id).is_ok(), "{id}");
        }
        for id in ["", "a b", "ä", "x/y", &"x".repeat(65)] {
            assert!(request_id(id).is_err(), "{id}");
        }
    }
}
