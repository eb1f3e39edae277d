//! `[listen.…]`: where callers come in. A section that is not there opens nothing.

mod jwt;
mod mesh;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use spiffe::TrustDomain;

use super::invalid::{InvalidConfig, path};
use jwt::JwtFile;
pub use jwt::{Jwks, Jwt, JwtIssuer};
use mesh::MeshFile;
pub use mesh::{IdentityHeader, Mesh, MeshPlace};

/// The doors of the program; at least one is there by which callers come in.
#[derive(Clone, Debug)]
pub struct Listeners {
    /// For services and administrators with a client certificate.
    pub mtls: Option<Mtls>,
    /// For services behind a sidecar.
    pub mesh: Option<Mesh>,
    /// For whoever has a token of a pinned issuer.
    pub jwt: Option<Jwt>,
    /// For local processes.
    pub admin: Option<Admin>,
    /// For the orchestrator and the metrics collector.
    pub ops: Option<Ops>,
}

/// `[listen.mtls]`: gRPC over TLS 1.3, callers known by their certificates.
#[derive(Clone, Debug)]
pub struct Mtls {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// PEM file: the server's certificate first, then its issuers.
    pub certificate: PathBuf,
    /// PEM file: the private key of that certificate.
    pub key: PathBuf,
    /// PEM file: the authorities that client certificates must chain to.
    pub client_ca: PathBuf,
    /// The only SPIFFE trust domain whose identities are taken.
    pub trust_domain: TrustDomain,
    /// Whether a certificate without URI may name its caller by its one DNS name.
    pub allow_dns_san: bool,
    /// Whether callers may ask which services there are.
    pub reflection: bool,
}

/// `[listen.admin]`: gRPC over a Unix socket, callers known by their user ids.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Where the socket is made; at most 107 bytes.
    pub socket: PathBuf,
    /// Permission bits of the socket; at most 0o777.
    pub mode: u32,
    /// Who may connect; `None`: the process's own user and root.
    pub allowed_uids: Option<Vec<u32>>,
    /// Whether callers may ask which services there are.
    pub reflection: bool,
}

/// `[listen.ops]`: plain HTTP for probes and metrics; nothing secret is there.
#[derive(Clone, Debug)]
pub struct Ops {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
}

/// What Linux has room for in a socket's address (unix(7): 108 bytes with a final NUL).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// More would be a group, and groups belong into the policy.
const ALLOWED_UIDS_MAX: usize = 64;

/// `[listen]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListenFile {
    mtls: Option<MtlsFile>,
    mesh: Option<MeshFile>,
    jwt: Option<JwtFile>,
    admin: Option<AdminFile>,
    ops: Option<OpsFile>,
}

/// `[listen.mtls]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MtlsFile {
    address: SocketAddr,
    certificate: PathBuf,
    key: PathBuf,
    client_ca: PathBuf,
    trust_domain: String,
    #[serde(default)]
    allow_dns_san: bool,
    #[serde(default)]
    reflection: bool,
}

/// `[listen.admin]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdminFile {
    socket: PathBuf,
    #[serde(default = "owner_only")]
    mode: String,
    allowed_uids: Option<Vec<u32>>,
    #[serde(default = "yes")]
    reflection: bool,
}

/// `[listen.ops]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpsFile {
    address: SocketAddr,
}

impl ListenFile {
    pub(super) fn check(self) -> Result<Listeners, InvalidConfig> {
        let Self { mtls, mesh, jwt, admin, ops } = self;
        if mtls.is_none() && mesh.is_none() && jwt.is_none() && admin.is_none() {
            return Err(InvalidConfig::NoListener);
        }
        Ok(Listeners {
            mtls: mtls.map(MtlsFile::check).transpose()?,
            mesh: mesh.map(MeshFile::check).transpose()?,
            jwt: jwt.map(JwtFile::check).transpose()?,
            admin: admin.map(AdminFile::check).transpose()?,
            ops: ops.map(|OpsFile { address }| Ops { address }),
        })
    }
}

impl MtlsFile {
    fn check(self) -> Result<Mtls, InvalidConfig> {
        Ok(Mtls {
            address: self.address,
            certificate: path("listen.mtls.certificate", self.certificate)?,
            key: path("listen.mtls.key", self.key)?,
            client_ca: path("listen.mtls.client_ca", self.client_ca)?,
            trust_domain: trust_domain("listen.mtls.trust_domain", &self.trust_domain)?,
            allow_dns_san: self.allow_dns_san,
            reflection: self.reflection,
        })
    }
}

impl AdminFile {
    fn check(self) -> Result<Admin, InvalidConfig> {
        let socket = socket("listen.admin.socket", self.socket)?;
        let uids = self.allowed_uids.as_ref().map_or(1, Vec::len);
        if !(1..=ALLOWED_UIDS_MAX).contains(&uids) {
            let expected = format!("1 to {ALLOWED_UIDS_MAX} user ids");
            return Err(InvalidConfig::value("listen.admin.allowed_uids", expected));
        }
        Ok(Admin {
            socket,
            mode: permission_bits("listen.admin.mode", &self.mode)?,
            allowed_uids: self.allowed_uids,
            reflection: self.reflection,
        })
    }
}

fn trust_domain(key: &str, text: &str) -> Result<TrustDomain, InvalidConfig> {
    // `TrustDomain` would also take a whole SPIFFE id and keep half of it.
    TrustDomain::new(text).ok().filter(|parsed| parsed.as_str() == text).ok_or_else(|| {
        let expected = "the name of a SPIFFE trust domain, such as `prod.example.org`";
        InvalidConfig::value(key, expected)
    })
}

fn socket(key: &str, socket: PathBuf) -> Result<PathBuf, InvalidConfig> {
    let socket = path(key, socket)?;
    if socket.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        let expected = format!("a path of at most {SOCKET_PATH_BYTES_MAX} bytes");
        return Err(InvalidConfig::value(key, expected));
    }
    Ok(socket)
}

/// Three or four octal digits, as chmod takes them; the owner must be able to connect.
fn permission_bits(key: &str, text: &str) -> Result<u32, InvalidConfig> {
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let bits = digits.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    bits.filter(|bits| bits & 0o600 == 0o600 && *bits <= 0o777).ok_or_else(|| {
        let expected = "permission bits as chmod takes them, such as \"0600\" or \"0660\"";
        InvalidConfig::value(key, expected)
    })
}

fn owner_only() -> String {
    "0600".to_owned()
}

fn yes() -> bool {
    true
}
