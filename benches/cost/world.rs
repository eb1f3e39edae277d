//! What the servers need: certificates, configurations, a credential, and an Infor to ask.

use std::path::{Path, PathBuf};

use ionvault::config::Config;
use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::upload_credential_request::Verification;
use ionvault::pb::v1::{IssueTokenResponse, UploadCredentialRequest};
use ionvault::simulator::certificates::{Authority, Identity};
use ionvault::simulator::{App, Simulator, SimulatorConfig};
use prost::Message;
use tempfile::TempDir;

use super::Failure;
use super::load::{Address, Client, TENANTS, credential};
use super::server::{Role, Server};

/// Everything outside the servers.
pub(crate) struct World {
    root: TempDir,
    simulator: Simulator,
    noop: Address,
    recorded: Address,
    vault: Address,
    answer: IssueTokenResponse,
    verifier_key: String,
}

/// The configuration, in a role's directory.
pub(crate) const CONFIG: &str = "ionvault.toml";

/// What the no-ops say, in their directories.
pub(crate) const ANSWER: &str = "answer";

impl World {
    /// Sets the servers up, uploads credentials, and takes the vault's answer for the no-ops.
    pub(crate) async fn new() -> Result<Self, Failure> {
        let root = TempDir::new()?;
        let simulator = Simulator::start(SimulatorConfig::default()).await?;
        let authority = Authority::generate()?;
        let service = authority.client(SERVICE)?;
        let noop = prepare(root.path(), Role::Noop, &authority, &service, &simulator)?;
        let recorded = prepare(root.path(), Role::Recorded, &authority, &service, &simulator)?;
        let vault = prepare(root.path(), Role::Vault, &authority, &service, &simulator)?;
        let vault_directory = root.path().join(Role::Vault.as_str());
        let config = std::fs::read_to_string(vault_directory.join(CONFIG))?;
        let made = ionvault::app::init(&Config::parse(&config)?).await?;

        let server = Server::start(Role::Vault, &vault_directory)?;
        let admin = authority.client(ADMIN)?;
        let admin = Address {
            certificate_pem: admin.certificate_pem,
            key_pem: admin.key_pem.to_string(),
            ..vault.clone()
        };
        // Waits until the server listens.
        let mut client = Client::connect(&vault).await?;
        let mut admin = CredentialServiceClient::new(admin.endpoint()?.connect().await?);
        for tenant in 0..TENANTS {
            let app = App::sample(INFOR_TENANT, &format!("DocBits {tenant}"));
            let upload = UploadCredentialRequest {
                name: credential(tenant),
                ion_api_file: simulator.ion_api_file(&app),
                verification: Verification::Skip.into(),
                ..UploadCredentialRequest::default()
            };
            simulator.add_app(app)?;
            admin.upload_credential(upload).await?;
        }
        let answers = client.first_answers().await?;
        let answer = answers.first().ok_or("there are tenants")?.clone();
        drop((admin, client));
        server.stop()?;
        for role in [Role::Noop, Role::Recorded] {
            let directory = root.path().join(role.as_str());
            std::fs::write(directory.join(ANSWER), answer.encode_to_vec())?;
        }

        let verifier_key = made.verifier_key;
        let world = Self { root, simulator, noop, recorded, vault, answer, verifier_key };
        world.check(Role::Vault, &answers)?;
        Ok(world)
    }

    /// Where a role lives.
    pub(crate) fn directory(&self, role: Role) -> PathBuf {
        self.root.path().join(role.as_str())
    }

    /// Where a role is reached, as the service that asks for tokens.
    pub(crate) fn address(&self, role: Role) -> &Address {
        match role {
            Role::Noop => &self.noop,
            Role::Recorded => &self.recorded,
            Role::Vault => &self.vault,
        }
    }

