//! Every credential, in memory, without its files.
//!
//! Readers take a snapshot and wait for nobody. Writers hold the tenant's lock (see `tenant.rs`);
//! the map of tenants itself is replaced only when a tenant is added.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::model::{Credential, CredentialId, CredentialName, Parent, TenantId};
use crate::ports::Revision;
use crate::sealing::{Keyring, StoreKey};

use super::records;
use super::tenant::Tenant;

/// Bounds the memory of the directory: about 2 KiB a credential.
pub const TENANTS_MAX: usize = 20_000;

/// One organisation has one Infor, with a handful of environments and apps.
pub const CREDENTIALS_PER_TENANT_MAX: usize = 100;

/// There is a record for this name, and it does not open.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the record of this credential does not open")]
pub struct IntegrityFailure;

pub(super) struct Directory {
    tenants: ArcSwap<BTreeMap<TenantId, Arc<TenantEntry>>>,
    /// Where records lie that did not open at the start. Their names are not known: they are
    /// inside.
    damaged: HashSet<StoreKey>,
}

/// A tenant and its credentials.
pub(super) struct TenantEntry {
    pub(super) tenant: Arc<Tenant>,
    credentials: ArcSwap<BTreeMap<CredentialId, Entry>>,
}

/// A credential, and what the store calls the record it was read from.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) credential: Arc<Credential>,
    pub(super) stored: Revision,
}

impl Directory {
    pub(super) fn new(
        tenants: Vec<Tenant>,
        entries: Vec<Entry>,
        damaged: HashSet<StoreKey>,
    ) -> Self {
        let mut of_tenant: BTreeMap<TenantId, BTreeMap<CredentialId, Entry>> = BTreeMap::new();
        for entry in entries {
            let CredentialName { tenant, credential } = entry.credential.name.clone();
            of_tenant.entry(tenant).or_default().insert(credential, entry);
        }
        let tenants = tenants.into_iter().map(|tenant| {
            let credentials = of_tenant.remove(&tenant.id).unwrap_or_default();
            (tenant.id.clone(), Arc::new(TenantEntry::new(Arc::new(tenant), credentials)))
        });
        Self { tenants: ArcSwap::from_pointee(tenants.collect()), damaged }
    }

    pub(super) fn find(&self, name: &CredentialName) -> Option<Arc<Credential>> {
        let tenants = self.tenants.load();
        let credentials = tenants.get(&name.tenant)?.credentials.load();
        credentials.get(&name.credential).map(|entry| Arc::clone(&entry.credential))
    }

    /// Whether a record under this name, under which nothing was found, is known not to open.
    pub(super) fn absent(
        &self,
        keyring: &Keyring,
        name: &CredentialName,
    ) -> Result<(), IntegrityFailure> {
        let key = match self.tenant(&name.tenant) {
            Some(tenant) => records::credential_key(keyring, tenant.uid, &name.credential),
            None => records::tenant_key(keyring, &name.tenant),
        };
        self.undamaged(&key)
    }

    pub(super) fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.tenants.load().get(id).map(|entry| Arc::clone(&entry.tenant))
    }

    pub(super) fn tenant_entry(&self, id: &TenantId) -> Option<Arc<TenantEntry>> {
        self.tenants.load().get(id).map(Arc::clone)
    }

    pub(super) fn tenants(&self) -> usize {
        self.tenants.load().len()
    }

    /// The tenants of `parent` from `first` on, in order.
    pub(super) fn tenants_from(
        &self,
        parent: &Parent,
        first: Option<&TenantId>,
    ) -> Vec<Arc<TenantEntry>> {
        let tenants = self.tenants.load();
        match parent {
            Parent::Tenant(id) => tenants.get(id).map(Arc::clone).into_iter().collect(),
            Parent::AllTenants => match first {
                Some(first) => tenants.range(first.clone()..).map(|(_, t)| Arc::clone(t)).collect(),
                None => tenants.values().map(Arc::clone).collect(),
            },
        }
    }

    /// Whether a record under this key is known not to open.
    pub(super) fn undamaged(&self, key: &StoreKey) -> Result<(), IntegrityFailure> {
        if self.damaged.contains(key) { Err(IntegrityFailure) } else { Ok(()) }
    }

    /// Adds a tenant. Only under its lock.
    pub(super) fn add_tenant(&self, tenant: Arc<Tenant>) {
        let added = Arc::new(TenantEntry::new(tenant, BTreeMap::new()));
        self.tenants.rcu(|tenants| {
            let mut tenants = BTreeMap::clone(tenants);
            tenants.insert(added.tenant.id.clone(), Arc::clone(&added));
            tenants
        });
    }

    /// Adds or replaces a credential of a tenant that is here. Only under the tenant's lock.
    pub(super) fn put(&self, entry: &Entry) {
        let CredentialName { tenant, credential } = &entry.credential.name;
        if let Some(tenant) = self.tenants.load().get(tenant) {
            let mut credentials = BTreeMap::clone(&tenant.credentials.load());
            credentials.insert(credential.clone(), entry.clone());
            tenant.credentials.store(Arc::new(credentials));
        }
    }
}

impl TenantEntry {
    fn new(tenant: Arc<Tenant>, credentials: BTreeMap<CredentialId, Entry>) -> Self {
        Self { tenant, credentials: ArcSwap::from_pointee(credentials) }
    }

    pub(super) fn get(&self, id: &CredentialId) -> Option<Entry> {
        self.credentials.load().get(id).cloned()
    }

    pub(super) fn len(&self) -> usize {
        self.credentials.load().len()
    }

    /// Its credentials as they are now, in order.
    pub(super) fn snapshot(&self) -> Arc<BTreeMap<CredentialId, Entry>> {
        self.credentials.load_full()
    }
}
