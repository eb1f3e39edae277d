//! A reason for the errors that tonic answers by itself, before or instead of a handler.

use http::HeaderMap;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::status::{DOMAIN, RETRY_AFTER, Reason};

/// Adds `google.rpc.ErrorInfo` to an error answer that has no details. Every answer passes through it.
pub(super) fn with_reason(response: http::Response<Body>) -> http::Response<Body> {
    // A call that succeeded has its status in the trailers; an error is all headers.
    if !response.headers().contains_key("grpc-status") {
        return response;
    }
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok && status.details().is_empty() => {
            let mut details = ErrorDetails::new();
            details.set_error_info(reason(status.code()), DOMAIN, []);
            if status.code() == Code::Unavailable {
                details.set_retry_info(Some(RETRY_AFTER));
            }
            Status::with_error_details(status.code(), status.message(), details).into_http()
        }
        Some(_) | None => response,
    }
}

/// The answer to a call that came while too many were at work.
#[must_use]
pub fn overloaded() -> http::Response<Body> {
    Reason::Overloaded.says("too many calls are at work: retry").into_http()
}

/// The trailers of a stream whose connection is about to end. Drains end all connections, and age
/// ends each in its time.
#[must_use]
pub fn connection_ends() -> HeaderMap {
    let status =
        Reason::ShuttingDown.says("this connection is about to end: call again, on another");
    // Numbers, and a text that is encoded: nothing of it is no header.
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, (Code::Unavailable as i32).into());
    }
    trailers
}

/// What tonic means by its codes; all errors of our own carry details.
fn reason(code: Code) -> &'static str {
    match code {
        Code::Unimplemented => "UNKNOWN_METHOD",
        Code::Internal | Code::InvalidArgument => "MALFORMED_MESSAGE",
        Code::OutOfRange => "MESSAGE_TOO_LARGE",
        Code::Cancelled | Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::ResourceExhausted | Code::Unavailable => Reason::Overloaded.as_str(),
        Code::Ok
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::DataLoss
        | Code::Unauthenticated => "UNKNOWN",
    }
}
