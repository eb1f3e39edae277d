//! `[listen.mesh]`: plain HTTP/2 behind a sidecar, whose word is taken for who calls.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use spiffe::TrustDomain;

use super::{owner_only, permission_bits, socket, trust_domain};
use crate::config::InvalidConfig;

/// `[listen.mesh]`: gRPC without TLS, callers known by a header that a sidecar writes.
#[derive(Clone, Debug)]
pub struct Mesh {
    /// Where the sidecar delivers.
    pub place: MeshPlace,
    /// The one header that is believed.
    pub identity_header: IdentityHeader,
    /// The only trust domain whose identities are taken.
    pub trust_domain: TrustDomain,
    /// Whether callers may ask which services there are.
    pub reflection: bool,
}

/// Where a sidecar delivers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MeshPlace {
    /// An address of this machine alone, or one that the operator vouches for; port 0 takes a free
    /// one.
    Address(SocketAddr),
    /// A Unix socket.
    Socket {
        /// Where it is made; at most 107 bytes.
        path: PathBuf,
        /// Its permission bits; at most 0o777.
        mode: u32,
    },
}

/// A header in which a proxy says whom it forwards for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub enum IdentityHeader {
    /// Envoy's and Istio's: the SPIFFE id in the client's certificate.
    #[serde(rename = "x-forwarded-client-cert")]
    ForwardedClientCert,
    /// Linkerd's: the name of the client's identity.
    #[serde(rename = "l5d-client-id")]
    LinkerdClientId,
}

/// `[listen.mesh]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MeshFile {
    address: String,
    #[serde(default = "owner_only")]
    mode: String,
    identity_header: IdentityHeader,
    trust_domain: String,
    #[serde(default)]
    trusted_network: bool,
    #[serde(default)]
    reflection: bool,
}

impl MeshFile {
    pub(super) fn check(self) -> Result<Mesh, InvalidConfig> {
        let place = if let Some(path) = self.address.strip_prefix("unix:") {
            MeshPlace::Socket {
                path: socket(ADDRESS, path.into())?,
                mode: permission_bits("listen.mesh.mode", &self.mode)?,
            }
        } else {
            let expected = "an address and port, such as `127.0.0.1:8081`, or `unix:` and a path";
            let address = self.address.parse();
            let address = address.map_err(|_error| InvalidConfig::value(ADDRESS, expected))?;
            MeshPlace::Address(private(address, self.trusted_network)?)
        };
        Ok(Mesh {
            place,
            identity_header: self.identity_header,
            trust_domain: trust_domain("listen.mesh.trust_domain", &self.trust_domain)?,
            reflection: self.reflection,
        })
    }
}

/// Whoever reaches the address is believed.
fn private(address: SocketAddr, trusted_network: bool) -> Result<SocketAddr, InvalidConfig> {
    if trusted_network || address.ip().to_canonical().is_loopback() {
        return Ok(address);
    }
    let expected = "a loopback address, because whoever reaches it is believed to be who its \
                    header says: have the sidecar deliver there (Istio: the `Sidecar` in \
                    deploy/istio-sidecar.yaml), or write `trusted_network = true` if nobody but \
                    the sidecar reaches this one";
    Err(InvalidConfig::value(ADDRESS, expected))
}

const ADDRESS: &str = "listen.mesh.address";

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &str) -> Result<Mesh, String> {
        let text = format!("{lines}\ntrust_domain = \"prod.example\"");
        let file: MeshFile = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
        file.check().map_err(|error| error.to_string())
    }

    const XFCC: &str = "identity_header = \"x-forwarded-client-cert\"";

    #[test]
    fn a_sidecar_delivers_to_loopback_or_to_a_socket() {
        for address in ["127.0.0.1:0", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80"] {
            let mesh = check(&format!("address = \"{address}\"\n{XFCC}")).unwrap();
            assert_eq!(mesh.place, MeshPlace::Address(address.parse().unwrap()));
            assert!(!mesh.reflection);
        }
        let socket = |more: &str| check(&format!("address = \"unix:mesh.sock\"\n{more}")).unwrap();
        let mesh = socket("identity_header = \"l5d-client-id\"");
        assert_eq!(mesh.place, MeshPlace::Socket { path: "mesh.sock".into(), mode: 0o600 });
        assert_eq!(mesh.identity_header, IdentityHeader::LinkerdClientId);
        let mesh = socket(&format!("mode = \"0660\"\n{XFCC}"));
        assert_eq!(mesh.place, MeshPlace::Socket { path: "mesh.sock".into(), mode: 0o660 });
    }

    #[test]
    fn other_addresses_only_where_the_operator_vouches_for_them() {
        for address in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:10.0.0.1]:80"] {
            let lines = format!("address = \"{address}\"\n{XFCC}");
            let refused = check(&lines).unwrap_err();
            for part in ["`listen.mesh.address`", "istio-sidecar.yaml", "trusted_network"] {
                assert!(refused.contains(part), "{address}: {refused}");
            }
            let mesh = check(&format!("{lines}\ntrusted_network = true")).unwrap();
            assert_eq!(mesh.place, MeshPlace::Address(address.parse().unwrap()));
        }
    }

    #[test]
    fn whatever_leaves_something_open_is_refused() {
        let refused = |lines: &str| check(lines).unwrap_err();
        for address in ["", "127.0.0.1", "localhost:80", "mesh.sock", "unix:"] {
            let refused = refused(&format!("address = \"{address}\"\n{XFCC}"));
            assert!(refused.starts_with("`listen.mesh.address`"), "{address}: {refused}");
        }
        let long = format!("address = \"unix:{}\"\n{XFCC}", "s".repeat(108));
        assert!(refused(&long).contains("107 bytes"));
        let mode = format!("address = \"unix:mesh.sock\"\nmode = \"rw\"\n{XFCC}");
        assert!(refused(&mode).starts_with("`listen.mesh.mode`"));
        assert!(refused(XFCC).contains("address"));
        assert!(refused("address = \"127.0.0.1:0\"").contains("identity_header"));
        let other = "address = \"127.0.0.1:0\"\nidentity_header = \"x-user\"";
        assert!(refused(other).contains("l5d-client-id"));
    }
}
