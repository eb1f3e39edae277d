//! What the server's answer means (RFC 6749, sections 5.1 and 5.2).
//!
//! Infor's servers answer 500 "for a lot of things", with HTML, with nothing at all: so the OAuth
//! error code decides, and the HTTP status only where there is none.

mod loose;
mod success;

use std::borrow::Cow;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use zeroize::Zeroize;

use crate::ports::{ExchangeError, OauthError, TokenAnswer};
use loose::Loose;

/// What is known before the body.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
}

/// Reads an answer of at most 64 KiB. No part of its text enters an error.
pub(super) fn read(head: &Head, body: &[u8]) -> Result<TokenAnswer, ExchangeError> {
    let status = head.status;
    if status.is_redirection() {
        return Err(ExchangeError::Misbehaved("it answered with a redirect"));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(head.throttled());
    }
    let fields = parse(body);
    if let Some(refusal) = fields.as_ref().and_then(|fields| head.refusal(fields)) {
        return Err(refusal);
    }
    if status.is_server_error() {
        return Err(head.unavailable(FAILED));
    }
    if status == StatusCode::REQUEST_TIMEOUT {
        return Err(head.unavailable("it lost patience with the request"));
    }
    match fields {
        Some(fields) if status.is_success() => success::token_answer(&fields),
        _ if status.is_client_error() && says_wrong_grant(body) => {
            Err(ExchangeError::Refused(OauthError::UnauthorizedClient))
        }
        _ if is_no_endpoint(status) => Err(ExchangeError::NoEndpoint),
        _ if body.is_empty() => Err(ExchangeError::Misbehaved("its answer is empty")),
        Some(_) => Err(ExchangeError::Misbehaved("its refusal has no error code")),
        None => Err(ExchangeError::Misbehaved("its answer is not the JSON of a token answer")),
    }
}

/// Reads the answer to a revocation (RFC 7009, section 2.2): success is the status alone, so no
/// `body` is needed then. Else it is the body, or why it is not read.
pub(super) fn revoked(
    head: &Head,
    body: Result<&Vec<u8>, &&'static str>,
) -> Result<(), ExchangeError> {
    if head.status.is_success() {
        return Ok(());
    }
    let body = body.map_err(|what| head.without_body(what))?;
    let code = parse(body).and_then(|fields| fields.error);
    // Section 2.2.1. A status of 503 comes without a code and is one that heals.
    if code.is_some_and(|code| code.0 == "unsupported_token_type") {
        return Err(ExchangeError::Refused(OauthError::UnsupportedTokenType));
    }
    // Only a success holds a token, and this is none.
    read(head, body).map(|_token| ())
}

fn is_no_endpoint(status: StatusCode) -> bool {
    matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE)
}

/// An object only: serde would take an array for a struct, field by field.
fn parse(body: &[u8]) -> Option<Fields<'_>> {
    body.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(body).ok())?
}

impl Head {
    /// What an answer means whose body cannot be read, for this reason.
    pub(super) fn without_body(&self, why: &'static str) -> ExchangeError {
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            self.throttled()
        } else if is_no_endpoint(self.status) {
            ExchangeError::NoEndpoint
        } else if self.status.is_server_error() {
            self.unavailable(FAILED)
        } else {
            ExchangeError::Misbehaved(why)
        }
    }

    fn throttled(&self) -> ExchangeError {
        ExchangeError::Throttled { retry_after: self.retry_after }
    }

    fn unavailable(&self, what: &'static str) -> ExchangeError {
        ExchangeError::Unavailable { what, retry_after: self.retry_after }
    }

    /// What the answer's `error` says, if there is one.
    fn refusal(&self, fields: &Fields<'_>) -> Option<ExchangeError> {
        let code: &str = &fields.error.as_ref()?.0;
        let description = fields.error_description.as_text().unwrap_or_default();
        let refused = match code {
            "invalid_client" => OauthError::InvalidClient,
            "invalid_grant" => OauthError::InvalidGrant,
            "unauthorized_client" => OauthError::UnauthorizedClient,
            "unsupported_grant_type" => OauthError::UnsupportedGrantType,
            "invalid_scope" => OauthError::InvalidScope,
            "temporarily_unavailable" | "server_error" | "slow_down" => {
                return Some(self.unavailable("it answered that it cannot serve now"));
            }
            _ if says_wrong_grant(code.as_bytes()) || says_wrong_grant(description.as_bytes()) => {
                OauthError::UnauthorizedClient
            }
            "invalid_request" => OauthError::InvalidRequest,
            _ if self.status.is_server_error() => {
                return Some(self.unavailable(FAILED));
            }
            _ => return Some(ExchangeError::Misbehaved("its error code is not one of RFC 6749")),
        };
        Some(ExchangeError::Refused(refused))
    }
}

