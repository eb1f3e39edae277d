//! `ListCredentials` and `ListCredentialVersions`.

use std::cell::RefCell;

use tonic::Request;

use crate::access::Action;
use crate::model::{Credential, CredentialName, Parent, TenantId};
use crate::pb::v1::{
    ListCredentialVersionsRequest, ListCredentialVersionsResponse, ListCredentialsRequest,
    ListCredentialsResponse,
};
use crate::vault::PageQuery;

use super::super::call::Call;
use super::super::fields::{self, Violations};
use super::super::guard::Listing;
use super::super::{Refusal, into_parts, messages};
use super::Credentials;

impl Credentials {
    pub(super) fn list(
        &self,
        request: Request<ListCredentialsRequest>,
    ) -> Result<ListCredentialsResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        let ListCredentialsRequest { parent, page_size, page_token, filter, show_deleted } =
            message;
        let call = Call::from_extensions(&extensions)?;
        let parent: Parent = call.resource("parent", &parent)?;
        let listing = self.guard.list(call, &parent)?;

        let mut violations = Violations::default();
        let size = violations.check("page_size", fields::page_size(page_size));
        let parsed = violations.check("filter", filter.parse());
        let (size, parsed) = violations.finish(size.zip(parsed))?;

        let query = PageQuery {
            caller: call.caller.clone(),
            parent,
            filter_text: filter,
            filter: parsed,
            show_deleted,
        };
        let visible = visible(listing);
        let health = |credential: &Credential| self.descriptions.health(credential);
        let page = self.vault.list(&query, &page_token, size, health, visible)?;
        let credentials = page.items.iter().map(|credential| self.descriptions.short(credential));
        Ok(ListCredentialsResponse {
            credentials: credentials.collect(),
            next_page_token: page.next_page_token,
        })
    }

    pub(super) fn list_versions(
        &self,
        request: Request<ListCredentialVersionsRequest>,
    ) -> Result<ListCredentialVersionsResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        let ListCredentialVersionsRequest { parent, page_size, page_token } = message;
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("parent", &parent)?;
        let credential = self.guard.credential(call, Action::ListCredentialVersions, &name)?;
        let mut violations = Violations::default();
        let size = violations.check("page_size", fields::page_size(page_size));
        let size = violations.finish(size)?;
        let page = self.vault.list_versions(call.caller, &credential, &page_token, size)?;
        let versions = page.items.iter().map(|version| messages::version(&credential, version));
        Ok(ListCredentialVersionsResponse {
            credential_versions: versions.collect(),
            next_page_token: page.next_page_token,
        })
    }
}

/// Whether a credential shows in this caller's list: its tenant may be listed, which is asked once for
/// each, and the caller may get it.
fn visible(listing: Listing<'_>) -> impl Fn(&Credential) -> bool {
    let tenant: RefCell<Option<(TenantId, bool)>> = RefCell::new(None);
    move |credential| {
        let mut tenant = tenant.borrow_mut();
        let listed = match &*tenant {
            Some((id, listed)) if *id == credential.name.tenant => *listed,
            Some(_) | None => {
                let listed = listing.lists(&credential.name.tenant);
                *tenant = Some((credential.name.tenant.clone(), listed));
                listed
            }
        };
        listed && listing.shows(credential)
    }
}
