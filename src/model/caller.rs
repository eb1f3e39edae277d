//! Who calls.

mod jwt;

pub use jwt::{ISSUER_BYTES_MAX, JwtCaller, SUBJECT_BYTES_MAX, Workload};

use std::fmt;
use std::str::FromStr;

use spiffe::SpiffeId;

/// The identity behind a call, as the listener it came in by established it.
///
/// `Display` is the form that policies, logs and the audit use: `spiffe://trust.domain/path`,
/// `dns:name`, `uid:1000` or `jwt:issuer#subject`. The four cannot be confused with each other.
/// `FromStr` reads that form from configuration and policies, and takes one spelling of each
/// identity only.
///
/// Equality, order and hash are those of the identity, which is what the text form says; a
/// [`Workload`] is carried along.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Caller {
    /// A workload with a SPIFFE id; the whole URI.
    Spiffe(String),
    /// A client certificate without SPIFFE id; its one DNS name.
    Dns(String),
    /// A local process on the admin socket; its effective user id.
    LocalUser(u32),
    /// The holder of a JSON Web Token.
    Jwt(JwtCaller),
}

/// The text names no caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected `spiffe://trust.domain/path`, `dns:name` in lower case without wildcard, \
     `uid:number`, or `jwt:issuer#subject`"
)]
pub struct InvalidCaller;

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spiffe(uri) => f.write_str(uri),
            Self::Dns(name) => write!(f, "dns:{name}"),
            Self::LocalUser(uid) => write!(f, "uid:{uid}"),
            Self::Jwt(caller) => write!(f, "jwt:{caller}"),
        }
    }
}

impl FromStr for Caller {
    type Err = InvalidCaller;

    fn from_str(text: &str) -> Result<Self, InvalidCaller> {
        let caller = if let Some(name) = text.strip_prefix("dns:") {
            is_dns_name(name).then(|| Self::Dns(name.to_owned()))
        } else if let Some(uid) = text.strip_prefix("uid:") {
            uid.parse().ok().map(Self::LocalUser)
        } else if let Some(token) = text.strip_prefix("jwt:") {
            let parts = token.split_once('#');
            parts.and_then(|(issuer, subject)| JwtCaller::new(issuer, subject).ok()).map(Self::Jwt)
        } else {
            let id = SpiffeId::new(text).ok().filter(|_| text.len() <= SPIFFE_ID_BYTES_MAX);
            id.map(|id| Self::Spiffe(id.to_string()))
        };
        // Two spellings of one identity would make a member that never matches.
        caller.filter(|caller| caller.to_string() == text).ok_or(InvalidCaller)
    }
}

impl Caller {
    /// The workload that Kubernetes says the caller is.
    #[must_use]
    pub fn workload(&self) -> Option<&Workload> {
        match self {
            Self::Jwt(caller) => caller.workload(),
            Self::Spiffe(_) | Self::Dns(_) | Self::LocalUser(_) => None,
        }
    }
}

/// Longest SPIFFE id that has to be taken (SPIFFE-ID, section 2.3); the library takes longer ones.
const SPIFFE_ID_BYTES_MAX: usize = 2048;

/// Longest DNS name in text form, and longest label (RFC 1035, section 2.3.4).
const DNS_NAME_BYTES_MAX: usize = 253;
const DNS_LABEL_BYTES_MAX: usize = 63;

fn is_dns_name(name: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let label =
        |label: &str| (1..=DNS_LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(inner);
    name.len() <= DNS_NAME_BYTES_MAX && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_read_and_written_alike() {
        for (text, caller) in [
            ("spiffe://acme.example/ns/a", Caller::Spiffe("spiffe://acme.example/ns/a".into())),
            ("dns:invoices.acme.example", Caller::Dns("invoices.acme.example".into())),
            ("uid:1000", Caller::LocalUser(1000)),
            (
                "jwt:https://a.example/t?b#system:serviceaccount:ns:sa",
                Caller::Jwt(
                    JwtCaller::new("https://a.example/t?b", "system:serviceaccount:ns:sa").unwrap(),
                ),
            ),
            // The first `#` divides: an issuer has none.
            ("jwt:a#b#c", Caller::Jwt(JwtCaller::new("a", "b#c").unwrap())),
            ("jwt:a##", Caller::Jwt(JwtCaller::new("a", "#").unwrap())),
        ] {
            assert_eq!(caller.to_string(), text);
            assert_eq!(text.parse(), Ok(caller));
        }
    }

    #[test]
    fn other_spellings_of_a_caller_are_refused() {
        for text in [
            "",
            "acme",
            "spiffe:/acme.example/a",
            "SPIFFE://acme.example/a",
            "spiffe://Acme.Example/a",
            "spiffe://acme.example/a/",
            "https://acme.example/a",
            "dns:",
            "dns:Acme.example",
            "dns:*.acme.example",
            "dns:acme..example",
            "dns:acme.example.",
            "uid:",
            "uid:-1",
            "uid:+1",
            "uid:01",
            "uid:4294967296",
            "jwt:",
            "jwt:a",
            "jwt:#b",
            "jwt:a#",
            "jwt: a#b",
            "jwt:a#b\n",
            "JWT:a#b",
        ] {
            assert_eq!(text.parse::<Caller>(), Err(InvalidCaller), "{text}");
        }
    }
}
