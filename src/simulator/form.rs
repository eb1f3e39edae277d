//! Requests with a form in the body, and parameters in a URL.

use std::collections::HashMap;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;
use url::form_urlencoded;

use super::answer::Refusal;

/// The parameters of a request. Empty ones are left out, as if absent (RFC 6749, section 3.2).
pub(super) struct Form(HashMap<String, String>);

impl Form {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Parameters that are form-encoded, in a body or in a URL.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Refusal> {
        let mut form = HashMap::new();
        for (name, value) in form_urlencoded::parse(text).filter(|(_, value)| !value.is_empty()) {
            if form.len() >= PARAMETERS_MAX {
                return Err(Refusal::invalid_request("there are too many parameters"));
            }
            if form.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Refusal::invalid_request("a parameter is there twice"));
            }
        }
        Ok(Self(form))
    }
}

/// Reads the form in a body.
pub(super) async fn read(request: Request<Incoming>) -> Result<(HeaderMap, Form), Refusal> {
    if request.uri().query().is_some() {
        return Err(Refusal::invalid_request("parameters belong into the body, not into the URL"));
    }
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Refusal::invalid_request(
            "the content type is not application/x-www-form-urlencoded",
        ));
    }
    let (head, body) = request.into_parts();
    match timeout(BODY_TIME_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => {
            let body = body.to_bytes();
            if body.contains(&b'#') {
                return Err(Refusal::invalid_request("`#` must be written as %23 in a form"));
            }
            Ok((head.headers, Form::parse(&body)?))
        }
        Ok(Err(_)) => Err(Refusal {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            ..Refusal::invalid_request("the body is longer than 64 KiB, or broke off")
        }),
        Err(_elapsed) => Err(Refusal {
            status: StatusCode::REQUEST_TIMEOUT,
            ..Refusal::invalid_request("the body did not come in time")
        }),
    }
}

const BODY_BYTES_MAX: usize = 64 * 1024;

const BODY_TIME_MAX: Duration = Duration::from_secs(10);

/// A token request has eight at most.
const PARAMETERS_MAX: usize = 32;
