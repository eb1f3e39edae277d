//! The token that shows a vault who asks.

use std::path::PathBuf;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, metadata::MetadataMap};

use super::read_file::{self, Source};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;

/// A file that holds a token, and what was in it at first.
///
/// Kubernetes replaces the file long before its token ends, so it is read again for each call. A
/// file that cannot be read any more leaves the token that there was: the vault says what it thinks
/// of it.
pub(super) struct TokenFile {
    path: PathBuf,
    first: MetadataValue<Ascii>,
}

impl TokenFile {
    pub(super) fn open(path: PathBuf) -> Result<Self, Failure> {
        let first = read(&path)?;
        Ok(Self { path, first })
    }

    /// Adds the token to a request.
    pub(super) fn sign<Message>(&self, request: &mut Request<Message>) {
        let value = read(&self.path).unwrap_or_else(|_failure| self.first.clone());
        let metadata: &mut MetadataMap = request.metadata_mut();
        metadata.insert("authorization", value);
    }
}

fn read(path: &std::path::Path) -> Result<MetadataValue<Ascii>, Failure> {
    let text = read_file::bounded(&Source::Path(path.to_owned()), TOKEN_BYTES_MAX)?;
    let token = text.expose().trim_ascii();
    // What stands there instead is not shown: it may be a secret of another kind.
    let value = str::from_utf8(token).ok().filter(|token| is_token(token)).and_then(|token| {
        let header = zeroize::Zeroizing::new(format!("Bearer {token}"));
        MetadataValue::try_from(header.as_str()).ok()
    });
    let mut value = value.ok_or_else(|| {
        let what = format!("{} holds no token", path.display());
        Failure::new(Exit::Failed, what, "give a file that holds a JSON Web Token and nothing else")
    })?;
    // Keeps it out of debug output and of HTTP/2's table of headers.
    value.set_sensitive(true);
    Ok(value)
}

/// Three parts, with the characters of base64url.
fn is_token(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut parts = text.split('.');
    let whole = parts.clone().count() == 3;
    whole && parts.all(|part| !part.is_empty() && part.bytes().all(inner))
}

/// More than a vault takes.
const TOKEN_BYTES_MAX: u64 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_for_each_request_and_its_token_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "old.to.ken\n").unwrap();
        let file = TokenFile::open(path.clone()).unwrap();
        let sent = || {
            let mut request = Request::new(());
            file.sign(&mut request);
            assert!(!format!("{request:?}").contains("ken"), "{request:?}");
            request.metadata().get("authorization").unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(sent(), "Bearer old.to.ken");
        std::fs::write(&path, "new.to.ken").unwrap();
        assert_eq!(sent(), "Bearer new.to.ken");
        std::fs::write(&path, "").unwrap();
        assert_eq!(sent(), "Bearer old.to.ken");
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        for text in ["", "planted", "planted.a", "a.planted.c.d", "a.plan ted.c", "a..planted"] {
            std::fs::write(&path, text).unwrap();
            let failure = TokenFile::open(path.clone()).map(|_| ()).unwrap_err();
            let said = format!("{failure:?}");
            assert!(said.contains("holds no token") && !said.contains("plant"), "{said}");
        }
        assert!(TokenFile::open(dir.path().join("missing")).is_err());
    }
}
