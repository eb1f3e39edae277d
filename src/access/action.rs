//! What can be permitted.

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
        }
    }
}

#[cfg(test)]
impl Action {
    /// All of them.
    pub(super) const ALL: [Self; 14] = [
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
    ];
}
