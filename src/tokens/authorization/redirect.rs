//! The address that a person's browser was sent back to (RFC 6749, section 4.1.2).
//!
//! It holds the code, so nothing of it gets into an error, and what is taken out of it lies in
//! buffers that are wiped.

use url::Url;
use zeroize::Zeroizing;

use crate::ion::AuthorizationRefusal;
use crate::secret::Secret;

/// A redirect, taken apart. Whether it answers a question of ours is not known yet.
pub(super) struct Redirect<'a> {
    /// What stands before the query.
    address: &'a str,
    /// The query as it was written.
    query: &'a str,
    /// `state`.
    pub(super) state: Secret,
    /// `iss` (RFC 9207).
    issuer: Option<Secret>,
    /// `code`, or the `error` in its place.
    pub(super) outcome: Result<Secret, AuthorizationRefusal>,
}

/// Why a text is not such an address. Says which part is missing or wrong, never what is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRedirect {
    /// More than [`REDIRECT_BYTES_MAX`].
    #[error("is longer than {REDIRECT_BYTES_MAX} bytes")]
    TooLong,
    /// There is no query.
    #[error(
        "must be the whole address that the browser was sent to, with everything behind the `?`"
    )]
    NoQuery,
    /// A parameter that must be there is not.
    #[error("has no `{0}`: copy the whole address that the browser was sent to")]
    Missing(&'static str),
    /// A parameter is there twice (RFC 6749, section 3.1).
    #[error("has `{0}` more than once")]
    Repeated(&'static str),
    /// There is a code and an error.
    #[error("has both `code` and `error`")]
    Both,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("has a broken escape in `{0}`")]
    Escape(&'static str),
}

/// Servers and browsers of today take addresses of 8 KiB; codes have some 100 bytes.
pub const REDIRECT_BYTES_MAX: usize = 8 * 1024;

impl<'a> Redirect<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, InvalidRedirect> {
        if text.len() > REDIRECT_BYTES_MAX {
            return Err(InvalidRedirect::TooLong);
        }
        // Copied out of a browser, it may have white space around it, and a fragment that the
        // browser added.
        let text = text.trim();
        let text = text.split_once('#').map_or(text, |(before, _fragment)| before);
        let (address, query) = text.split_once('?').ok_or(InvalidRedirect::NoQuery)?;
        let error = parameter(query, "error")?;
        let outcome = match (parameter(query, "code")?, error) {
            (Some(code), None) => Ok(code),
            (None, Some(error)) => Err(AuthorizationRefusal::of(error.expose())),
            (Some(_), Some(_)) => return Err(InvalidRedirect::Both),
            (None, None) => return Err(InvalidRedirect::Missing("code")),
        };
        let state = parameter(query, "state")?.ok_or(InvalidRedirect::Missing("state"))?;
        Ok(Self { address, query, state, issuer: parameter(query, "iss")?, outcome })
    }

    /// Whether the browser was sent to this redirect URI. A browser may show the host in lower case
    /// and an empty path as `/`; the query must be there part by part.
    pub(super) fn is_to(&self, redirect_uri: &str) -> bool {
        let uri = redirect_uri.split_once('#').map_or(redirect_uri, |(before, _)| before);
        let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
        let same = address == self.address
            || matches!((Url::parse(address), Url::parse(self.address)), (Ok(a), Ok(b)) if a == b);
        let has = |part: &str| part.is_empty() || self.query.split('&').any(|own| own == part);
        same && query.split('&').all(has)
    }

    /// Whether the answer comes from this authorization server, as far as it says so. Infor
    /// publishes no issuer that `iss` could be compared with as a whole, so the origin must do: an
    /// answer of another server, to which our code must not be shown, is told by it.
    pub(super) fn is_from(&self, authorization_server: &str) -> bool {
        let Some(issuer) = &self.issuer else { return true };
        let issuer = str::from_utf8(issuer.expose()).ok().and_then(|text| Url::parse(text).ok());
        let server = Url::parse(authorization_server).ok();
        matches!((issuer, server), (Some(a), Some(b)) if a.origin() == b.origin())
    }
}

/// The value of a parameter, decoded; an empty one counts as none.
fn parameter(query: &str, name: &'static str) -> Result<Option<Secret>, InvalidRedirect> {
    let mut values = query.split('&').filter_map(|part| {
        let (own, value) = part.split_once('=')?;
        (own == name && !value.is_empty()).then_some(value)
    });
    let value = values.next();
    if values.next().is_some() {
        return Err(InvalidRedirect::Repeated(name));
    }
    value.map(|value| decode(value).ok_or(InvalidRedirect::Escape(name))).transpose()
}

