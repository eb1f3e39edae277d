//! What is promised: by the roles of the shipped policy, and by what the protos say of each RPC.

use tonic::Code;

/// What an RPC does for whom it is permitted.
pub(super) struct Row {
    pub(super) rpc: &'static str,
    /// Who may, in its own tenant.
    roles: &'static [Role],
    /// What comes of it, for a credential that is live, deleted and absent.
    outcomes: [Told; 3],
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Role {
    Admin,
    Uploader,
    Issuer,
    Auditor,
    Stranger,
    /// A valid channel whose identity is of no use.
    Unusable,
}

/// Where the credential is. Policies confine each role to the tenant that is its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tenant {
    Own,
    Other,
    /// Nobody has ever stored anything there.
    Unknown,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Live,
    Deleted,
    Absent,
}

/// A code and a reason.
pub(super) type Told = (Code, &'static str);

const DONE: Told = (Code::Ok, "");
const DELETED: Told = (Code::FailedPrecondition, "CREDENTIAL_DELETED");
const NOT_DELETED: Told = (Code::FailedPrecondition, "NOT_DELETED");
/// The files here are of Backend Services.
const NOT_NEEDED: Told = (Code::FailedPrecondition, "AUTHORIZATION_NOT_NEEDED");
const NOT_FOUND: Told = (Code::NotFound, "CREDENTIAL_NOT_FOUND");
const NO_EVENT: Told = (Code::NotFound, "AUDIT_EVENT_NOT_FOUND");
const DENIED: Told = (Code::PermissionDenied, "CALLER_DENIED");
const UNKNOWN: Told = (Code::Unauthenticated, "CALLER_UNKNOWN");

use Role::{Admin, Auditor, Issuer, Uploader};

const READERS: &[Role] = &[Admin, Uploader, Auditor];

/// A row for each RPC.
pub(super) const ROWS: &[Row] = &[
    row("UploadCredential", &[Admin, Uploader], [DONE, DELETED, DONE]),
    row("GetCredential", &[Admin, Uploader, Issuer, Auditor], [DONE, DONE, NOT_FOUND]),
    row("ListCredentials", READERS, [DONE, DONE, DONE]),
    row("ListCredentialVersions", READERS, [DONE, DONE, NOT_FOUND]),
    row("UpdateCredential", &[Admin], [DONE, DELETED, NOT_FOUND]),
    row("ActivateCredentialVersion", &[Admin], [DONE, DELETED, NOT_FOUND]),
    row("DeleteCredential", &[Admin], [DONE, DONE, NOT_FOUND]),
    row("UndeleteCredential", &[Admin], [NOT_DELETED, DONE, NOT_FOUND]),
    row("TestCredential", &[Admin, Uploader], [DONE, DELETED, NOT_FOUND]),
    row("IssueToken", &[Admin, Issuer], [DONE, DELETED, NOT_FOUND]),
    row("WatchToken", &[Admin, Issuer], [DONE, DELETED, NOT_FOUND]),
    row("RevokeTokens", &[Admin], [DONE, DONE, NOT_FOUND]),
    row("StartAuthorization", &[Admin, Uploader], [NOT_NEEDED, DELETED, NOT_FOUND]),
    row("CompleteAuthorization", &[Admin, Uploader], [NOT_NEEDED, DELETED, NOT_FOUND]),
    row("ListAuditEvents", &[Admin, Auditor], [DONE, DONE, DONE]),
    // About all tenants, so about none that is a role's own.
    row("GetAuditCheckpoint", &[], [DENIED, DENIED, DENIED]),
    row("ProveAuditEvent", &[Admin, Auditor], [DONE, DONE, DONE]),
];

const fn row(rpc: &'static str, roles: &'static [Role], outcomes: [Told; 3]) -> Row {
    Row { rpc, roles, outcomes }
}

impl Row {
    pub(super) fn permits(&self, role: Role, tenant: Tenant) -> bool {
        tenant == Tenant::Own && self.roles.contains(&role)
    }

    /// The answer that is promised.
    pub(super) fn expected(&self, role: Role, tenant: Tenant, state: State) -> Told {
        let [live, deleted, absent] = self.outcomes;
        let about_a_tenant =
            ["ListCredentials", "ListAuditEvents", "GetAuditCheckpoint"].contains(&self.rpc);
        let may_get =
            ROWS.iter().any(|row| row.rpc == "GetCredential" && row.permits(role, tenant));
        match (self.permits(role, tenant), state) {
            _ if role == Role::Unusable => UNKNOWN,
            (true, State::Live) => live,
            (true, State::Deleted) => deleted,
            (true, State::Absent) => absent,
            (false, _) if self.rpc == "ProveAuditEvent" => NO_EVENT,
            (false, _) if about_a_tenant || may_get => DENIED,
            (false, _) => NOT_FOUND,
        }
    }
}
