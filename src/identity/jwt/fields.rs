//! JSON as tokens and key sets carry it, read strictly.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};

/// The object in these bytes. Why there is none is not told: the parser's words quote the input.
pub(super) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    // The library would also take an array of the fields in their order.
    if json.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// The bytes behind base64url without padding; one spelling of each.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// A field that may be left out, and is not `null` where it stands.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether a field stands there, whatever it holds.
pub(super) fn stands<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_ignored| true)
}
