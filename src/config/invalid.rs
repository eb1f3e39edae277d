//! Why a configuration is refused, and the checks that say so.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use url::Url;

/// Why a configuration is refused: one sentence that names the place and says what to write.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidConfig {
    /// The text is not TOML, a key is unknown or missing, or a value has the wrong type.
    #[error("line {line}: {what}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// The parser's words, without the text that it read.
        what: String,
    },
    /// A value has the right type but is not one of those allowed.
    #[error("`{key}` must be {expected}")]
    Value {
        /// The key with its section, such as `listen.mtls.trust_domain`.
        key: String,
        /// What to write.
        expected: String,
    },
    /// Nobody could ever call.
    #[error(
        "nothing would be served: write a [listen.mtls], [listen.mesh], [listen.jwt] or [listen.admin] \
         section"
    )]
    NoListener,
}

impl InvalidConfig {
    pub(super) fn value(key: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Value { key: key.into(), expected: expected.into() }
    }

    /// The first line of what TOML's parser says: the rest repeats the input.
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let end = error.span().map_or(0, |span| span.start);
        let before = text.get(..end).unwrap_or_default();
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let what = error.message().lines().map(without_text).collect::<Vec<_>>().join(", ");
        Self::Syntax { line, what }
    }
}

/// The parser's words without the value that they quote: it may be a secret in a wrong place.
fn without_text(message: &str) -> String {
    for (quote, end, instead) in
        [("string \"", "\", expected ", "a text"), ("variant `", "`, expected ", "word")]
    {
        let (before, quoted) = message.split_once(quote).unwrap_or_default();
        if let Some((_, expected)) = quoted.rsplit_once(end) {
            return format!("{before}{instead}, expected {expected}");
        }
    }
    message.to_owned()
}

/// A number within its range.
pub(super) fn within<N: PartialOrd + std::fmt::Display>(
    key: &str,
    number: N,
    range: RangeInclusive<N>,
) -> Result<N, InvalidConfig> {
    if range.contains(&number) {
        Ok(number)
    } else {
        let (least, most) = range.into_inner();
        Err(InvalidConfig::value(key, format!("a whole number from {least} to {most}")))
    }
}

/// A path that is not empty.
///
/// Later errors quote paths, so the content of a file, which may be a private key, is not taken for
/// one.
pub(super) fn path(key: &str, path: PathBuf) -> Result<PathBuf, InvalidConfig> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.is_empty() || bytes.contains(&b'\n') || bytes.starts_with(b"-----BEGIN") {
        Err(InvalidConfig::value(key, "a path"))
    } else {
        Ok(path)
    }
}

/// An address that can be asked over HTTPS, and holds nothing that belongs elsewhere.
pub(super) fn https_address(text: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let plain = url.username().is_empty() && url.password().is_none();
    let whole = url.query().is_none() && url.fragment().is_none();
    (url.scheme() == "https" && url.has_host() && plain && whole).then_some(url)
}

/// A host in the form that URLs are compared in: lower case, punycode, IPv6 in brackets.
pub(super) fn host(key: &str, host: String) -> Result<String, InvalidConfig> {
    let normal = url::Host::parse(&host).map(|host| host.to_string());
    if normal.as_deref() == Ok(host.as_str()) {
        Ok(host)
    } else {
        let expected = "a host name in lower case, without scheme, port and path";
        Err(InvalidConfig::value(key, expected))
    }
}
