//! What came of a call, as the audit tells it.

use http::HeaderMap;
use tonic::Status;
use tonic_types::StatusExt;

use super::{Reason, is_refusal, may_hide, name};

/// What came of a call.
pub(in crate::grpc) struct Outcome {
    /// The code's name in the protocol.
    pub(in crate::grpc) code: &'static str,
    /// The reason in `google.rpc.ErrorInfo`; empty for a success.
    pub(in crate::grpc) reason: String,
    /// Whether nothing was done, and anybody can have it as often as he likes.
    pub(in crate::grpc) refused: bool,
    /// Whether it is the answer to who may not know of something: the same as if it did not exist.
    pub(in crate::grpc) may_hide: bool,
}

impl Outcome {
    /// The call did what was asked.
    pub(in crate::grpc) const fn ok() -> Self {
        Self { code: "OK", reason: String::new(), refused: false, may_hide: false }
    }

    /// The caller went away before there was an answer.
    pub(in crate::grpc) fn cancelled() -> Self {
        Self::of_error(&Status::cancelled(""))
    }

    /// Too many calls were at work.
    pub(in crate::grpc) fn overloaded() -> Self {
        Self::of_error(&Reason::Overloaded.says(""))
    }

    /// What an answer says. A call that succeeded has its status in the trailers; an error is all
    /// headers.
    pub(in crate::grpc) fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(Status::GRPC_STATUS) {
            Status::from_header_map(headers).map_or_else(Self::ok, |status| Self::of_error(&status))
        } else {
            Self::ok()
        }
    }

    /// What an error says.
    pub(in crate::grpc) fn of_error(status: &Status) -> Self {
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        let code = status.code();
        let (refused, may_hide) = (is_refusal(code), may_hide(code));
        Self { code: name(code), reason, refused, may_hide }
    }
}
