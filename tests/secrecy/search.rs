//! Finds secrets in bytes, however they are written.

use std::fmt::Write as _;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use url::form_urlencoded::byte_serialize;

/// A way to write bytes.
pub(crate) type Encode = fn(&[u8]) -> Vec<u8>;

/// Where base64 is searched at three alignments, padding plays no part: only those characters are
/// compared that stand for the secret alone.
pub(crate) const ENCODINGS: [(&str, Encode); 17] = [
    ("raw", <[u8]>::to_vec),
    ("base64", |secret| base64(&BASE64_NOPAD, secret, 0)),
    ("base64, one byte later", |secret| base64(&BASE64_NOPAD, secret, 1)),
    ("base64, two bytes later", |secret| base64(&BASE64_NOPAD, secret, 2)),
    ("base64url", |secret| base64(&BASE64URL_NOPAD, secret, 0)),
    ("base64url, one byte later", |secret| base64(&BASE64URL_NOPAD, secret, 1)),
    ("base64url, two bytes later", |secret| base64(&BASE64URL_NOPAD, secret, 2)),
    ("hex", |secret| HEXLOWER.encode(secret).into_bytes()),
    ("hex in upper case", |secret| HEXUPPER.encode(secret).into_bytes()),
    ("URL-encoded", |secret| byte_serialize(secret).collect::<String>().into_bytes()),
    ("URL-encoded in lower case", |secret| percent(secret, false)),
    ("URL-encoded throughout", |secret| percent(secret, true)),
    ("JSON", |secret| json(secret, 1)),
    ("JSON in JSON", |secret| json(secret, 2)),
    ("escaped bytes", |secret| secret.escape_ascii().to_string().into_bytes()),
    ("Debug of bytes", |secret| listed(secret).into_bytes()),
    ("UTF-16", |secret| secret.iter().flat_map(|byte| [*byte, 0]).collect()),
];

/// Searched for are the beginnings and the ends of secrets, so that a part is found, too.
pub(crate) const FRAGMENT_BYTES: usize = 16;

/// Looks for many secrets at once.
pub(crate) struct Search {
    needles: Vec<Needle>,
    /// Which needles begin with these two bytes.
    beginnings: Vec<Vec<usize>>,
}

struct Needle {
    secret: String,
    encoding: &'static str,
    bytes: Vec<u8>,
}

impl Search {
    pub(crate) fn new(secrets: &[(String, Vec<u8>)]) -> Self {
        let mut search = Self { needles: Vec::new(), beginnings: vec![Vec::new(); 1 << 16] };
        for (secret, bytes) in secrets {
            let ends = [&bytes[..FRAGMENT_BYTES], &bytes[bytes.len() - FRAGMENT_BYTES..]];
            for (encoding, encode) in ENCODINGS {
                for bytes in ends.map(encode) {
                    search.add(Needle { secret: secret.clone(), encoding, bytes });
                }
            }
        }
        search
    }

    fn add(&mut self, needle: Needle) {
        assert!(needle.bytes.len() >= FRAGMENT_BYTES, "{}", needle.encoding);
        self.beginnings[beginning(&needle.bytes)].push(self.needles.len());
        self.needles.push(needle);
    }

    /// Which secrets are in there and how they are written; never the secrets themselves.
    pub(crate) fn find(&self, text: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        for at in 0..text.len().saturating_sub(1) {
            for needle in &self.beginnings[beginning(&text[at..])] {
                let Needle { secret, encoding, bytes } = &self.needles[*needle];
                let told = || format!("{secret} ({encoding})");
                if text[at..].starts_with(bytes) && !found.contains(&told()) {
                    found.push(told());
                }
            }
        }
        found
    }
}

fn beginning(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// The characters that stand for the secret alone if `before` bytes come before it.
fn base64(encoding: &Encoding, secret: &[u8], before: usize) -> Vec<u8> {
    let bytes = [&[0; 2][..before], secret].concat();
    let text = encoding.encode(&bytes);
    let (first, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    text.as_bytes()[first..end].to_vec()
}

fn percent(secret: &[u8], throughout: bool) -> Vec<u8> {
    let mut text = String::new();
    for byte in secret {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' if !throughout => text.push(char::from(*byte)),
            _ => write!(text, "%{byte:02x}").unwrap(),
        }
    }
    if throughout { text.to_uppercase().into_bytes() } else { text.into_bytes() }
}

/// As a JSON text, without the outermost quotes; bytes that are no text are not changed.
fn json(secret: &[u8], times: usize) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(secret) else { return secret.to_vec() };
    let mut text = text.to_owned();
    for _ in 0..times {
        let quoted = serde_json::to_string(&text).unwrap();
        text = quoted[1..quoted.len() - 1].to_owned();
    }
    text.into_bytes()
}

fn listed(secret: &[u8]) -> String {
    let list = format!("{secret:?}");
    list[1..list.len() - 1].to_owned()
}
