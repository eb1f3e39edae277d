//! What is known of accounts from before the start.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{AccountId, Credential, Grant, TenantId, Uid, Version};
use crate::ports::{SCAN_LIMIT_MAX, StoreError, Stored};
use crate::sealing::{RecordKind, StoreKey};

use super::access_token::AccessToken;
use super::flight::{Flight, Purpose};
use super::records::{self, OpenedAccount};
use super::standing::Standing;
use super::{Inner, OpenIssuerError};

/// The version that an account is used through.
pub(super) type User = (Arc<Credential>, Arc<Version>);

impl Inner {
    /// Shows what the store knows of each account, so that Infor is asked for nothing while tokens
    /// live. The flights that were interrupted.
    pub(super) async fn load(self: &Arc<Self>) -> Result<Vec<Flight>, OpenIssuerError> {
        let tenants = self.vault.tenants();
        let mut users: HashMap<Uid, HashMap<AccountId, User>> = HashMap::new();
        let (mut known, mut damaged, mut interrupted) = (0_usize, 0_usize, Vec::new());
        let mut after: Option<StoreKey> = None;
        loop {
            let kind = [RecordKind::Account as u8];
            let found = self.vault.store().scan(&kind, after.as_ref(), SCAN_LIMIT_MAX).await?;
            for (key, stored) in &found {
                let uid = stored.record.tenant_uid();
                let opened = match tenants.get(&uid) {
                    Some(tenant) => self.open_account(tenant, uid, key, stored),
                    None => None,
                };
                let Some(opened) = opened else {
                    damaged += 1;
                    continue;
                };
                known += 1;
                let users = users.entry(uid).or_insert_with(|| {
                    tenants.get(&uid).map(|tenant| self.users(tenant)).unwrap_or_default()
                });
                let user = users.get(&opened.state.id);
                interrupted.extend(self.show_kept(uid, opened, user)?);
            }
            after = match found.last() {
                Some((key, _)) if found.len() == SCAN_LIMIT_MAX => Some(key.clone()),
                Some(_) | None => break,
            };
        }
        tracing::info!(
            accounts = known,
            damaged,
            interrupted = interrupted.len(),
            "accounts loaded"
        );
        Ok(interrupted)
    }

    fn open_account(
        &self,
        tenant: &TenantId,
        uid: Uid,
        key: &StoreKey,
        stored: &Stored,
    ) -> Option<OpenedAccount> {
        let sealing_key = self.vault.tenant_key(tenant).ok().flatten()?;
        let keyring = self.vault.keyring();
        match records::open_account(keyring, &sealing_key, uid, key, &stored.record) {
            Ok(opened) => Some(opened),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%tenant, error, "an account's record does not open");
                None
            }
        }
    }

    fn show_kept(
        self: &Arc<Self>,
        tenant_uid: Uid,
        opened: OpenedAccount,
        user: Option<&User>,
    ) -> Result<Option<Flight>, OpenIssuerError> {
        let OpenedAccount { state, access_token, refresh_token } = opened;
        let slot = self.accounts.slot(&state.id).map_err(|_full| OpenIssuerError::TooMany)?;
        let now = self.now();
        let grant = user.map_or(Grant::Password, |(_, version)| version.facts.grant);
        let standing = Standing::of(&state, refresh_token.is_some(), grant, &now);
        let token = state.token.clone().zip(access_token).map(|(kept, token)| {
            Arc::new(AccessToken::restore(tenant_uid, kept, token, &now, &self.jitter))
        });
        slot.show(state.epoch, token, standing);
        let Some((credential, version)) = user else { return Ok(None) };
        slot.set_user(&credential.name);
        self.plan_renewal(&slot, &state.id);
        Ok(state.intent.map(|_| Flight {
            slot,
            credential: Arc::clone(credential),
            version: Arc::clone(version),
            purpose: Purpose::Recovery,
        }))
    }

    /// For each account of a tenant a version that uses it: one that serves, if there is one.
    fn users(&self, tenant: &TenantId) -> HashMap<AccountId, User> {
        let mut users: HashMap<AccountId, User> = HashMap::new();
        for credential in self.vault.credentials_of(tenant) {
            for version in &credential.versions {
                let serves = version.number == credential.active_version;
                let user = (Arc::clone(&credential), Arc::clone(version));
                if serves {
                    users.insert(version.account, user);
                } else {
                    users.entry(version.account).or_insert(user);
                }
            }
        }
        users
    }
}

impl From<StoreError> for OpenIssuerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