/// Undoes `application/x-www-form-urlencoded`.
fn decode(value: &str) -> Option<Secret> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(value.len()));
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hexadecimal(bytes.next()?)? << 4 | hexadecimal(bytes.next()?)?,
            other => other,
        });
    }
    Some(Secret::from(decoded))
}

fn hexadecimal(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invalid(text: &str) -> Option<InvalidRedirect> {
        Redirect::parse(text).err()
    }

    #[test]
    fn a_code_and_a_state_are_taken_out_and_decoded() {
        let text = " https://app.example/cb?code=a%2Bb%7e+c&session_state=x&state=s-1#_=_\n";
        let redirect = Redirect::parse(text).unwrap();
        assert_eq!(redirect.state.expose(), b"s-1");
        assert_eq!(redirect.outcome.as_ref().unwrap().expose(), b"a+b~ c");
        assert!(redirect.is_to("https://app.example/cb"));
    }

    #[test]
    fn an_error_takes_the_place_of_the_code() {
        let text = "https://app.example/cb?error=access_denied&error_description=no&state=s";
        let redirect = Redirect::parse(text).unwrap();
        assert_eq!(redirect.outcome.err(), Some(AuthorizationRefusal::AccessDenied));
    }

    #[test]
    fn what_is_no_redirect_is_refused_by_what_is_wrong_with_it() {
        let long = format!("https://app.example/cb?code=a&state={}", "s".repeat(8 * 1024));
        for (text, expected) in [
            ("", InvalidRedirect::NoQuery),
            ("planted-code", InvalidRedirect::NoQuery),
            ("https://app.example/cb", InvalidRedirect::NoQuery),
            ("https://app.example/cb#code=a&state=s", InvalidRedirect::NoQuery),
            ("https://app.example/cb?state=s", InvalidRedirect::Missing("code")),
            ("https://app.example/cb?code=&state=s", InvalidRedirect::Missing("code")),
            ("https://app.example/cb?code=a", InvalidRedirect::Missing("state")),
            ("https://app.example/cb?code=a&state=", InvalidRedirect::Missing("state")),
            ("https://a.example/?code=a&code=b&state=s", InvalidRedirect::Repeated("code")),
            ("https://a.example/?code=a&state=s&state=s", InvalidRedirect::Repeated("state")),
            ("https://a.example/?code=a&error=b&state=s", InvalidRedirect::Both),
            ("https://a.example/?code=a%2&state=s", InvalidRedirect::Escape("code")),
            ("https://a.example/?code=a&state=%zz", InvalidRedirect::Escape("state")),
            (&long, InvalidRedirect::TooLong),
        ] {
            assert_eq!(invalid(text), Some(expected), "{text}");
            assert!(!expected.to_string().contains("planted"));
        }
    }

    #[test]
    fn only_the_redirect_uri_itself_is_the_redirect_uri() {
        let is_to = |text: &str, uri: &str| {
            Redirect::parse(&format!("{text}code=a&state=s")).unwrap().is_to(uri)
        };
        for (text, uri) in [
            ("https://app.example/cb?", "https://app.example/cb"),
            ("https://app.example/?", "https://app.example"),
            ("https://app.example/cb?", "HTTPS://App.example:443/cb"),
            ("https://app.example/cb?a=b&", "https://app.example/cb?a=b"),
            ("com.acme.app:/done?", "com.acme.app:/done"),
        ] {
            assert!(is_to(text, uri), "{text} {uri}");
        }
        for (text, uri) in [
            ("https://app.example/cb/?", "https://app.example/cb"),
            ("https://app.example/CB?", "https://app.example/cb"),
            ("http://app.example/cb?", "https://app.example/cb"),
            ("https://app.example:8443/cb?", "https://app.example/cb"),
            ("https://app.example.evil.example/cb?", "https://app.example/cb"),
            ("https://app.example@evil.example/cb?", "https://app.example/cb"),
            ("https://app.example/cb?", "https://app.example/cb?a=b"),
            ("https://app.example/cb?a=bc&", "https://app.example/cb?a=b"),
        ] {
            assert!(!is_to(text, uri), "{text} {uri}");
        }
    }

    #[test]
    fn an_answer_that_names_another_server_is_not_ours() {
        const SERVER: &str = "https://sso.example/ACME_TST/as/";
        let is_from = |issuer: &str| {
            let text = format!("https://app.example/?code=a&state=s{issuer}");
            Redirect::parse(&text).unwrap().is_from(SERVER)
        };
        assert!(is_from(""));
        assert!(is_from("&iss=https%3A%2F%2Fsso.example%2FACME_TST%2Fas"));
        assert!(is_from("&iss=https://sso.example:443"));
        for other in
            ["https://evil.example/ACME_TST/as", "http://sso.example", "sso.example", "%ff"]
        {
            assert!(!is_from(&format!("&iss={other}")), "{other}");
        }
    }
}
