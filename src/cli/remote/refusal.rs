//! A `Status` in words.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::advice;
use super::connection::{Trouble, causes, trouble};
use super::session::{Session, Subject};
use crate::cli::duration;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Report};

/// What to print of a call that failed.
pub(super) fn refused(status: &Status, subject: &Subject, session: &Session) -> Failure {
    let told = status.get_error_details();
    let reason = told.error_info().filter(|info| info.domain == DOMAIN).map(|info| &*info.reason);
    let report = match reason {
        Some(reason) => Report {
            exit: exit(status.code(), reason),
            what: status.message().to_owned(),
            details: lines(&told),
            reason: Some(reason.to_owned()),
            next: advice::next(reason, &told, subject),
        },
        None => unexplained(status, &told, subject, session),
    };
    Failure::Reported(Box::new(report))
}

/// `ErrorInfo.domain` of a vault.
const DOMAIN: &str = "ionvault";

/// What comes without a reason of the vault's: from the transport, or from some other server.
fn unexplained(
    status: &Status,
    told: &ErrorDetails,
    subject: &Subject,
    session: &Session,
) -> Report {
    let source = std::error::Error::source(status);
    let mut details = lines(told);
    details.extend(source.map(causes).unwrap_or_default());
    let Session { channel: _, endpoint, timeout, token: _ } = session;
    let silent = matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded);
    let (exit, what, next) = match source.map(trouble) {
        Some(Trouble::TimedOut) | None if silent => {
            let what = format!("{endpoint} gave no answer within {}", duration::show(*timeout));
            (Exit::Unavailable, what, advice::again(subject, told))
        }
        Some(_) => (
            Exit::Unavailable,
            format!("the connection to {endpoint} broke"),
            advice::again(subject, told),
        ),
        None => {
            let what = format!("{endpoint} answered: {}", status.message());
            (exit(status.code(), ""), what, advice::OTHER_VERSION.to_owned())
        }
    };
    let reason = Some(format!("{:?}", status.code()));
    Report { exit, what, details, reason, next: Some(next) }
}

fn exit(code: Code, reason: &str) -> Exit {
    match reason {
        "CREDENTIAL_REFUSED" => return Exit::RefusedByInfor,
        // A limit that time lifts, not one that somebody must raise.
        "TOKEN_BUDGET_EXHAUSTED" | "CALLER_RATE_LIMITED" => return Exit::Unavailable,
        _ => {}
    }
    // No wildcard: a new code must not compile until someone has chosen how scripts see it.
    match code {
        Code::Ok => Exit::Done,
        Code::NotFound => Exit::NotFound,
        Code::PermissionDenied | Code::Unauthenticated => Exit::Denied,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Exit::Unavailable,
        Code::Unknown
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => Exit::Failed,
    }
}

/// Everything that the details of an error say, a line each.
fn lines(told: &ErrorDetails) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(request) = told.bad_request() {
        for violation in &request.field_violations {
            lines.push(format!("{}: {}", violation.field, violation.description));
        }
    }
    if let Some(failure) = told.precondition_failure() {
        // One without a subject says what the message says.
        for violation in failure.violations.iter().filter(|failed| !failed.subject.is_empty()) {
            lines.push(format!("{}: {}", violation.subject, violation.description));
        }
    }
    if let Some(failure) = told.quota_failure() {
        for violation in &failure.violations {
            lines.push(format!("{}: {}", violation.subject, violation.description));
        }
    }
    if let Some(resource) = told.resource_info()
        && !resource.resource_name.is_empty()
    {
        lines.push(format!("resource: {}", resource.resource_name));
    }
    if let Some(info) = told.error_info() {
        let mut metadata: Vec<_> = info.metadata.iter().collect();
        metadata.sort_unstable();
        lines.extend(metadata.into_iter().map(|(key, value)| format!("{key}: {value}")));
    }
    lines.truncate(LINES_MAX);
    lines
}

/// A file has 14 keys that can be wrong; no honest answer has more lines than a screen.
const LINES_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn scripts_can_tell_who_must_act() {
        for (code, reason, expected) in [
            (Code::FailedPrecondition, "CREDENTIAL_REFUSED", Exit::RefusedByInfor),
            (Code::FailedPrecondition, "HOST_NOT_ALLOWED", Exit::Failed),
            (Code::ResourceExhausted, "TOKEN_BUDGET_EXHAUSTED", Exit::Unavailable),
            (Code::ResourceExhausted, "CALLER_RATE_LIMITED", Exit::Unavailable),
            (Code::ResourceExhausted, "LIMIT_EXCEEDED", Exit::Failed),
            (Code::NotFound, "CREDENTIAL_NOT_FOUND", Exit::NotFound),
            (Code::NotFound, "VERSION_NOT_FOUND", Exit::NotFound),
            (Code::PermissionDenied, "CALLER_DENIED", Exit::Denied),
            (Code::Unauthenticated, "CALLER_UNKNOWN", Exit::Denied),
            (Code::Unavailable, "PROVIDER_UNAVAILABLE", Exit::Unavailable),
            (Code::DataLoss, "INTEGRITY_FAILURE", Exit::Failed),
        ] {
            assert_eq!(exit(code, reason), expected, "{reason}");
        }
    }

    #[test]
    fn every_detail_gets_its_line() {
        let mut told = ErrorDetails::with_bad_request_violation("ion_api_file.pu", "not a URL");
        told.add_bad_request_violation("ion_api_file.ci", "missing")
            .add_precondition_failure_violation("HOST", "sso.example", "not approved")
            .add_precondition_failure_violation("DELETED", "", "deleted, as the message says")
            .add_quota_failure_violation("tenants/acme", "at most 100")
            .set_resource_info("Credential", "tenants/acme/credentials/infor", "", "")
            .set_error_info(
                "X",
                "ionvault",
                HashMap::from([("b".into(), "2".into()), ("a".into(), "1".into())]),
            );
        assert_eq!(
            lines(&told),
            [
                "ion_api_file.pu: not a URL",
                "ion_api_file.ci: missing",
                "sso.example: not approved",
                "tenants/acme: at most 100",
                "resource: tenants/acme/credentials/infor",
                "a: 1",
                "b: 2",
            ]
        );
    }

    #[test]
    fn a_flood_of_details_is_cut() {
        let mut told = ErrorDetails::new();
        for n in 0..1000 {
            told.add_bad_request_violation(format!("field{n}"), "wrong");
        }
        assert_eq!(lines(&told).len(), LINES_MAX);
    }
}
