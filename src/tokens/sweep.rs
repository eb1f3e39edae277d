//! Revoking what no version uses any more.

use std::collections::HashSet;
use std::time::Duration;

use crate::model::{TenantId, Uid};
use crate::ports::{CommitError, Expectation, SCAN_LIMIT_MAX, StoreError, Write};
use crate::sealing::{RecordKind, StoreKey};

use super::revocation::{RevokeError, Taken};
use super::{Inner, TokenIssuer, records};

impl TokenIssuer {
    /// Revokes the tokens of accounts that no version of any credential uses any more, and forgets
    /// the accounts. Versions of deleted credentials count: they can be undeleted, and a version
    /// can be activated again. Forgets budgets, too, that nothing counts in. To be called now and
    /// then.
    ///
    /// # Errors
    ///
    /// As [`RevokeError`] says; what was done until then stays done.
    pub async fn sweep(&self) -> Result<(), RevokeError> {
        for (tenant, uid, key) in self.0.unused_accounts().await? {
            self.0.give_up(&tenant, uid, &key).await?;
        }
        self.0.budgets.forget_idle().await?;
        Ok(())
    }
}

impl Inner {
    /// Where the accounts lie that no version uses.
    async fn unused_accounts(&self) -> Result<Vec<(TenantId, Uid, StoreKey)>, StoreError> {
        let kind = [RecordKind::Account as u8];
        let mut kept: Vec<(StoreKey, Uid)> = Vec::new();
        loop {
            let after = kept.last().map(|(key, _)| key);
            let found = self.vault.store().scan(&kind, after, SCAN_LIMIT_MAX).await?;
            let more = found.len() == SCAN_LIMIT_MAX;
            kept.extend(found.into_iter().map(|(key, stored)| (key, stored.record.tenant_uid())));
            if !more {
                break;
            }
        }
        // Looked up after the accounts: whoever has an account by now has a version, too.
        let tenants = self.vault.tenants();
        let mut used = HashSet::new();
        for (uid, tenant) in &tenants {
            for credential in self.vault.credentials_of(tenant) {
                let keys = credential.versions.iter().map(|version| {
                    records::account_key(self.vault.keyring(), *uid, &version.account)
                });
                used.extend(keys);
            }
            // Others get their turn between two tenants.
            tokio::task::yield_now().await;
        }
        kept.retain(|(key, _)| !used.contains(key));
        let unused = kept.into_iter();
        let unused = unused.filter_map(|(key, uid)| Some((tenants.get(&uid)?.clone(), uid, key)));
        Ok(unused.collect())
    }

    /// Has the account's tokens revoked, and forgets the account unless something is on the way.
    async fn give_up(
        &self,
        tenant: &TenantId,
        tenant_uid: Uid,
        key: &StoreKey,
    ) -> Result<(), RevokeError> {
        let (keyring, store) = (self.vault.keyring(), self.vault.store());
        let Some(sealing_key) = self.vault.tenant_key(tenant)? else { return Ok(()) };
        let Some(stored) = store.get(key).await? else { return Ok(()) };
        let opened = records::open_account(keyring, &sealing_key, tenant_uid, key, &stored.record);
        let account = match opened {
            Ok(opened) => opened.state.id,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%tenant, error, "an account that nobody uses does not open");
                return Ok(());
            }
        };
        match self.take_tokens(tenant, tenant_uid, account).await? {
            // What comes is revoked, and the account forgotten by the next sweep.
            Taken::OnTheWay => return Ok(()),
            Taken::Pending(pending) => self.enter(pending, Duration::ZERO),
            Taken::Nothing | Taken::Unsupported => {}
        }
        let Some(stored) = store.get(key).await? else { return Ok(()) };
        let opened = records::open_account(keyring, &sealing_key, tenant_uid, key, &stored.record)?;
        if opened.state.intent.is_some() || opened.state.token.is_some() {
            return Ok(());
        }
        let expects = vec![Expectation { key: key.clone(), revision: Some(stored.revision) }];
        let client = records::client_key(keyring, tenant_uid, &account);
        let writes = vec![Write::Delete(key.clone()), Write::Delete(client)];
        match store.commit(expects, writes).await {
            Ok(_) => {
                self.accounts.remove(&account);
                tracing::info!(%tenant, "an account that no version uses was forgotten");
                Ok(())
            }
            // Somebody uses it again.
            Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error.into()),
        }
    }
}
