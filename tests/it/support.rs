//! A vault in a temporary directory, callers on an in-memory pipe, and a fake Infor.

mod audit;
mod clock;
mod codes;
mod faulty_store;
mod infor;
mod pipe;
pub(crate) mod raw;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ionvault::access::{Access, Current, Groups, SHIPPED_POLICY};
use ionvault::adapters::{RootKeyFile, SledStore, SystemClock};
use ionvault::audit::{AuditLog, Record, Refusals};
use ionvault::grpc::{Entrance, Services};
use ionvault::identity::UnusableIdentity;
use ionvault::ion::{ApprovedHost, HostRules};
use ionvault::model::Caller;
use ionvault::pb::v1::audit_service_client::AuditServiceClient;
use ionvault::pb::v1::authorization_service_client::AuthorizationServiceClient;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::upload_credential_request::Verification;
use ionvault::pb::v1::{
    Credential, IssueTokenRequest, IssueTokenResponse, UploadCredentialRequest,
};
use ionvault::ports::{SCAN_LIMIT_MAX, Store as _, Stored};
use ionvault::quotas::{QuotaSettings, Quotas, Rate};
use ionvault::sealing::{Keyring, RecordKind, StoreKey};
use ionvault::tokens::{Authorizations, Jitter, TokenIssuer, TokenSettings};
use ionvault::vault::{OpenVaultError, Vault, unlock_keyring};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::transport::Channel;
use tonic_types::StatusExt;

pub(crate) use clock::{ManualClock, no_time_passes};
pub(crate) use codes::web_app;
pub(crate) use faulty_store::FaultyStore;
pub(crate) use infor::{FakeInfor, TOKEN_LIFE, ionapi, ionapi_with_secret};

/// Member of the group `admin`.
pub(crate) const ADMIN: &str = "spiffe://docbits.example/ns/prod/sa/admin";
/// Member of the group `admin`, on the machine itself.
pub(crate) const LOCAL_ADMIN: &str = "uid:0";
/// Member of the group `uploader`.
pub(crate) const UPLOADER: &str = "spiffe://docbits.example/ns/prod/sa/upload-page";
/// Member of the group `issuer`.
pub(crate) const ISSUER: &str = "spiffe://docbits.example/ns/prod/sa/exporter";
/// Member of the group `auditor`.
pub(crate) const AUDITOR: &str = "spiffe://docbits.example/ns/prod/sa/auditor";
/// Member of no group.
pub(crate) const STRANGER: &str = "spiffe://docbits.example/ns/prod/sa/stranger";

/// The name that most tests use.
pub(crate) const ACME: &str = "tenants/acme/credentials/infor";

/// A running vault. Dropping it forgets everything but `dir`.
pub(crate) struct World {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) store: Arc<SledStore>,
    /// The same store, as the vault has it.
    pub(crate) faulty: Arc<FaultyStore>,
    pub(crate) vault: Vault,
    pub(crate) issuer: TokenIssuer,
    pub(crate) authorizations: Authorizations,
    pub(crate) audit: AuditLog,
    /// Where it lies.
    pub(crate) audit_dir: PathBuf,
    /// Closes it.
    pub(crate) audit_ends: CancellationToken,
    pub(crate) entrance: Entrance,
    pub(crate) infor: Arc<FakeInfor>,
    pub(crate) clock: Arc<ManualClock>,
    settings: TokenSettings,
    services: Services,
}

impl World {
    /// A new vault, with the shipped policy and a member in each of its groups.
    pub(crate) async fn new() -> Self {
        Self::with_settings(TokenSettings::default()).await
    }

