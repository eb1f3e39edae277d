//! The only table of codes and reasons. The files below it say which reason each error of the
//! domain has, without a wildcard arm: a new variant does not compile until somebody chose.
//!
//! Callers decide by code and reason; `proto/` lists them for each RPC. What a caller is told is a
//! fixed sentence, or a text that its type promises to be fit for callers; causes go to the log.

mod audit;
mod authorizations;
mod outcome;
mod quotas;
mod tokens;
mod vault;

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::ion::HostNotAllowed;

pub(super) use audit::{audit_unavailable, log_too_short, no_such_event};
pub(super) use outcome::Outcome;
pub(super) use quotas::rate_limited;

/// The domain of every `google.rpc.ErrorInfo` of this service.
pub(super) const DOMAIN: &str = "ionvault";

/// Reasons of `google.rpc.ErrorInfo`, each with its code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Reason {
    InvalidResourceName,
    InvalidArgument,
    InvalidIonApiFile,
    HostNotAllowed,
    CredentialNotFound,
    AuditEventNotFound,
    AuditLogTooShort,
    CredentialRefused,
    AuthorizationRequired,
    AuthorizationNotNeeded,
    AuthorizationStateInvalid,
    ProviderUnavailable,
    ProviderMisbehaved,
    TokenBudgetExhausted,
    LifetimeTooLong,
    EtagMismatch,
    VersionNotFound,
    NoActiveVersion,
    CredentialDeleted,
    NotDeleted,
    RequestIdReused,
    LimitExceeded,
    CallerUnknown,
    CallerDenied,
    CallerRateLimited,
    StoreUnavailable,
    AuditUnavailable,
    Overloaded,
    ShuttingDown,
    IntegrityFailure,
}

impl Reason {
    pub(super) const fn code(self) -> Code {
        match self {
            Self::InvalidResourceName | Self::InvalidArgument | Self::InvalidIonApiFile => {
                Code::InvalidArgument
            }
            Self::HostNotAllowed
            | Self::AuditLogTooShort
            | Self::CredentialRefused
            | Self::AuthorizationRequired
            | Self::AuthorizationNotNeeded
            | Self::AuthorizationStateInvalid
            | Self::NoActiveVersion
            | Self::CredentialDeleted
            | Self::NotDeleted => Code::FailedPrecondition,
            Self::CredentialNotFound | Self::VersionNotFound | Self::AuditEventNotFound => {
                Code::NotFound
            }
            Self::ProviderUnavailable
            | Self::ProviderMisbehaved
            | Self::StoreUnavailable
            | Self::AuditUnavailable
            | Self::Overloaded
            | Self::ShuttingDown => Code::Unavailable,
            Self::LifetimeTooLong => Code::OutOfRange,
            Self::EtagMismatch => Code::Aborted,
            Self::RequestIdReused => Code::AlreadyExists,
            Self::LimitExceeded | Self::TokenBudgetExhausted | Self::CallerRateLimited => {
                Code::ResourceExhausted
            }
            Self::CallerUnknown => Code::Unauthenticated,
            Self::CallerDenied => Code::PermissionDenied,
            Self::IntegrityFailure => Code::DataLoss,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidResourceName => "INVALID_RESOURCE_NAME",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::InvalidIonApiFile => "INVALID_ION_API_FILE",
            Self::HostNotAllowed => "HOST_NOT_ALLOWED",
            Self::CredentialNotFound => "CREDENTIAL_NOT_FOUND",
            Self::AuditEventNotFound => "AUDIT_EVENT_NOT_FOUND",
            Self::AuditLogTooShort => "AUDIT_LOG_TOO_SHORT",
            Self::CredentialRefused => "CREDENTIAL_REFUSED",
            Self::AuthorizationRequired => "AUTHORIZATION_REQUIRED",
            Self::AuthorizationNotNeeded => "AUTHORIZATION_NOT_NEEDED",
            Self::AuthorizationStateInvalid => "AUTHORIZATION_STATE_INVALID",
            Self::ProviderUnavailable => "PROVIDER_UNAVAILABLE",
            Self::ProviderMisbehaved => "PROVIDER_MISBEHAVED",
            Self::TokenBudgetExhausted => "TOKEN_BUDGET_EXHAUSTED",
            Self::LifetimeTooLong => "LIFETIME_TOO_LONG",
            Self::EtagMismatch => "ETAG_MISMATCH",
            Self::VersionNotFound => "VERSION_NOT_FOUND",
            Self::NoActiveVersion => "NO_ACTIVE_VERSION",
            Self::CredentialDeleted => "CREDENTIAL_DELETED",
            Self::NotDeleted => "NOT_DELETED",
            Self::RequestIdReused => "REQUEST_ID_REUSED",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::CallerUnknown => "CALLER_UNKNOWN",
            Self::CallerDenied => "CALLER_DENIED",
            Self::CallerRateLimited => "CALLER_RATE_LIMITED",
            Self::StoreUnavailable => "STORE_UNAVAILABLE",
            Self::AuditUnavailable => "AUDIT_UNAVAILABLE",
            Self::Overloaded => "OVERLOADED",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::IntegrityFailure => "INTEGRITY_FAILURE",
        }
    }

