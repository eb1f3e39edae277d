//! The header of a token (RFC 7515, section 4).

use serde::Deserialize;

use super::fields::{object, present, stands};
use super::{Algorithm, InvalidToken};

/// What of a header counts.
#[derive(Debug)]
pub(super) struct Header {
    /// `None`: one that no token may be signed with.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) key_id: Option<String>,
}

/// What stands in it. Parameters that are not listed are ignored, as the standard wants it.
#[derive(Deserialize)]
struct Fields {
    alg: String,
    #[serde(default, deserialize_with = "present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    /// What must be understood besides the standard (section 4.1.11): nothing is.
    #[serde(default, deserialize_with = "stands")]
    crit: bool,
    /// Unencoded payloads (RFC 7797).
    #[serde(default, deserialize_with = "stands")]
    b64: bool,
    /// Compression and encryption (RFC 7516).
    #[serde(default, deserialize_with = "stands")]
    zip: bool,
    #[serde(default, deserialize_with = "stands")]
    enc: bool,
    /// Tokens within tokens (RFC 7519, section 5.2).
    #[serde(default, deserialize_with = "stands")]
    cty: bool,
    /// Keys that the token itself brings or points to. Nothing would follow them, and no honest
    /// issuer of ours sends them.
    #[serde(default, deserialize_with = "stands")]
    jku: bool,
    #[serde(default, deserialize_with = "stands")]
    jwk: bool,
    #[serde(default, deserialize_with = "stands")]
    x5u: bool,
    #[serde(default, deserialize_with = "stands")]
    x5c: bool,
}

impl Header {
    pub(super) fn parse(json: &[u8]) -> Result<Self, InvalidToken> {
        let fields: Fields = object(json).ok_or(InvalidToken::Header)?;
        let Fields { alg, kid, typ, crit, b64, zip, enc, cty, jku, jwk, x5u, x5c } = fields;
        if crit || b64 || zip || enc || cty || jku || jwk || x5u || x5c {
            return Err(InvalidToken::Parameter);
        }
        // Kubernetes writes none. Without the check a log-out token or a security event of the same
        // issuer would do, too (RFC 8725, section 3.11).
        if typ.is_some_and(|typ| !TYPES.iter().any(|known| typ.eq_ignore_ascii_case(known))) {
            return Err(InvalidToken::Type);
        }
        if kid.as_ref().is_some_and(|kid| !(1..=KEY_ID_BYTES_MAX).contains(&kid.len())) {
            return Err(InvalidToken::Header);
        }
        Ok(Self { algorithm: alg.parse().ok(), key_id: kid })
    }
}

/// Plain tokens, and access tokens of RFC 9068.
const TYPES: [&str; 4] = ["JWT", "application/jwt", "at+jwt", "application/at+jwt"];

/// Kubernetes' have 43 bytes, those of clouds up to some 80.
pub(super) const KEY_ID_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<(Option<Algorithm>, Option<String>), InvalidToken> {
        Header::parse(json.as_bytes()).map(|header| (header.algorithm, header.key_id))
    }

    #[test]
    fn what_issuers_write_is_read() {
        let rs256 = Some(Algorithm::Rs256);
        for (json, expected) in [
            (r#"{"alg":"RS256"}"#, (rs256, None)),
            (r#"{"alg":"RS256","kid":"a"}"#, (rs256, Some("a".to_owned()))),
            (r#"{"typ":"jwt","alg":"RS256","x5t":"AA","other":{"crit":1}}"#, (rs256, None)),
            (r#"{"typ":"at+jwt","alg":"RS256"}"#, (rs256, None)),
            (r#"{"alg":"none"}"#, (None, None)),
            (r#"{"alg":"HS256"}"#, (None, None)),
            (r#"{"alg":"rs256"}"#, (None, None)),
        ] {
            assert_eq!(parse(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn what_would_change_the_rules_or_has_the_wrong_type_is_refused() {
        use InvalidToken::{Parameter, Type};
        let malformed = InvalidToken::Header;
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(KEY_ID_BYTES_MAX + 1));
        let mut cases: Vec<(String, InvalidToken)> = [
            ("", malformed),
            ("null", malformed),
            ("{}", malformed),
            (r#"["RS256","a"]"#, malformed),
            (r#"{"alg":null}"#, malformed),
            (r#"{"alg":["RS256"]}"#, malformed),
            (r#"{"alg":"RS256","alg":"RS256"}"#, malformed),
            (r#"{"alg":"RS256","\u0061lg":"none"}"#, malformed),
            (r#"{"alg":"RS256","kid":null}"#, malformed),
            (r#"{"alg":"RS256","kid":7}"#, malformed),
            (r#"{"alg":"RS256","kid":""}"#, malformed),
            (r#"{"alg":"RS256","kid":"a","kid":"b"}"#, malformed),
            (r#"{"alg":"RS256","typ":7}"#, malformed),
            (r#"{"alg":"RS256"} x"#, malformed),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, Type),
            (r#"{"alg":"RS256","typ":""}"#, Type),
            (long.as_str(), malformed),
        ]
        .map(|(json, expected)| (json.to_owned(), expected))
        .into();
        for name in ["crit", "b64", "zip", "enc", "cty", "jku", "jwk", "x5u", "x5c"] {
            for value in ["null", "[]", "false", "\"https://evil.example/\""] {
                cases.push((format!(r#"{{"alg":"RS256","{name}":{value}}}"#), Parameter));
            }
        }
        for (json, expected) in cases {
            assert_eq!(parse(&json), Err(expected), "{json}");
        }
    }
}