/// Whether a short text says what Infor says, outside of RFC 6749, to a grant that does not match
/// the app's type.
fn says_wrong_grant(text: &[u8]) -> bool {
    let words = b"invalid grant type";
    text.len() <= WRONG_GRANT_BYTES_MAX
        && text.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}

/// The fields that are looked at. Those that are not needed for a token may hold anything: an
/// answer with a rotated refresh token must not be lost over its `scope`.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    access_token: Option<Text<'a>>,
    #[serde(borrow, default)]
    token_type: Option<Text<'a>>,
    #[serde(borrow, default)]
    expires_in: Loose<'a>,
    #[serde(borrow, default)]
    refresh_token: Option<Text<'a>>,
    #[serde(borrow, default)]
    scope: Loose<'a>,
    #[serde(borrow, default)]
    error: Option<Text<'a>>,
    #[serde(borrow, default)]
    error_description: Loose<'a>,
}

/// A text that borrows from the body where it can, and is wiped where it cannot (a JSON escape
/// such as `\/` forces a copy). What serde_json's own scratch space held is out of reach.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

const FAILED: &str = "it answered that it has failed";

/// A sentence, not a page that happens to hold the words.
const WRONG_GRANT_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, body: &str) -> String {
        let head = Head {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: Some(Duration::from_secs(9)),
        };
        match read(&head, body.as_bytes()) {
            Ok(_) => "token".to_owned(),
            Err(ExchangeError::Refused(code)) => format!("refused: {code}"),
            Err(ExchangeError::Unavailable { what, retry_after }) => {
                assert_eq!(retry_after, Some(Duration::from_secs(9)));
                format!("unavailable: {what}")
            }
            Err(ExchangeError::Misbehaved(what)) => format!("misbehaved: {what}"),
            Err(ExchangeError::Throttled { retry_after }) => {
                assert_eq!(retry_after, Some(Duration::from_secs(9)));
                "throttled".to_owned()
            }
            Err(ExchangeError::NoEndpoint) => "no endpoint".to_owned(),
            Err(error @ (ExchangeError::AddressNotAllowed(_) | ExchangeError::Unreachable(_))) => {
                panic!("{error}")
            }
        }
    }

    #[test]
    fn the_error_code_decides_and_not_the_status() {
        for code in [
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "invalid_scope",
            "invalid_request",
        ] {
            for status in [200, 400, 401, 403, 404, 500, 503] {
                let body = format!(r#"{{"error":"{code}","error_description":"planted"}}"#);
                assert_eq!(outcome(status, &body), format!("refused: {code}"), "{status}");
            }
        }
        for code in ["temporarily_unavailable", "server_error", "slow_down"] {
            for status in [200, 400, 500, 503] {
                let body = format!(r#"{{"error":"{code}"}}"#);
                assert_eq!(
                    outcome(status, &body),
                    "unavailable: it answered that it cannot serve now"
                );
            }
        }
    }

    #[test]
    fn without_an_error_code_the_status_decides() {
        let html = "<html><body>planted</body></html>";
        for (status, body, expected) in [
            (429, r#"{"error":"invalid_client"}"#, "throttled"),
            (500, html, "unavailable: it answered that it has failed"),
            (502, "", "unavailable: it answered that it has failed"),
            (503, r#"{"error":"boom"}"#, "unavailable: it answered that it has failed"),
            (408, "", "unavailable: it lost patience with the request"),
            (302, r#"{"error":"invalid_client"}"#, "misbehaved: it answered with a redirect"),
            (304, "", "misbehaved: it answered with a redirect"),
            (404, html, "no endpoint"),
            (200, html, "misbehaved: its answer is not the JSON of a token answer"),
            (400, html, "misbehaved: its answer is not the JSON of a token answer"),
            (401, "", "misbehaved: its answer is empty"),
            (200, "", "misbehaved: its answer is empty"),
            (400, "{}", "misbehaved: its refusal has no error code"),
            (
                400,
                r#"{"error":"access_denied"}"#,
                "misbehaved: its error code is not one of RFC 6749",
            ),
            (400, r#"{"error":7}"#, "misbehaved: its answer is not the JSON of a token answer"),
            (200, r#"["a","Bearer"]"#, "misbehaved: its answer is not the JSON of a token answer"),
        ] {
            assert_eq!(outcome(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn infors_own_words_for_a_wrong_grant_are_understood() {
        for body in [
            "Invalid grant type",
            "  ERROR: invalid GRANT TYPE.",
            r#"{"error":"Invalid grant type"}"#,
            r#"{"error":"invalid_request","error_description":"Invalid grant type"}"#,
            r#"{"message":"Invalid grant type"}"#,
        ] {
            assert_eq!(outcome(400, body), "refused: unauthorized_client", "{body}");
        }
        let page = format!("<html>{}Invalid grant type</html>", " ".repeat(300));
        assert_eq!(outcome(400, &page), "misbehaved: its answer is not the JSON of a token answer");
    }

    #[test]
    fn a_revocation_is_done_by_its_status_alone() {
        let told = |status: u16, body: Result<&str, &'static str>| {
            let status = StatusCode::from_u16(status).unwrap();
            let body = body.map(|body| body.as_bytes().to_vec());
            match revoked(&Head { status, retry_after: None }, body.as_ref()) {
                Ok(()) => "revoked".to_owned(),
                Err(error) => format!("{error:?}"),
            }
        };
        let token = r#"{"access_token":"a","token_type":"Bearer"}"#;
        let kind = r#"{"error":"unsupported_token_type"}"#;
        for (status, body, expected) in [
            (200, Ok(""), "revoked"),
            (204, Ok(""), "revoked"),
            (200, Err("planted"), "revoked"),
            (200, Ok(r#"{"error":"invalid_client"}"#), "revoked"),
            (400, Ok(kind), "Refused(UnsupportedTokenType)"),
            (503, Ok(kind), "Refused(UnsupportedTokenType)"),
            (401, Ok(r#"{"error":"invalid_client"}"#), "Refused(InvalidClient)"),
            (404, Ok("<html>"), "NoEndpoint"),
            (404, Err("it is long"), "NoEndpoint"),
            (429, Err("it is long"), "Throttled { retry_after: None }"),
            (302, Ok(""), r#"Misbehaved("it answered with a redirect")"#),
            (400, Err("it is long"), r#"Misbehaved("it is long")"#),
            (
                503,
                Ok(""),
                r#"Unavailable { what: "it answered that it has failed", retry_after: None }"#,
            ),
            (400, Ok(token), r#"Misbehaved("its refusal has no error code")"#),
        ] {
            assert_eq!(told(status, body), expected, "{status} {body:?}");
        }
        assert!(outcome(400, kind).starts_with("misbehaved"), "a token request has no such answer");
    }

    proptest::proptest! {
        #[test]
        fn no_body_of_any_status_is_too_strange(status in 100_u16..600, body in ".{0,300}") {
            let wrapped = format!(r#"{{"access_token":"{body}","error":"{body}"}}"#);
            for body in [body, wrapped] {
                let told = outcome(status, &body);
                proptest::prop_assert!(told != "token", "{status} {body}");
            }
        }
    }
}