    /// When to try again, for the reasons that time heals and that know no better.
    const fn retry_after(self) -> Option<Duration> {
        if matches!(self.code(), Code::Unavailable) { Some(RETRY_AFTER) } else { None }
    }

    /// An answer with this reason.
    pub(super) fn says(self, told: impl Into<String>) -> Status {
        self.details(told, &[], ErrorDetails::new())
    }

    fn details(
        self,
        told: impl Into<String>,
        metadata: &[(&str, String)],
        mut details: ErrorDetails,
    ) -> Status {
        let told = told.into();
        let metadata: HashMap<String, String> =
            metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        details.set_error_info(self.as_str(), DOMAIN, metadata);
        if let (None, Some(after)) = (details.retry_info(), self.retry_after()) {
            details.set_retry_info(Some(after));
        }
        let precondition = matches!(self.code(), Code::FailedPrecondition);
        if precondition && !details.has_precondition_failure_violations() {
            details.add_precondition_failure_violation(self.as_str(), "", &told);
        }
        Status::with_error_details(self.code(), told, details)
    }
}

/// As the protocol names its codes.
const fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Whether an answer of this code is to be had for the asking, as often as somebody likes, and
/// means that nothing was done.
const fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::OutOfRange
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::Unauthenticated
            | Code::Unimplemented
            | Code::Internal
    )
}

/// Whether an answer of this code is what is said to who may not know of something.
const fn may_hide(code: Code) -> bool {
    matches!(code, Code::NotFound | Code::PermissionDenied)
}

/// Long enough that a crowd of callers is no storm, short enough that nobody minds.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Wrong fields of a request, each with what is wrong about it.
pub(super) fn invalid_fields(violations: Vec<(String, String)>) -> Status {
    let told = sentence("the request is not valid", &violations);
    bad_request(Reason::InvalidArgument, told, violations)
}

/// A field that should be a resource name and is none.
pub(super) fn invalid_name(field: &str, problem: &dyn Error) -> Status {
    let violations = vec![(field.to_owned(), problem.to_string())];
    let told = sentence("the request names no resource", &violations);
    bad_request(Reason::InvalidResourceName, told, violations)
}

fn bad_request(reason: Reason, told: String, violations: Vec<(String, String)>) -> Status {
    let violations: Vec<_> = violations
        .into_iter()
        .map(|(field, problem)| FieldViolation::new(field, problem))
        .collect();
    reason.details(told, &[], ErrorDetails::with_bad_request(violations))
}

fn sentence(what: &str, violations: &[(String, String)]) -> String {
    let each: Vec<_> = violations.iter().map(|(f, problem)| format!("{f}: {problem}")).collect();
    format!("{what}: {}", each.join("; "))
}

/// There is no such credential, or the caller may not know.
pub(super) fn not_found(name: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_resource_info("ionvault.v1.Credential", name, "", "there is no such credential");
    Reason::CredentialNotFound.details("there is no such credential", &[], details)
}

fn host_not_allowed(error: &HostNotAllowed) -> Status {
    let mut details = ErrorDetails::new();
    details.add_precondition_failure_violation("EGRESS_HOST", error.host(), error.to_string());
    Reason::HostNotAllowed.details(error.to_string(), &[], details)
}

fn no_such_version() -> Status {
    Reason::VersionNotFound.says("there is no such version, or it made room for a newer one")
}

fn deleted() -> Status {
    Reason::CredentialDeleted.says("the credential is deleted: undelete it first")
}

/// `what` there are too many of.
pub(super) fn limit(what: &str, told: String) -> Status {
    let details = ErrorDetails::with_quota_failure_violation(what, told.as_str());
    Reason::LimitExceeded.details(told, &[], details)
}

fn damaged(error: &(dyn Error + 'static)) -> Status {
    log(error);
    Reason::IntegrityFailure
        .says("a stored record does not open: tell an operator, and do not retry")
}

fn store(error: &(dyn Error + 'static)) -> Status {
    log(error);
    Reason::StoreUnavailable.says("the store did not do it: retry")
}

/// What the vault failed at, with all its causes, once.
fn log(error: &(dyn Error + 'static)) {
    tracing::error!(error, "call failed");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_there_or_not_permitted_may_hide_something() {
        let hiding: Vec<_> = (0..=16).map(Code::from).filter(|code| may_hide(*code)).collect();
        assert_eq!(hiding, [Code::NotFound, Code::PermissionDenied]);
        assert!(!Outcome::ok().may_hide);
    }
}
