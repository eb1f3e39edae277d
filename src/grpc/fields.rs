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

/// `requested_by`: for a record that people read, so no control characters, and not a novel.
pub(super) fn requested_by(text: String) -> Result<String, &'static str> {
    if text.chars().count() > REQUESTED_BY_CHARS_MAX || text.chars().any(char::is_control) {
        Err("must have at most 256 characters, none of them a control character")
    } else {
        Ok(text)
    }
}

const REQUESTED_BY_CHARS_MAX: usize = 256;

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
    fn page_sizes_have_a_default_and_a_ceiling() {
        for (asked, meant) in [(0, 100), (1, 1), (1_000, 1_000), (1_001, 1_000), (i32::MAX, 1_000)]
        {
            assert_eq!(page_size(asked), Ok(meant), "{asked}");
        }
        assert!(page_size(-1).is_err());
    }
}
