//! Which reason each error of [`crate::vault`] has.

use std::error::Error;

use tonic::Status;

use crate::ion::InvalidIonApiFile;
use crate::vault::{
    ChangeError, IntegrityFailure, ListError, NotDeleted, Unactivatable, Unlabelable, UploadError,
    WriteError,
};

use super::super::{Refusal, fields};
use super::{
    Reason, bad_request, damaged, deleted, host_not_allowed, invalid_fields, limit,
    no_such_version, not_found, store,
};

impl From<IntegrityFailure> for Refusal {
    fn from(error: IntegrityFailure) -> Self {
        Self(damaged(&error))
    }
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        Self(match &error {
            WriteError::Integrity(_) => damaged(&error),
            WriteError::Busy => Reason::Overloaded.says("too many changes are under way: retry"),
            WriteError::Store(_)
            | WriteError::Contended
            | WriteError::Seal(_)
            | WriteError::Content
            | WriteError::Random(_)
            | WriteError::Key(_)
            | WriteError::Abandoned => store(&error),
        })
    }
}

impl From<ListError> for Refusal {
    fn from(error: ListError) -> Self {
        Self(match error {
            ListError::PageToken(error) => {
                invalid_fields(vec![("page_token".to_owned(), error.to_string())])
            }
            ListError::Seal(_) => store(&error),
        })
    }
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        Self(match error {
            UploadError::File(error) => invalid_file(&error),
            UploadError::CaCertificates(error) => {
                invalid_fields(vec![("ca_certificates".to_owned(), error.to_string())])
            }
            UploadError::Host(error) => host_not_allowed(&error),
            UploadError::Deleted => deleted(),
            UploadError::EtagMismatch => etag_mismatch(),
            UploadError::RequestIdReused => request_id_reused(),
            UploadError::Limit(what) => limit(what, format!("there is no room for more {what}")),
            UploadError::Damaged(error) => return error.into(),
            UploadError::Write(error) => return error.into(),
        })
    }
}

impl<R: Error + Into<Self>> From<ChangeError<R>> for Refusal {
    fn from(error: ChangeError<R>) -> Self {
        Self(match error {
            ChangeError::NotFound => not_found(""),
            ChangeError::EtagMismatch => etag_mismatch(),
            ChangeError::RequestIdReused => request_id_reused(),
            ChangeError::Refused(error) => return error.into(),
            ChangeError::Damaged(error) => return error.into(),
            ChangeError::Write(error) => return error.into(),
        })
    }
}

impl From<std::convert::Infallible> for Refusal {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<Unlabelable> for Refusal {
    fn from(error: Unlabelable) -> Self {
        Self(match error {
            Unlabelable::Deleted => deleted(),
            Unlabelable::Labels(error) => fields::labels_refused(&error),
        })
    }
}

impl From<NotDeleted> for Refusal {
    fn from(NotDeleted: NotDeleted) -> Self {
        Self(Reason::NotDeleted.says("the credential is not deleted"))
    }
}

impl From<Unactivatable> for Refusal {
    fn from(error: Unactivatable) -> Self {
        Self(match error {
            Unactivatable::Deleted => deleted(),
            Unactivatable::NoSuchVersion => no_such_version(),
        })
    }
}

fn invalid_file(error: &InvalidIonApiFile) -> Status {
    let field = |key: &str| match key {
        "" => "ion_api_file".to_owned(),
        key => format!("ion_api_file.{key}"),
    };
    let violations: Vec<_> = error
        .violations()
        .iter()
        .map(|violation| (field(violation.key), violation.problem.to_string()))
        .collect();
    bad_request(Reason::InvalidIonApiFile, error.to_string(), violations)
}

fn etag_mismatch() -> Status {
    Reason::EtagMismatch.says("the credential was changed meanwhile: read it again")
}

fn request_id_reused() -> Status {
    Reason::RequestIdReused.says("this request id was used for another request within 24 hours")
}
