//! The fields of requests, parsed; everything that is wrong with a request is told at once.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use tonic::Status;

use crate::model::{InvalidLabels, InvalidName, Labels};
use crate::vault::{RequestId, RequestStamp};

use super::call::Call;
use super::status::{invalid_fields, invalid_name, limit};

/// Parses the resource name in `field`. Nothing can be asked about a request without one, so it
/// is parsed before the others.
pub(super) fn name<T: FromStr<Err = InvalidName>>(field: &str, text: &str) -> Result<T, Status> {
    text.parse().map_err(|error: InvalidName| invalid_name(field, &error))
}

/// Collects what is wrong with a request.
#[derive(Default)]
pub(super) struct Violations(Vec<(String, String)>);

impl Violations {
    pub(super) fn add(&mut self, field: impl Into<String>, problem: impl Display) {
        self.0.push((field.into(), problem.to_string()));
    }

    /// The value, or a violation.
    pub(super) fn check<T, E: Display>(&mut self, field: &str, parsed: Result<T, E>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add(field, problem);
                None
            }
        }
    }

    /// The values, if all of them are there and nothing else was wrong.
    pub(super) fn finish<T>(self, values: Option<T>) -> Result<T, Status> {
        match values {
            Some(values) if self.0.is_empty() => Ok(values),
            Some(_) | None => Err(invalid_fields(self.0)),
        }
    }
}

/// The page size that is meant (AIP-158): 0 means the default, too much means the most.
pub(super) fn page_size(asked: i32) -> Result<usize, &'static str> {
    match usize::try_from(asked).ok() {
        None => Err("must not be negative"),
        Some(0) => Ok(PAGE_SIZE_DEFAULT),
        Some(asked) => Ok(asked.min(PAGE_SIZE_MAX)),
    }
}

const PAGE_SIZE_DEFAULT: usize = 100;

/// A page of 1,000 credentials is about a megabyte.
const PAGE_SIZE_MAX: usize = 1_000;

/// An etag; empty means that none was given.
pub(super) fn etag(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// A request id with what it belongs to; empty means that none was given. `content` is whatever
/// else makes the request what it is.
pub(super) fn request_stamp(
    call: Call<'_>,
    rpc: &'static str,
    id: &str,
    content: &[&str],
) -> Result<Option<RequestStamp>, crate::vault::InvalidRequestId> {
    if id.is_empty() {
        return Ok(None);
    }
    let id: RequestId = id.parse()?;
    call.entry.has_request_id(&id.to_string());
    let content = content.iter().map(|field| field.as_bytes().to_vec()).collect();
    Ok(Some(RequestStamp { caller: call.caller.clone(), rpc, id, content }))
}

/// Labels, with too many of them told apart from malformed ones.
pub(super) fn labels(labels: HashMap<String, String>) -> Result<Labels, InvalidLabels> {
    Labels::try_from(labels.into_iter().collect::<BTreeMap<_, _>>())
}

/// The answer to labels that are none.
pub(super) fn labels_refused(error: &InvalidLabels) -> Status {
    match error {
        InvalidLabels::TooMany => limit("labels", error.to_string()),
        InvalidLabels::Key | InvalidLabels::Value(_) => {
            invalid_fields(vec![("labels".to_owned(), error.to_string())])
        }
    }
}

/// `requested_by`: a name, a mail address or a user id. It is recorded for years and shown, so what
/// was put there by mistake must not pass for one: Infor's secrets are longer than any part of
/// these, or have signs that none of them has.
pub(super) fn requested_by(text: String) -> Result<String, &'static str> {
    let letter = |sign: char| match sign.is_ascii() {
        true => sign.is_ascii_alphanumeric(),
        // Letters of other scripts, and the marks on them.
        false => !sign.is_control(),
    };
    let fits = |sign: char| letter(sign) || PERSON_SIGNS.contains(sign);
    let mut parts = text.split(|sign: char| !letter(sign) && !matches!(sign, '-' | '_'));
    if text.chars().count() <= PERSON_CHARS_MAX
        && text.chars().all(fits)
        && parts.all(|part| part.chars().count() <= PERSON_PART_CHARS_MAX)
    {
        Ok(text)
    } else {
        Err(
            "must be a name, a mail address or a user id: at most 256 characters, letters, digits, \
             spaces and . , ' ( ) @ + - _ : | \\, and no part of more than 64 characters",
        )
    }
}

const PERSON_CHARS_MAX: usize = 256;

/// What stands before the `@` of an address has no more (RFC 5321, section 4.5.3.1.1).
const PERSON_PART_CHARS_MAX: usize = 64;

/// Besides letters and digits. Identity providers write `|` and `:` in their users' ids, and Windows
/// writes `\` behind a domain.
const PERSON_SIGNS: &str = " .,'()@+-_:|\\";

/// `min_remaining`: 0 to 24 hours.
pub(super) fn min_remaining(asked: prost_types::Duration) -> Result<Duration, &'static str> {
    match Duration::try_from(asked) {
        Ok(asked) if asked <= MIN_REMAINING_MAX => Ok(asked),
        Ok(_) | Err(_) => Err("must be 0 to 24 hours"),
    }
}

/// No Infor token is known to live longer.
const MIN_REMAINING_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// `rejected_token_id`: empty means that none was given.
pub(super) fn rejected_token_id(text: String) -> Result<Option<String>, &'static str> {
    let is_id = |text: &str| {
        text.len() == TOKEN_ID_CHARS
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match text.as_str() {
        "" => Ok(None),
        id if is_id(id) => Ok(Some(text)),
        _ => Err("must be a `token_id`: 16 characters of `0-9 a-f`"),
    }
}

/// As the vault makes them: 8 random bytes in hexadecimal.
const TOKEN_ID_CHARS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_ids_are_told_from_other_texts() {
        let parse = |text: &str| rejected_token_id(text.to_owned());
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("0123456789abcdef"), Ok(Some("0123456789abcdef".to_owned())));
        for text in
            ["0", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn people_are_told_from_what_was_pasted_by_mistake() {
        let long = "x".repeat(64);
        for person in [
            "",
            "Zoë O'Connor-Łukasik (Finance)",
            "माया शर्मा",
            "jo.doe+vault_1@mail.acme.example",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "ACME\\jdoe",
            "urn:user:0b6c2a34-9f0e-4f0b-8e8f-3d1f4c2b5a69",
            &format!("{long}@{long}.{long}"),
        ] {
            assert_eq!(requested_by(person.to_owned()), Ok(person.to_owned()));
        }
        for other in [
            // As Infor makes them: `saak`, `cs`, and an access token.
            "ACME_TST#Xw3kVt0pQm7",
            &"Zq3-x_".repeat(14),
            &format!("eyJhbGciOiJSUzI1NiJ9.{}.c2ln", "eyJzY29wZSI6".repeat(9)),
            "cGFzc3dvcmQ=",
            "a/b",
            "{\"cs\":\"x\"}",
            "jo\n",
            "jo\u{85}",
            &format!("{long}x"),
            &"x ".repeat(129),
        ] {
            assert!(requested_by(other.to_owned()).is_err(), "{other}");
        }
    }

    #[test]
    fn page_sizes_have_a_default_and_a_ceiling() {
        for (asked, meant) in [(0, 100), (1, 1), (1_000, 1_000), (1_001, 1_000), (i32::MAX, 1_000)]
        {
            assert_eq!(page_size(asked), Ok(meant), "{asked}");
        }
        assert!(page_size(-1).is_err());
    }
}
