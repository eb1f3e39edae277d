//! The vault's own parts, with the HTTPS client and a server that we did not write behind them. Only
//! the clock is ours.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ionvault::adapters::{RootKeyFile, SledStore};
use ionvault::ion::{ApprovedHost, HostRules};
use ionvault::model::{Caller, Credential, CredentialName, Labels};
use ionvault::ports::{Clock, Store as _};
use ionvault::sealing::Keyring;
use ionvault::secret::Secret;
use ionvault::tokens::{Authorizations, Jitter, TokenIssuer, TokenSettings};
use ionvault::vault::{Activation, Upload, Vault, unlock_keyring};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::tap::Tap;

/// A vault that may ask one server on this machine.
pub(crate) struct House {
    pub(crate) vault: Vault,
    pub(crate) issuer: TokenIssuer,
    pub(crate) authorizations: Authorizations,
    pub(crate) endpoint: Arc<Tap>,
    pub(crate) clock: Arc<HandClock>,
    dir: TempDir,
}

/// One credential of it.
pub(crate) struct Account<'a> {
    pub(crate) house: &'a House,
    pub(crate) credential: Arc<Credential>,
    /// What the browser of its person trusts.
    pub(crate) ca_pem: String,
}

/// The time, plus what it was moved by.
#[derive(Default)]
pub(crate) struct HandClock(Mutex<Duration>);

impl HandClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    #[expect(clippy::disallowed_methods, reason = "the server of this test has the real time")]
    fn now(&self) -> SystemTime {
        SystemTime::now() + *self.0.lock().unwrap()
    }
}

impl House {
    pub(crate) async fn new(port: u16, ca_pem: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate().unwrap();
        RootKeyFile::create(&dir.path().join("root.key")).unwrap();
        let root_key = RootKeyFile::read(&dir.path().join("root.key")).unwrap();
        SledStore::create(&dir.path().join("store"), keyring.store_id()).unwrap();
        let store = Arc::new(SledStore::open(&dir.path().join("store")).unwrap());
        Vault::create(&*store, &keyring, &root_key).await.unwrap();
        let wrapped = store.keyring().await.unwrap();
        let keyring =
            unlock_keyring(wrapped.as_deref(), store.store_id(), &root_key).await.unwrap();
        let hosts = Arc::new(HostRules::new(vec![ApprovedHost {
            host: "localhost".to_owned(),
            port,
            private_addresses: true,
            trust_anchors: vec![CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()],
        }]));
        let clock = Arc::<HandClock>::default();
        let vault = Vault::open(store, keyring, hosts.clone(), clock.clone()).await.unwrap();
        let endpoint = Arc::new(Tap::new());
        let issuer = TokenIssuer::open(
            vault.clone(),
            hosts,
            endpoint.clone(),
            clock.clone(),
            TokenSettings::default(),
            Jitter::seeded(1),
        );
        let issuer = issuer.await.unwrap();
        let authorizations = Authorizations::new(issuer.clone());
        Self { vault, issuer, authorizations, endpoint, clock, dir }
    }

    /// Keeps a file under this name.
    pub(crate) async fn account(&self, name: &str, file: &[u8], ca_pem: &str) -> Account<'_> {
        let name: CredentialName = name.parse().unwrap();
        let upload = Upload {
            name,
            ion_api_file: Secret::from(file.to_vec()),
            ca_certificates: Secret::from(Vec::new()),
            labels: Labels::default(),
            etag: None,
            caller: caller("uploader"),
            requested_by: String::new(),
            request: None,
            activation: Activation::AtOnce,
        };
        let upload = self.vault.check(upload).unwrap();
        let credential = self.vault.upload(upload).await.unwrap().credential;
        Account { house: self, credential, ca_pem: ca_pem.to_owned() }
    }

    /// Stops it. What it left goes, too.
    pub(crate) async fn stop(self) {
        self.vault.drain().await;
        self.issuer.drain().await;
        drop(self.dir);
    }
}

/// Somebody who may do everything here.
pub(crate) fn caller(name: &str) -> Caller {
    format!("spiffe://docbits.example/{name}").parse().unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}
