//! `[egress]`: hosts besides Infor's own that credentials may point to, and the way there.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use super::certificates::{ReadCertificatesError, read_certificates};
use super::invalid::{InvalidConfig, host, path, within};
use crate::ion::ApprovedHost;

/// Where requests may go, and how.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Egress {
    /// Hosts besides Infor's own; no host and port twice.
    pub hosts: Vec<EgressHost>,
    /// The way to public addresses; `None`: directly.
    pub proxy: Option<EgressProxy>,
}

/// An HTTP proxy that opens tunnels (CONNECT).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EgressProxy {
    /// A name in lower case or an IP address, IPv6 without brackets.
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

/// A host that the operator approved, such as an Infor OS on premises.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EgressHost {
    /// A DNS name in lower case or an IP address, as URLs write it (IPv6 in brackets).
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
    /// PEM file: the authorities that its certificate must chain to; `None`: Mozilla's.
    pub ca: Option<PathBuf>,
    /// Whether its addresses may be private ones (RFC 1918, RFC 4193).
    pub private_addresses: bool,
}

impl EgressHost {
    /// The approval itself, with the authorities read from their file.
    ///
    /// # Errors
    ///
    /// [`ReadCertificatesError`] if `ca` names a file that holds no certificates.
    pub fn approve(&self) -> Result<ApprovedHost, ReadCertificatesError> {
        let trust_anchors =
            self.ca.as_deref().map(read_certificates).transpose()?.unwrap_or_default();
        Ok(ApprovedHost {
            host: self.host.trim_matches(['[', ']']).to_owned(),
            port: self.port,
            private_addresses: self.private_addresses,
            trust_anchors,
        })
    }
}

/// Some ten environments of some ten customers on premises.
const HOSTS_MAX: usize = 256;

/// `[egress]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EgressFile {
    proxy: Option<String>,
    #[serde(default)]
    host: Vec<HostFile>,
}

/// `[[egress.host]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostFile {
    host: String,
    #[serde(default = "https")]
    port: u16,
    ca: Option<PathBuf>,
    #[serde(default)]
    private_addresses: bool,
}

impl EgressFile {
    pub(super) fn check(self) -> Result<Egress, InvalidConfig> {
        if self.host.len() > HOSTS_MAX {
            return Err(InvalidConfig::value("egress.host", format!("at most {HOSTS_MAX} hosts")));
        }
        let hosts = self.host.into_iter().map(HostFile::check).collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        for host in &hosts {
            if !seen.insert((&host.host, host.port)) {
                let expected = format!("each host once, and `{}` is there twice", host.host);
                return Err(InvalidConfig::value("egress.host", expected));
            }
        }
        let proxy = self.proxy.as_deref().map(|written| {
            let expected = "an address of the form http://host:port, without user name and path";
            proxy(written).ok_or_else(|| InvalidConfig::value("egress.proxy", expected))
        });
        Ok(Egress { hosts, proxy: proxy.transpose()? })
    }
}

fn proxy(written: &str) -> Option<EgressProxy> {
    let (name, port) = written.strip_prefix("http://")?.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let name = host("egress.proxy", name.to_owned()).ok()?;
    Some(EgressProxy { host: name.trim_matches(['[', ']']).to_owned(), port })
}

impl HostFile {
    fn check(self) -> Result<EgressHost, InvalidConfig> {
        Ok(EgressHost {
            host: host("egress.host.host", self.host)?,
            port: within("egress.host.port", self.port, 1..=u16::MAX)?,
            ca: self.ca.map(|ca| path("egress.host.ca", ca)).transpose()?,
            private_addresses: self.private_addresses,
        })
    }
}

fn https() -> u16 {
    443
}