    /// The same, where the operator set something about tokens.
    pub(crate) async fn with_settings(settings: TokenSettings) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let keyring = Keyring::generate().unwrap();
        RootKeyFile::create(&dir.path().join("root.key")).unwrap();
        SledStore::create(&dir.path().join("store"), keyring.store_id()).unwrap();
        let store = SledStore::open(&dir.path().join("store")).unwrap();
        let root_key = RootKeyFile::read(&dir.path().join("root.key")).unwrap();
        Vault::create(&store, &keyring, &root_key).await.unwrap();
        store.close().await.unwrap();
        drop(store);
        let (clock, infor) = (Arc::new(ManualClock::new()), Arc::new(FakeInfor::new()));
        Self::try_open_in(dir, clock, infor, approved_hosts(), settings).await.unwrap()
    }

    /// The vault that lies in `dir`.
    pub(crate) async fn open(dir: Arc<TempDir>) -> Self {
        Self::try_open(dir).await.unwrap()
    }

    /// The same, where it may be refused.
    pub(crate) async fn try_open(dir: Arc<TempDir>) -> Result<Self, OpenVaultError> {
        let (clock, infor) = (Arc::new(ManualClock::new()), Arc::new(FakeInfor::new()));
        Self::try_open_in(dir, clock, infor, approved_hosts(), TokenSettings::default()).await
    }

    /// The same, at this time, with this Infor and with these hosts beside Infor's own.
    async fn try_open_in(
        dir: Arc<TempDir>,
        clock: Arc<ManualClock>,
        infor: Arc<FakeInfor>,
        approved: Vec<ApprovedHost>,
        settings: TokenSettings,
    ) -> Result<Self, OpenVaultError> {
        let store = Arc::new(SledStore::open(&dir.path().join("store")).unwrap());
        let root_key = RootKeyFile::read(&dir.path().join("root.key")).unwrap();
        let hosts = Arc::new(HostRules::new(approved));
        let keyring = store.keyring().await.unwrap();
        let keyring =
            unlock_keyring(keyring.as_deref(), store.store_id(), &root_key).await.unwrap();
        let (audit, audit_dir, audit_ends) = audit::open(dir.path(), &keyring);
        let quotas = Arc::new(Quotas::new(NO_QUOTAS));
        let entrance = entrance(&audit, &quotas);
        let faulty = Arc::new(FaultyStore::new(store.clone()));
        let opened = Vault::open(faulty.clone(), keyring, hosts.clone(), clock.clone());
        let vault = match opened.await {
            Ok(vault) => vault,
            Err(refused) => {
                store.close().await.unwrap();
                return Err(refused);
            }
        };
        let issuer = TokenIssuer::open(
            vault.clone(),
            hosts,
            infor.clone(),
            clock.clone(),
            settings.clone(),
            Jitter::seeded(1),
        );
        let issuer = issuer.await.unwrap();
        let access = Access::new(SHIPPED_POLICY, &groups()).unwrap();
        let authorizations = Authorizations::new(issuer.clone());
        let services = Services {
            vault: vault.clone(),
            issuer: issuer.clone(),
            authorizations: authorizations.clone(),
            audit: audit.clone(),
            access: Arc::new(Current::new(access)),
            quotas,
        };
        Ok(Self {
            dir,
            store,
            faulty,
            vault,
            issuer,
            authorizations,
            audit,
            audit_dir,
            audit_ends,
            entrance,
            infor,
            clock,
            settings,
            services,
        })
    }

    /// Stops this vault and opens what it left.
    pub(crate) async fn restart(self) -> Self {
        self.try_restart().await.unwrap()
    }

    /// The same, where it may be refused.
    pub(crate) async fn try_restart(self) -> Result<Self, OpenVaultError> {
        let (clock, infor) = (self.clock.clone(), self.infor.clone());
        let settings = self.settings.clone();
        Self::try_open_in(self.stop().await, clock, infor, approved_hosts(), settings).await
    }

    /// Stops this vault and opens what it left, where the operator approves other hosts now.
    pub(crate) async fn restart_with_hosts(self, approved: Vec<ApprovedHost>) -> Self {
        let (clock, infor) = (self.clock.clone(), self.infor.clone());
        let settings = self.settings.clone();
        Self::try_open_in(self.stop().await, clock, infor, approved, settings).await.unwrap()
    }

    /// Stops this vault; what it left is in the directory.
    pub(crate) async fn stop(self) -> Arc<TempDir> {
        self.vault.drain().await;
        self.issuer.drain().await;
        self.store.close().await.unwrap();
        self.dir
    }

    /// The records of a kind that the store holds.
    pub(crate) async fn records(&self, kind: RecordKind) -> Vec<(StoreKey, Stored)> {
        self.store.scan(&[kind as u8], None, SCAN_LIMIT_MAX).await.unwrap()
    }

    /// The credential service, as `caller` sees it.
    pub(crate) async fn credentials(&self, caller: &str) -> CredentialServiceClient<Channel> {
        CredentialServiceClient::new(self.channel(caller).await)
    }

    /// The token service, as `caller` sees it.
    pub(crate) async fn tokens(&self, caller: &str) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel(caller).await)
    }

    /// The authorization service, as `caller` sees it.
    pub(crate) async fn authorizations(&self, caller: &str) -> AuthorizationServiceClient<Channel> {
        AuthorizationServiceClient::new(self.channel(caller).await)
    }

    /// The audit service, as `caller` sees it.
    pub(crate) async fn audit_service(&self, caller: &str) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel(caller).await)
    }

    /// All records of the audit log.
    pub(crate) async fn recorded(&self) -> Vec<Record> {
        audit::all(&self.audit).await
    }

    /// A connection of `caller`.
    pub(crate) async fn channel(&self, caller: &str) -> Channel {
        self.channel_of(Ok(caller.parse().unwrap())).await
    }

    /// A connection whose other end is `caller`, or has an identity of no use.
    pub(crate) async fn channel_of(&self, caller: Result<Caller, UnusableIdentity>) -> Channel {
        pipe::connect(self.services.clone(), self.entrance.clone(), caller).await
    }

    /// A connection of `caller` to a vault whose operator has this policy, and no groups.
    pub(crate) async fn channel_under(&self, policy: &str, caller: &str) -> Channel {
        let access = Access::new(policy, &Groups::default()).unwrap();
        let access = Arc::new(Current::new(access));
        let services = Services { access, ..self.services.clone() };
        pipe::connect(services, self.entrance.clone(), Ok(caller.parse().unwrap())).await
    }

    /// The same vault, where from now on the operator has this policy, and the groups as before.
    pub(crate) fn under(mut self, policy: &str) -> Self {
        let access = Access::new(policy, &groups()).unwrap();
        self.services.access = Arc::new(Current::new(access));
        self
    }

    /// The same vault, where from now on the operator has these rates.
    pub(crate) fn limited(mut self, quotas: QuotaSettings) -> Self {
        self.services.quotas = Arc::new(Quotas::new(quotas));
        self.entrance = entrance(&self.audit, &self.services.quotas);
        self
    }

    /// Lets time pass, on both clocks.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.advance(time);
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }

    /// Uploads a file as the admin.
    pub(crate) async fn upload(&self, name: &str, file: &[u8]) -> Credential {
        let mut client = self.credentials(ADMIN).await;
        let response = client.upload_credential(upload(name, file)).await.unwrap().into_inner();
        response.credential.unwrap()
    }

    /// Asks for a token as the issuer.
    pub(crate) async fn issue(&self, name: &str) -> Result<IssueTokenResponse, Status> {
        let request =
            IssueTokenRequest { name: name.to_owned(), min_remaining: None, ..Default::default() };
        Ok(self.tokens(ISSUER).await.issue_token(request).await?.into_inner())
    }
}

