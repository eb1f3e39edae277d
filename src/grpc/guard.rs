//! Authorize before validating (AIP-211), and tell nobody more than they may know.

use std::sync::Arc;

use crate::access::{Action, Current, Resource};
use crate::model::{Credential, CredentialName, Parent};
use crate::vault::Vault;

use super::Refusal;
use super::call::Call;
use super::status::{Reason, not_found};

/// Asks the policy.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) access: Arc<Current>,
    pub(super) vault: Vault,
}

impl Guard {
    /// The credential, if there is one and the caller may do this with it.
    pub(super) fn credential(
        &self,
        call: Call<'_>,
        action: Action,
        name: &CredentialName,
    ) -> Result<Arc<Credential>, Refusal> {
        let found = self.maybe_credential(call, action, name)?;
        found.ok_or_else(|| not_found(&name.to_string()).into())
    }

    /// The credential, or that there is none; if the caller may do this with one of this name.
    pub(super) fn maybe_credential(
        &self,
        call: Call<'_>,
        action: Action,
        name: &CredentialName,
    ) -> Result<Option<Arc<Credential>>, Refusal> {
        let found = self.vault.find(name);
        let resource = match &found {
            Ok(Some(credential)) => Resource::Credential(credential),
            Ok(None) | Err(_) => Resource::AbsentCredential(name),
        };
        // One policy for both questions.
        let access = self.access.load();
        if access.permits(call.caller, action, resource) {
            Ok(found?)
        } else if access.permits(call.caller, Action::GetCredential, resource) {
            Err(Reason::CallerDenied.says("policy does not permit this").into())
        } else {
            // Whoever may not read it learns nothing, not even that it is damaged.
            Err(not_found(&name.to_string()).into())
        }
    }

    /// Whether the caller may list what is below `parent`. All tenants together may be listed by
    /// everyone: each tenant is asked about when its turn comes.
    pub(super) fn list(&self, call: Call<'_>, parent: &Parent) -> Result<(), Refusal> {
        match parent {
            Parent::AllTenants => Ok(()),
            Parent::Tenant(tenant) => {
                let resource = Resource::Tenant(tenant);
                match self.access.load().permits(call.caller, Action::ListCredentials, resource) {
                    true => Ok(()),
                    // The same for tenants that exist and that do not: the policy is asked about
                    // the name only.
                    false => Err(Reason::CallerDenied.says("policy does not permit this").into()),
                }
            }
        }
    }

    /// Whether a credential shows in the caller's lists.
    pub(super) fn shows(&self, call: Call<'_>, credential: &Credential) -> bool {
        self.access.load().permits(
            call.caller,
            Action::GetCredential,
            Resource::Credential(credential),
        )
    }

    /// Whether the caller may list this tenant.
    pub(super) fn lists(&self, call: Call<'_>, credential: &Credential) -> bool {
        let tenant = Resource::Tenant(&credential.name.tenant);
        self.access.load().permits(call.caller, Action::ListCredentials, tenant)
    }
}