    /// How long an answer is on the wire, before gRPC's own five bytes.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.answer.encoded_len()
    }

    /// Whether the first answers are right.
    pub(crate) fn check(&self, role: Role, answers: &[IssueTokenResponse]) -> Result<(), Failure> {
        let right = |(tenant, answer): (usize, &IssueTokenResponse)| match role {
            Role::Noop | Role::Recorded => *answer == self.answer,
            Role::Vault => {
                let app = App::sample(INFOR_TENANT, &format!("DocBits {tenant}"));
                answer.client_id == app.client_id
                    && answer.infor_tenant == INFOR_TENANT
                    && answer.access_token.starts_with("eyJ")
                    && answer.encoded_len().abs_diff(self.answer.encoded_len()) <= LENGTH_SLACK
            }
        };
        if answers.iter().enumerate().all(right) {
            Ok(())
        } else {
            Err(format!("{} gave a wrong answer", role.as_str()).into())
        }
    }

    /// What verifies the vault's audit log.
    pub(crate) fn verifier_key(&self) -> &str {
        &self.verifier_key
    }

    /// Stops the simulator; the files go with the value.
    pub(crate) async fn end(self) {
        self.simulator.shutdown().await;
    }
}

/// Makes a role's directory, with its configuration and certificates.
fn prepare(
    root: &Path,
    role: Role,
    authority: &Authority,
    service: &Identity,
    simulator: &Simulator,
) -> Result<Address, Failure> {
    let directory = root.join(role.as_str());
    std::fs::create_dir(&directory)?;
    let server = authority.server()?;
    // Free at this moment; the server says so if it is not any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    for (file, text) in [
        ("server.pem", server.certificate_pem.as_str()),
        ("server.key", server.key_pem.as_str()),
        ("ca.pem", authority.certificate_pem()),
        ("infor.pem", simulator.ca_pem()),
        ("policy.cedar", ionvault::access::SHIPPED_POLICY),
        (CONFIG, &configuration(&directory, port, simulator.port())),
    ] {
        std::fs::write(directory.join(file), text)?;
    }
    Ok(Address {
        url: format!("https://localhost:{port}"),
        ca_pem: authority.certificate_pem().to_owned(),
        certificate_pem: service.certificate_pem.clone(),
        key_pem: service.key_pem.to_string(),
    })
}

fn configuration(directory: &Path, port: u16, infor_port: u16) -> String {
    let at = directory.display();
    format!(
        r#"
        store.data_dir = "{at}/data"
        root_key.file = "{at}/root.key"
        access.policy = "{at}/policy.cedar"
        log.filter = "warn"

        # All apps are of one tenant of Infor, and are new at the same moment.
        [tokens.limits]
        logins_per_tenant_and_day = 5000
        logins_per_tenant_and_minute = 1000

        # One caller asks as fast as it can.
        [limits]
        calls_per_second_per_caller = 1000000
        calls_at_once_per_caller = 1000000
        changes_per_second_per_caller = 1000000
        changes_at_once_per_caller = 1000000
        calls_per_second_per_tenant = 1000000
        calls_at_once_per_tenant = 1000000

        [listen.mtls]
        address = "127.0.0.1:{port}"
        certificate = "{at}/server.pem"
        key = "{at}/server.key"
        client_ca = "{at}/ca.pem"
        trust_domain = "bench.example"

        [[egress.host]]
        host = "localhost"
        port = {infor_port}
        ca = "{at}/infor.pem"
        private_addresses = true

        [[access.group]]
        name = "admin"
        members = ["{ADMIN}"]

        [[access.group]]
        name = "issuer"
        members = ["{SERVICE}"]
        "#
    )
}

const INFOR_TENANT: &str = "ACME_TST";
const SERVICE: &str = "spiffe://bench.example/ns/docbits/sa/invoices";
const ADMIN: &str = "spiffe://bench.example/ns/docbits/sa/admin";

/// A random token id and the fraction of a second may be a little longer or shorter.
const LENGTH_SLACK: usize = 8;
