//! A vault's directory: keys, certificates, policy and configuration, made as an operator would.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ionvault::access::SHIPPED_POLICY;
use ionvault::config::Config;
use ionvault::simulator::certificates::{Authority, Identity};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use tempfile::TempDir;

use super::every_rpc;
use super::planted::Planted;

/// Who may do everything, and the one who may only ask for tokens.
pub(crate) const ADMIN: &str = "spiffe://secrecy.example/admin";
pub(crate) const ISSUER: &str = "spiffe://secrecy.example/issuer";

/// The administrators who misuse one RPC each: the audit log has a record of its own only for the
/// first refusals of a caller in a minute.
pub(crate) fn misuser(of: &str) -> String {
    format!("spiffe://secrecy.example/misuser/{of}")
}

pub(crate) struct House {
    dir: TempDir,
    pub(crate) authority: Authority,
    verifier_key: OnceLock<String>,
}

impl House {
    pub(crate) fn new(planted: &Planted) -> Self {
        let authority = Authority::generate().unwrap();
        plant_key(planted, "private key of the authority", &authority.key_pem());
        Self { dir: tempfile::tempdir().unwrap(), authority, verifier_key: OnceLock::new() }
    }

    /// Writes everything that a vault needs, and makes the vault.
    pub(crate) async fn furnish(&self, planted: &Planted, also: &str, ports: &[u16], log: &str) {
        let server = self.authority.server().unwrap();
        plant_key(planted, "private key of the server", &server.key_pem);
        self.write("ca.pem", self.authority.certificate_pem());
        self.write("providers.pem", &format!("{}{also}", self.authority.certificate_pem()));
        self.write("server.pem", &server.certificate_pem);
        self.write("server.key", &server.key_pem);
        self.write("policy.cedar", SHIPPED_POLICY);
        self.write("ionvault.toml", &self.config_text(ports, log));
        fs::create_dir(self.path("witness")).unwrap();
        let made = ionvault::app::init(&self.config()).await.unwrap();
        self.verifier_key.set(made.verifier_key).unwrap();
        let root_key = fs::read_to_string(self.path("root.key")).unwrap();
        let digits = root_key.lines().last().unwrap().strip_prefix("key ").unwrap();
        planted.add("root key", data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap());
    }

    /// The public key of the audit log.
    pub(crate) fn verifier_key(&self) -> &str {
        self.verifier_key.get().unwrap()
    }

    /// A client certificate; its key is a secret, too.
    pub(crate) fn client(&self, planted: &Planted, spiffe_id: &str) -> Identity {
        let identity = self.authority.client(spiffe_id).unwrap();
        plant_key(planted, &format!("private key of {spiffe_id}"), &identity.key_pem);
        identity
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn config(&self) -> Config {
        Config::parse(&fs::read_to_string(self.path("ionvault.toml")).unwrap()).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let _absent = fs::remove_file(&path);
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    /// Every file of the store, with its name.
    pub(crate) fn store(&self) -> Vec<(String, Vec<u8>)> {
        let files = self.files("store");
        assert!(files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 4096);
        files
    }

    /// Every file of a directory, with its name; without the zeros at its end, which segments of the
    /// audit log are preallocated with.
    pub(crate) fn files(&self, name: &str) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        read_all(&self.path(name), &mut files);
        files
    }

    fn config_text(&self, ports: &[u16], log: &str) -> String {
        let path = |name: &str| format!("{:?}", self.path(name));
        let host = |port: &u16| {
            format!(
                "[[egress.host]]\nhost = \"localhost\"\nport = {port}\nca = {}\n\
                 private_addresses = true\n",
                path("providers.pem")
            )
        };
        let hosts: String = ports.iter().map(host).collect();
        let misusers: String =
            every_rpc::callers().map(|of| format!(", \"{}\"", misuser(&of))).collect();
        format!(
            "drain_seconds = 30\n\
             [store]\ndata_dir = {data_dir}\n\
             [tokens.limits]\nlogins_per_tenant_and_minute = 1000\n\
             [root_key]\nfile = {root_key}\n\
             [listen.mtls]\naddress = \"127.0.0.1:0\"\ncertificate = {certificate}\nkey = {key}\n\
             client_ca = {ca}\ntrust_domain = \"secrecy.example\"\nreflection = true\n\
             [listen.ops]\naddress = \"127.0.0.1:0\"\n\
             [audit]\ndir = {audit}\ncheckpoint_seconds = 1\nwitness_dir = {witness}\n\
             witness_log = true\n\
             {QUOTAS}{hosts}\
             [access]\npolicy = {policy}\n\
             [[access.group]]\nname = \"admin\"\nmembers = [\"{ADMIN}\"{misusers}]\n\
             [[access.group]]\nname = \"issuer\"\nmembers = [\"{ISSUER}\"]\n\
             [log]\nfilter = \"trace\"\nformat = \"{log}\"\n",
            data_dir = path("store"),
            audit = path("audit"),
            witness = path("witness"),
            root_key = path("root.key"),
            certificate = path("server.pem"),
            key = path("server.key"),
            ca = path("ca.pem"),
            policy = path("policy.cedar"),
        )
    }
}

/// The number that makes an elliptic-curve key private (RFC 5915, section 3: an octet string of
/// 32 bytes), which is what all writings of the key have in common.
fn plant_key(planted: &Planted, name: &str, pem: &str) {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let der = key.secret_der();
    let at = der.windows(5).position(|bytes| bytes == [2, 1, 1, 4, 32]).unwrap() + 5;
    planted.add(name, &der[at..at + 32]);
}

fn read_all(dir: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        match path.is_dir() {
            true => read_all(&path, files),
            // The name is searched, too. A file may vanish while a store is running.
            false => {
                let mut bytes = fs::read(&path).unwrap_or_default();
                let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                bytes.truncate(end);
                files.push((name.clone(), [name.as_bytes(), b"\n", &bytes].concat()));
            }
        }
    }
}

/// Nobody is to be refused for calling often: a hundred fields are filled with secrets, one by one.
const QUOTAS: &str = "[limits]\nchanges_per_second_per_caller = 1000\nchanges_at_once_per_caller = 1000\n\
                      changes_per_second_per_tenant = 1000\nchanges_at_once_per_tenant = 1000\n";