/// Tests call as fast as they can, and mean something else.
const NO_QUOTAS: QuotaSettings = {
    let most = Rate::of(*Rate::PER_SECOND.end(), *Rate::BURST.end());
    QuotaSettings {
        caller_calls: most,
        caller_changes: most,
        tenant_calls: most,
        tenant_changes: most,
    }
};

fn entrance(audit: &AuditLog, quotas: &Arc<Quotas>) -> Entrance {
    Entrance::new(audit.clone(), Refusals::new(Arc::new(SystemClock)), quotas.clone())
}

/// A member in each of the groups of the shipped policy.
fn groups() -> Groups {
    let groups = [
        ("admin", &[ADMIN, LOCAL_ADMIN][..]),
        ("uploader", &[UPLOADER]),
        ("issuer", &[ISSUER]),
        ("auditor", &[AUDITOR]),
    ];
    let owned = |members: &[&str]| members.iter().map(|member| (*member).to_owned()).collect();
    let groups = groups.map(|(group, members)| (group.to_owned(), owned(members)));
    Groups::try_from(std::collections::BTreeMap::from(groups)).unwrap()
}

/// What the operator approves beside Infor's own hosts.
fn approved_hosts() -> Vec<ApprovedHost> {
    vec![ApprovedHost {
        host: "inforos.customer.example".to_owned(),
        port: 443,
        private_addresses: true,
        trust_anchors: vec![],
    }]
}

/// An upload without anything special about it. Infor is not asked about it, so that tests can
/// count what it is asked afterwards; `verification.rs` has the tests of uploads that ask.
pub(crate) fn upload(name: &str, file: &[u8]) -> UploadCredentialRequest {
    UploadCredentialRequest {
        name: name.to_owned(),
        ion_api_file: file.to_vec(),
        verification: Verification::Skip.into(),
        ..UploadCredentialRequest::default()
    }
}

/// Labels from pairs.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The reason in the error, checking that it is one of ours.
pub(crate) fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, "ionvault");
    info.reason.clone()
}

/// The fields that the error complains about.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let Some(bad) = details.bad_request() else { return vec![] };
    bad.field_violations.iter().map(|violation| violation.field.clone()).collect()
}
