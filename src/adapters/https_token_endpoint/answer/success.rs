//! A token answer (RFC 6749, section 5.1), checked field by field.

use std::time::Duration;

use super::loose::Loose;
use super::{Fields, Text};
use crate::ports::{ExchangeError, TokenAnswer};
use crate::secret::Secret;

/// The token in `fields`, or why it is none.
pub(super) fn token_answer(fields: &Fields<'_>) -> Result<TokenAnswer, ExchangeError> {
    let Some(Text(access_token)) = &fields.access_token else {
        return Err(ExchangeError::Misbehaved("its answer holds no access token"));
    };
    if !matches!(&fields.token_type, Some(Text(kind)) if kind.eq_ignore_ascii_case("bearer")) {
        return Err(ExchangeError::Misbehaved("its token is not a bearer token"));
    }
    if access_token.len() > TOKEN_BYTES_MAX {
        return Err(ExchangeError::Misbehaved("its access token is too long"));
    }
    if !is_b64token(access_token.as_bytes()) {
        return Err(ExchangeError::Misbehaved("its access token has characters no token has"));
    }
    Ok(TokenAnswer {
        access_token: secret(access_token),
        expires_in: lifetime(&fields.expires_in),
        refresh_token: refresh_token(fields.refresh_token.as_ref())?,
        scopes: scopes(&fields.scope),
    })
}

/// `b64token` of RFC 6750, section 2.1: what fits into an `Authorization` header.
fn is_b64token(token: &[u8]) -> bool {
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let (text, _) = token.split_at(token.len() - padding);
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
}

/// A missing one is normal: the app does not issue them, or the old one stays good. An empty one
/// means the same.
fn refresh_token(token: Option<&Text<'_>>) -> Result<Option<Secret>, ExchangeError> {
    let Some(Text(token)) = token.filter(|token| !token.0.is_empty()) else {
        return Ok(None);
    };
    if token.len() > TOKEN_BYTES_MAX {
        return Err(ExchangeError::Misbehaved("its refresh token is too long"));
    }
    // VSCHAR of RFC 6749, appendix A.17.
    if !token.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        return Err(ExchangeError::Misbehaved("its refresh token has characters no token has"));
    }
    Ok(Some(secret(token)))
}

/// `expires_in`, a number or a text that is one (Infor's servers write both).
fn lifetime(expires_in: &Loose<'_>) -> Duration {
    let seconds = match expires_in {
        Loose::Number(number) => Some(*number),
        Loose::Text(text) => text.trim().parse::<f64>().ok(),
        Loose::Other => None,
    };
    match seconds.filter(|seconds| !seconds.is_nan()) {
        Some(seconds) => Duration::try_from_secs_f64(seconds.floor().max(0.0))
            .unwrap_or(LIFETIME_MAX)
            .clamp(LIFETIME_MIN, LIFETIME_MAX),
        None => LIFETIME_UNTOLD,
    }
}

/// `scope`; `None` as well if it is not what RFC 6749, section 3.3, says: it is a matter of
/// information here, and no reason to lose a token.
fn scopes(scope: &Loose<'_>) -> Option<Vec<String>> {
    let is_scope = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let words = scope.as_text()?.split(' ').filter(|one| !one.is_empty());
    // One more than fits: then they do not.
    let scopes: Vec<String> = words.take(SCOPES_MAX + 1).map(str::to_owned).collect();
    let fits = scopes.len() <= SCOPES_MAX && scopes.iter().all(|one| one.bytes().all(is_scope));
    fits.then_some(scopes)
}

fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes().to_vec())
}

/// Infor's tokens have about 1 kB; a header of more than 16 KiB passes no gateway.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// More than any app is assigned.
const SCOPES_MAX: usize = 100;

const LIFETIME_MIN: Duration = Duration::from_secs(1);

