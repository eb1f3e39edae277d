//! Answers in the form of RFC 6749, and the page that Infor shows to a wrong path.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use url::Url;

pub(super) type Answer = Response<Full<Bytes>>;

/// A refusal of RFC 6749, section 5.2.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    /// What the developer did wrong.
    pub(super) description: &'static str,
}

impl Refusal {
    pub(super) const fn new(code: &'static str, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description }
    }

    pub(super) const fn invalid_request(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }

    /// The simulator itself has failed.
    pub(super) const fn failed() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "server_error",
            description: "this machine gives no random bytes",
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let body = json!({"error": self.code, "error_description": self.description});
        let mut answer = json(self.status, &body);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"simulator\"");
            answer.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}

/// A JSON answer that no cache keeps (RFC 6749, section 5.1).
pub(super) fn json(status: StatusCode, body: &Value) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body.to_string())));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("application/json;charset=UTF-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// Success without a body (RFC 7009, section 2.2).
pub(super) fn empty() -> Answer {
    Response::new(Full::default())
}

pub(super) fn not_found() -> Answer {
    page(StatusCode::NOT_FOUND, "The page you requested was not found.")
}

/// A wrong method, where only this one is allowed.
pub(super) fn only(method: &Method) -> Answer {
    let page_text = format!("Only {method} is allowed here.");
    let mut answer = page(StatusCode::METHOD_NOT_ALLOWED, &page_text);
    if let Ok(method) = HeaderValue::from_str(method.as_str()) {
        answer.headers_mut().insert(ALLOW, method);
    }
    answer
}

/// What a person sees whose browser cannot be sent back to the app (RFC 6749, section 4.1.2.1).
pub(super) fn not_redirected(text: &str) -> Answer {
    page(StatusCode::BAD_REQUEST, text)
}

/// Sends a browser elsewhere.
pub(super) fn redirect(to: &Url) -> Answer {
    let mut answer = empty();
    *answer.status_mut() = StatusCode::FOUND;
    if let Ok(to) = HeaderValue::from_str(to.as_str()) {
        answer.headers_mut().insert(LOCATION, to);
    }
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

fn page(status: StatusCode, text: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html><html><head><title>Error</title></head><body>{text}</body></html>\n"
    );
    let mut answer = Response::new(Full::new(Bytes::from(page)));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/html;charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
