//! Faults on demand: what networks, proxies and Infor's servers do to a request or its answer.
//!
//! A [`Fault`] is planned with [`Simulator::plan`](super::Simulator::plan), for one app or all, for
//! one kind of request or all token requests, a number of times or until it is lifted. Requests
//! meet planned faults in the order of the plans: the first plan that fits acts, and no other.

mod act;
mod plans;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use std::time::Duration;

pub(super) use act::{Reset, around};
pub(super) use plans::Plans;
pub use plans::{Planned, TooManyFaults};

use super::requests::RequestKind;

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The request is looked at this much later.
    Latency(Duration),
    /// There is no answer, and the connection stays open until the client closes it, or for a
    /// minute at most.
    Hang(Moment),
    /// There is no answer: the connection is reset (TCP RST).
    Reset(Moment),
    /// Another answer takes the place of the server's.
    Answer(Moment, OtherAnswer),
    /// A granted request's answer has this value in this field, or with `None` not this field:
    /// `expires_in` as a text, a negative number, or not at all. Refusals stay as they are.
    Field(&'static str, Option<Value>),
}

/// When something happens to a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// The server has not looked at it: it has no effect.
    BeforeEffect,
    /// The server has done what was asked; a refresh token was used up, a token counted. Only its
    /// answer does not arrive.
    AfterEffect,
}

/// An answer that is not the server's own.
#[derive(Clone, Debug)]
pub struct OtherAnswer {
    /// The status.
    pub status: StatusCode,
    /// `Retry-After`: seconds, a date, or something that is neither. What cannot stand in a
    /// header is left out.
    pub retry_after: Option<String>,
    /// `Content-Type`; none if empty.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

impl OtherAnswer {
    /// No body, as some of Infor's failures.
    #[must_use]
    pub const fn empty(status: StatusCode) -> Self {
        Self { status, retry_after: None, content_type: "", body: Bytes::new() }
    }

    /// An HTML page, as servers and the proxies before them send it.
    #[must_use]
    pub const fn html(status: StatusCode) -> Self {
        let body =
            Bytes::from_static(b"<!DOCTYPE html><html><body>An error occurred.</body></html>");
        Self { status, retry_after: None, content_type: "text/html;charset=utf-8", body }
    }

    /// An OAuth error (RFC 6749, section 5.2) with this code.
    #[must_use]
    pub fn oauth(status: StatusCode, error: &str) -> Self {
        let body = Bytes::from(serde_json::json!({ "error": error }).to_string());
        Self { status, retry_after: None, content_type: "application/json;charset=UTF-8", body }
    }

    /// The same answer with `Retry-After`.
    #[must_use]
    pub fn retry_after(self, value: impl Into<String>) -> Self {
        Self { retry_after: Some(value.into()), ..self }
    }
}

/// Which requests a planned fault meets, and how often.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Those of the app with this client id; `None`: of all.
    pub client_id: Option<String>,
    /// Those of this kind; `None`: all token requests. Requests for authorization meet no faults:
    /// it is a browser that makes them, not the vault.
    pub kind: Option<RequestKind>,
    /// So many; `None`: until the plan is lifted.
    pub times: Option<u32>,
}
