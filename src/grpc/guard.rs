//! Authorize before validating (AIP-211), and tell nobody more than they may know.

use std::sync::Arc;

use crate::access::{Access, Action, Current, Resource, Verdict};
use crate::model::{Credential, CredentialName, Parent, TenantId};
use crate::quotas::Quotas;
use crate::vault::Vault;

use super::Refusal;
use super::call::Call;
use super::status::{Reason, not_found};

/// Asks the policy, and counts what it permits.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) access: Arc<Current>,
    pub(super) quotas: Arc<Quotas>,
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
        let found = self.permitted(call, action, name)?;
        // Only now: who may not know of the tenant neither feels its quota nor uses it up.
        self.quotas.charge_tenant(&name.tenant, call.entry.effect())?;
        Ok(found)
    }

    /// The credential, if the caller may still do this with it: a question of a call that was
    /// charged when it began.
    pub(super) fn still(
        &self,
        call: Call<'_>,
        action: Action,
        name: &CredentialName,
    ) -> Result<Arc<Credential>, Refusal> {
        let found = self.permitted(call, action, name)?;
        found.ok_or_else(|| not_found(&name.to_string()).into())
    }

    fn permitted(
        &self,
        call: Call<'_>,
        action: Action,
        name: &CredentialName,
    ) -> Result<Option<Arc<Credential>>, Refusal> {
        let found = self.vault.look_up(name);
        match self.access.load().judge(call.caller, action, name, found.as_deref()) {
            Verdict::Permitted => {}
            Verdict::Denied => {
                return Err(Reason::CallerDenied.says("policy does not permit this").into());
            }
            Verdict::Hidden => return Err(not_found(&name.to_string()).into()),
        }
        if found.is_none() {
            // Whoever may not know of it does not learn, either, that its record is damaged.
            self.vault.absent(name)?;
        }
        Ok(found)
    }

    /// What the caller may see below `parent`, if it may list that. All tenants together may be
    /// listed by everyone: each tenant is asked about when its turn comes.
    pub(super) fn list<'a>(&self, call: Call<'a>, parent: &Parent) -> Result<Listing<'a>, Refusal> {
        let listing = Listing { call, access: Arc::clone(&self.access.load()) };
        if let Parent::Tenant(tenant) = parent {
            if !listing.lists(tenant) {
                // The same for tenants that exist and that do not: the policy is asked about the
                // name only.
                return Err(Reason::CallerDenied.says("policy does not permit this").into());
            }
            self.quotas.charge_tenant(tenant, call.entry.effect())?;
        }
        Ok(listing)
    }

    /// Whether the caller may do this with the records of calls about what is below `parent`, or with
    /// the whole log.
    pub(super) fn audit(
        &self,
        call: Call<'_>,
        action: Action,
        parent: &Parent,
    ) -> Result<(), Refusal> {
        let resource = match parent {
            Parent::AllTenants => Resource::AuditLog,
            Parent::Tenant(tenant) => Resource::Tenant(tenant),
        };
        match self.access.load().permits(call.caller, action, resource) {
            true => Ok(()),
            false => Err(Reason::CallerDenied.says("policy does not permit this").into()),
        }
    }
}

/// One page of a list, judged by one policy.
pub(super) struct Listing<'a> {
    call: Call<'a>,
    access: Arc<Access>,
}

impl Listing<'_> {
    /// Whether a credential shows in the caller's lists.
    pub(super) fn shows(&self, credential: &Credential) -> bool {
        let resource = Resource::Credential(credential);
        self.access.permits(self.call.caller, Action::GetCredential, resource)
    }

    /// Whether the caller may list this tenant.
    pub(super) fn lists(&self, tenant: &TenantId) -> bool {
        self.access.permits(self.call.caller, Action::ListCredentials, Resource::Tenant(tenant))
    }
}
