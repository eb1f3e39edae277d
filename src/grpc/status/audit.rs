//! Which reason each error of the audit log has.

use tonic::Status;

use crate::audit::{AuditUnavailable, NewCheckpointError, ProveError, ReadAuditError};

use super::super::Refusal;
use super::{Reason, damaged, log};

/// Not logged: it fails every call for as long as it lasts, and the audit log says itself what is
/// wrong.
pub(in crate::grpc) fn audit_unavailable(_error: AuditUnavailable) -> Status {
    Reason::AuditUnavailable.says("the call cannot be recorded, so it is not answered: retry")
}

impl From<AuditUnavailable> for Refusal {
    fn from(error: AuditUnavailable) -> Self {
        Self(audit_unavailable(error))
    }
}

impl From<NewCheckpointError> for Refusal {
    fn from(error: NewCheckpointError) -> Self {
        Self(match error {
            NewCheckpointError::Unavailable(error) => audit_unavailable(error),
            NewCheckpointError::TooLate => {
                log(&error);
                Reason::AuditUnavailable.says("no checkpoint could be signed in time: retry")
            }
        })
    }
}

impl From<ReadAuditError> for Refusal {
    fn from(error: ReadAuditError) -> Self {
        Self(match &error {
            ReadAuditError::Files(_) => {
                log(&error);
                Reason::AuditUnavailable.says("the audit log cannot be read: retry")
            }
            ReadAuditError::Damaged(_) => damaged(&error),
        })
    }
}

impl From<ProveError> for Refusal {
    fn from(error: ProveError) -> Self {
        match error {
            ProveError::Uncovered(_) | ProveError::Outside { .. } => Self(no_such_event()),
            ProveError::Read(error) => error.into(),
        }
    }
}

/// There is no such record, or the caller may not know.
pub(in crate::grpc) fn no_such_event() -> Status {
    Reason::AuditEventNotFound.says("there is no such record")
}

/// The caller holds a checkpoint of more records than there are. If one was signed, some are gone.
pub(in crate::grpc) fn log_too_short(old_size: u64, size: u64) -> Status {
    Reason::AuditLogTooShort
        .says(format!("the log has {size} records, fewer than the {old_size} of `old_tree_size`"))
}
