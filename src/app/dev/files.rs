//! The directory of a development vault.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::access::SHIPPED_POLICY;
use crate::simulator::certificates::Authority;

use super::DevError;

/// Where everything of a development vault lies. All paths are absolute.
#[derive(Clone, Debug)]
pub struct DevFiles {
    /// The directory itself.
    pub dir: PathBuf,
    /// The configuration, for `ionvault serve --config`.
    pub config: PathBuf,
    /// What clients and the simulator's clients trust.
    pub ca: PathBuf,
    /// A client certificate of the group `admin`.
    pub client_certificate: PathBuf,
    /// Its key.
    pub client_key: PathBuf,
    /// The admin socket.
    pub admin_socket: PathBuf,
    /// The sample file.
    pub sample: PathBuf,
    /// Where `[listen.mtls]` listens on 127.0.0.1.
    pub mtls_port: u16,
    /// Where the simulator listens on 127.0.0.1.
    pub simulator_port: u16,
}

/// The identity of the client certificate.
const CLIENT: &str = "spiffe://ionvault.dev/admin";

impl DevFiles {
    /// Makes what is missing. What is there is used as it is.
    pub(super) fn prepare(dir: &Path) -> Result<Self, DevError> {
        let dir = at(dir, std::path::absolute(dir))?;
        at(&dir, fs::create_dir_all(&dir))?;
        let certificates = dir.join("certificates");
        at(&certificates, fs::create_dir_all(&certificates))?;
        let mut files = Self {
            config: dir.join("ionvault.toml"),
            ca: certificates.join("ca.pem"),
            client_certificate: certificates.join("client.pem"),
            client_key: certificates.join("client.key"),
            admin_socket: dir.join("admin.sock"),
            sample: dir.join("DocBits_Development.ionapi"),
            mtls_port: 0,
            simulator_port: 0,
            dir,
        };
        files.make_certificates(&certificates)?;
        files.mtls_port = files.port("mtls.port")?;
        files.simulator_port = files.port("simulator.port")?;
        let policy = files.dir.join("policy.cedar");
        make(&policy, PUBLIC, || Ok(SHIPPED_POLICY.to_owned()))?;
        make(&files.config, PUBLIC, || Ok(files.config_text(&certificates, &policy)))?;
        Ok(files)
    }

    /// Who vouches for all certificates here.
    pub(super) fn authority(&self) -> Result<Authority, DevError> {
        let key = self.ca.with_file_name("ca.key");
        let key_pem = zeroize::Zeroizing::new(at(&key, fs::read_to_string(&key))?);
        let pem = at(&self.ca, fs::read_to_string(&self.ca))?;
        Ok(Authority::from_pem(&pem, &key_pem)?)
    }

    pub(super) fn read_config(&self) -> Result<String, DevError> {
        at(&self.config, fs::read_to_string(&self.config))
    }

    pub(super) fn write_sample(&self, sample: &[u8]) -> Result<(), DevError> {
        // The sample's secrets are no secrets, but it is the example of a file that has some.
        make(&self.sample, PRIVATE, || Ok(String::from_utf8_lossy(sample).into_owned()))
    }

    fn make_certificates(&self, dir: &Path) -> Result<(), DevError> {
        if !self.ca.exists() {
            let authority = Authority::generate()?;
            make(&dir.join("ca.key"), PRIVATE, || Ok(authority.key_pem().to_string()))?;
            make(&self.ca, PUBLIC, || Ok(authority.certificate_pem().to_owned()))?;
        }
        let authority = self.authority()?;
        let (server, server_key) = (dir.join("server.pem"), dir.join("server.key"));
        if !server.exists() {
            let identity = authority.server()?;
            make(&server_key, PRIVATE, || Ok(identity.key_pem.to_string()))?;
            make(&server, PUBLIC, || Ok(identity.certificate_pem))?;
        }
        if !self.client_certificate.exists() {
            let identity = authority.client(CLIENT)?;
            make(&self.client_key, PRIVATE, || Ok(identity.key_pem.to_string()))?;
            make(&self.client_certificate, PUBLIC, || Ok(identity.certificate_pem))?;
        }
        Ok(())
    }

    /// A port that was free when it was first wanted, and is kept: the sample file names it.
    fn port(&self, file: &str) -> Result<u16, DevError> {
        let path = self.dir.join(file);
        make(&path, PUBLIC, || {
            let free = at(&path, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
            Ok(format!("{}\n", at(&path, free.local_addr())?.port()))
        })?;
        let text = at(&path, fs::read_to_string(&path))?;
        let invalid = || std::io::Error::other("expected a port number");
        at(&path, text.trim().parse().ok().ok_or_else(invalid))
    }

    fn config_text(&self, certificates: &Path, policy: &Path) -> String {
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        format!(
            "# Made by `ionvault dev`. Remove this file to have it made again.\n\
             drain_seconds = 5\n\n\
             [store]\ndata_dir = {data_dir}\n\n\
             [root_key]\nfile = {root_key}\n\n\
             [listen.mtls]\naddress = \"127.0.0.1:{port}\"\ncertificate = {certificate}\n\
             key = {key}\nclient_ca = {ca}\ntrust_domain = \"ionvault.dev\"\nreflection = true\n\n\
             [listen.admin]\nsocket = {socket}\nreflection = true\n\n\
             [[egress.host]]\nhost = \"localhost\"\nport = {simulator}\nca = {ca}\n\
             private_addresses = true\n\n\
             [access]\npolicy = {policy}\n\n\
             [[access.group]]\nname = \"admin\"\nmembers = [\"{CLIENT}\", \"uid:{uid}\"]\n\n\
             [log]\nfilter = \"warn\"\n",
            data_dir = quoted(&self.dir.join("store")),
            root_key = quoted(&self.dir.join("root.key")),
            port = self.mtls_port,
            certificate = quoted(&certificates.join("server.pem")),
            key = quoted(&certificates.join("server.key")),
            ca = quoted(&self.ca),
            socket = quoted(&self.admin_socket),
            simulator = self.simulator_port,
            policy = quoted(policy),
            uid = rustix::process::geteuid().as_raw(),
        )
    }
}

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;

/// Writes a file that is not there, whole or not at all.
fn make(
    path: &Path,
    mode: u32,
    content: impl FnOnce() -> Result<String, DevError>,
) -> Result<(), DevError> {
    if path.exists() {
        return Ok(());
    }
    let content = zeroize::Zeroizing::new(content()?);
    let new = path.with_extension("new");
    let write = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(content.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    at(path, write())
}

/// Says which file it was.
fn at<T>(path: &Path, result: std::io::Result<T>) -> Result<T, DevError> {
    result.map_err(|source| DevError::File { path: path.to_owned(), source })
}
