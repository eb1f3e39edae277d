//! What can be permitted.

use std::str::FromStr;

/// An RPC, as policies name it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "each is the RPC of its name")]
pub enum Action {
    UploadCredential,
    GetCredential,
    ListCredentials,
    ListCredentialVersions,
    UpdateCredential,
    ActivateCredentialVersion,
    DeleteCredential,
    UndeleteCredential,
    TestCredential,
    IssueToken,
    StartAuthorization,
    CompleteAuthorization,
    WatchToken,
    RevokeTokens,
    ListAuditEvents,
    GetAuditCheckpoint,
    ProveAuditEvent,
}

impl Action {
    /// The name that the proto files and policies use.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UploadCredential => "UploadCredential",
            Self::GetCredential => "GetCredential",
            Self::ListCredentials => "ListCredentials",
            Self::ListCredentialVersions => "ListCredentialVersions",
            Self::UpdateCredential => "UpdateCredential",
            Self::ActivateCredentialVersion => "ActivateCredentialVersion",
            Self::DeleteCredential => "DeleteCredential",
            Self::UndeleteCredential => "UndeleteCredential",
            Self::TestCredential => "TestCredential",
            Self::IssueToken => "IssueToken",
            Self::StartAuthorization => "StartAuthorization",
            Self::CompleteAuthorization => "CompleteAuthorization",
            Self::WatchToken => "WatchToken",
            Self::RevokeTokens => "RevokeTokens",
            Self::ListAuditEvents => "ListAuditEvents",
            Self::GetAuditCheckpoint => "GetAuditCheckpoint",
            Self::ProveAuditEvent => "ProveAuditEvent",
        }
    }
}

/// The text names no action.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected one of {}", Action::ALL.map(Action::as_str).join(", "))]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::UploadCredential,
        Self::GetCredential,
        Self::ListCredentials,
        Self::ListCredentialVersions,
        Self::UpdateCredential,
        Self::ActivateCredentialVersion,
        Self::DeleteCredential,
        Self::UndeleteCredential,
        Self::TestCredential,
        Self::IssueToken,
        Self::StartAuthorization,
        Self::CompleteAuthorization,
        Self::WatchToken,
        Self::RevokeTokens,
        Self::ListAuditEvents,
        Self::GetAuditCheckpoint,
        Self::ProveAuditEvent,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_none_is_told_those_that_are() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        let told = "issueToken".parse::<Action>().unwrap_err().to_string();
        assert!(told.starts_with("expected one of UploadCredential, GetCredential, "), "{told}");
    }
}
