//! The keys of a vault that was stopped, for the search, and the `Debug` output of what it keeps.

use std::sync::Arc;

use ionvault::adapters::{RootKeyFile, SledStore, SystemClock};
use ionvault::ion::HostRules;
use ionvault::model::CredentialName;
use ionvault::ports::{RootKey, Store};
use ionvault::sealing::{Envelope, Keyring, Place, Purpose, RecordKind, WrappedKeyring};
use ionvault::secret::{LockedKey, Secret};
use ionvault::vault::Vault;

use super::calls::full;
use super::days::STORED;
use super::house::House;
use super::notes::Notes;
use super::planted::Planted;

/// Opens the store as the vault does, all the way down to the tenant's key.
pub(crate) async fn plant(house: &House, planted: &Planted, notes: &mut Notes) {
    let store = Arc::new(SledStore::open(&house.path("store")).unwrap());
    let root_key = RootKeyFile::read(&house.path("root.key")).unwrap();
    let bytes = store.keyring().await.unwrap().unwrap();
    let wrapped = WrappedKeyring::parse(&bytes).unwrap();
    notes.debug("wrapped keyring", &wrapped);
    let context = wrapped.context();
    let store_key = root_key.unwrap(wrapped.wrapped_store_key(), &context).await.unwrap();
    planted.add("store key", store_key.expose());
    let another = root_key.unwrap(wrapped.wrapped_store_key(), b"another context").await;
    notes.error("unwrapping", &another.err().unwrap());

    let keyring = wrapped.clone().unlock(&store_key).unwrap();
    planted.add("seed of the audit log's key", &keyring.audit_signing_seed(1).expose()[..]);
    planted.add("blinding key", blinding_key(&bytes, &store_key));
    let place = keyring.blind(RecordKind::Tenant, &[b"acme"]);
    let stored = store.get(&place).await.unwrap().unwrap();
    notes.debug("stored tenant", &(&place, &stored));
    let place = Place {
        store_id: keyring.store_id(),
        tenant_uid: stored.record.tenant_uid(),
        kind: RecordKind::Tenant,
        id: &place,
        version: 0,
    };
    let payload = stored.record.open(keyring.store_key(), &place).unwrap();
    let [_, tenant_key] = payload.fields().unwrap();
    planted.add("tenant key", tenant_key.expose());
    let elsewhere = Place { version: 1, ..place };
    notes.error("opening", &stored.record.open(keyring.store_key(), &elsewhere).err().unwrap());
    look(store.clone(), keyring, notes).await;
    store.close().await.unwrap();
}

/// The envelope is the last part of a keyring; before it comes all that it is tied to.
fn blinding_key(keyring: &[u8], store_key: &Secret) -> Vec<u8> {
    const PREFIX_BYTES: usize = 8;
    let sealed = PREFIX_BYTES + LockedKey::BYTES + Envelope::OVERHEAD_BYTES;
    let (head, sealed) = keyring.split_at(keyring.len() - sealed);
    let key = LockedKey::from_bytes(store_key.expose()).unwrap();
    let envelope = Envelope { key: &key, purpose: Purpose::Keyring, associated_data: head };
    let opened = envelope.open(sealed).unwrap();
    assert_eq!(opened[..PREFIX_BYTES], [0, 0, 0, 0, 0, 0, 0, 32]);
    opened[PREFIX_BYTES..].to_vec()
}

/// What the vault knows of its credentials.
async fn look(store: Arc<SledStore>, keyring: Keyring, notes: &mut Notes) {
    let hosts = Arc::new(HostRules::new(vec![]));
    let vault = Vault::open(store, keyring, hosts.clone(), Arc::new(SystemClock)).await.unwrap();
    for name in STORED {
        let name: CredentialName = full(name).parse().unwrap();
        let credential = vault.find(&name).unwrap().unwrap();
        notes.debug("credential", &credential);
        for version in &credential.versions {
            let opened = vault.open_file(&credential, version).await.unwrap();
            notes.debug("facts", &opened.file.facts());
            let refused = hosts.check(&opened.file, &opened.ca_certificates).err().unwrap();
            notes.error("host", &refused);
        }
    }
    vault.drain().await;
}