/// Infor's default is two hours; a token that claims years is renewed once a day all the same.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Taken where the server does not say. A quarter of Infor's default life of two hours, so that
/// apps with shorter lives are served too; 48 renewals a day stay below Infor's limit of 100.
const LIFETIME_UNTOLD: Duration = Duration::from_secs(30 * 60);

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(body: &Value) -> Result<TokenAnswer, String> {
        let text = body.to_string();
        let fields: Fields<'_> = serde_json::from_str(&text).unwrap();
        token_answer(&fields).map_err(|error| {
            let ExchangeError::Misbehaved(what) = error else { panic!("{error}") };
            what.to_owned()
        })
    }

    #[test]
    fn a_full_answer_is_taken_over() {
        let answer = read(&json!({
            "access_token": "abc.DEF-_~+/==", "token_type": "bEARER", "expires_in": 7199,
            "refresh_token": "r t", "scope": "Infor-ION  Infor-M3", "id_token": "planted",
        }))
        .unwrap();
        assert_eq!(answer.access_token.expose(), b"abc.DEF-_~+/==");
        assert_eq!(answer.refresh_token.unwrap().expose(), b"r t");
        assert_eq!(answer.expires_in, Duration::from_secs(7199));
        assert_eq!(answer.scopes.unwrap(), ["Infor-ION", "Infor-M3"]);
    }

    #[test]
    fn escapes_are_undone() {
        let body = r#"{"access_token":"a\/b","token_type":"Bearer","refresh_token":"\u0072"}"#;
        let answer = token_answer(&serde_json::from_str(body).unwrap());
        let Ok(answer) = answer else { panic!("no token") };
        assert_eq!(answer.access_token.expose(), b"a/b");
        assert_eq!(answer.refresh_token.unwrap().expose(), b"r");
    }

    #[test]
    fn what_is_no_token_is_named() {
        let long = "a".repeat(TOKEN_BYTES_MAX + 1);
        for (token, kind, refresh, expected) in [
            (json!(null), json!("Bearer"), json!(null), "its answer holds no access token"),
            (json!("a"), json!(null), json!(null), "its token is not a bearer token"),
            (json!("a"), json!("mac"), json!(null), "its token is not a bearer token"),
            (
                json!(""),
                json!("Bearer"),
                json!(null),
                "its access token has characters no token has",
            ),
            (
                json!("=="),
                json!("Bearer"),
                json!(null),
                "its access token has characters no token has",
            ),
            (
                json!("a=b"),
                json!("Bearer"),
                json!(null),
                "its access token has characters no token has",
            ),
            (
                json!("a b"),
                json!("Bearer"),
                json!(null),
                "its access token has characters no token has",
            ),
            (
                json!("a\r\nb"),
                json!("Bearer"),
                json!(null),
                "its access token has characters no token has",
            ),
            (
                json!("ä"),
                json!("Bearer"),
                json!(null),
                "its access token has characters no token has",
            ),
            (json!(long), json!("Bearer"), json!(null), "its access token is too long"),
            (json!("a"), json!("Bearer"), json!(long), "its refresh token is too long"),
            (
                json!("a"),
                json!("Bearer"),
                json!("r\n"),
                "its refresh token has characters no token has",
            ),
        ] {
            let body = json!({"access_token": token, "token_type": kind, "refresh_token": refresh});
            assert_eq!(read(&body).err().as_deref(), Some(expected));
        }
        let fits = "a".repeat(TOKEN_BYTES_MAX);
        let body = json!({"access_token": fits, "token_type": "Bearer", "refresh_token": fits});
        assert!(read(&body).is_ok());
    }

    #[test]
    fn lifetimes_are_read_from_numbers_and_texts_and_clamped() {
        for (expires_in, seconds) in [
            (json!(7200), 7200),
            (json!("7200"), 7200),
            (json!(" 7200 "), 7200),
            (json!(59.9), 59),
            (json!(0), 1),
            (json!(-5), 1),
            (json!("0"), 1),
            (json!(86_400), 86_400),
            (json!(86_401), 86_400),
            (json!(1e300), 86_400),
            (json!("inf"), 86_400),
            (json!("NaN"), 1800),
            (json!(null), 1800),
            (json!("two hours"), 1800),
            (json!([7200]), 1800),
        ] {
            let text = expires_in.to_string();
            let read = lifetime(&serde_json::from_str(&text).unwrap());
            assert_eq!(read, Duration::from_secs(seconds), "{expires_in}");
        }
    }

    #[test]
    fn odd_scopes_and_empty_refresh_tokens_cost_no_token() {
        for scope in [json!(null), json!({}), json!(["a"]), json!("a\"b"), json!("a ".repeat(101))]
        {
            let body = json!({
                "access_token": "a", "token_type": "Bearer", "scope": scope, "refresh_token": "",
            });
            let answer = read(&body).unwrap();
            assert_eq!(answer.scopes, None);
            assert!(answer.refresh_token.is_none());
        }
    }
}
