//! Where requests may go. The addresses of a file are its uploader's word, and the vault stands in
//! a network that the uploader may not reach: only Infor's cloud and what the operator approved.

use std::fmt;
use std::net::IpAddr;

use rustls_pki_types::CertificateDer;
use url::{Host, Url};

use super::file::IonApiFile;
use super::key::Key;
use crate::ports::Target;

/// Infor's cloud, and the hosts that the operator approved.
pub struct HostRules {
    approved: Vec<ApprovedHost>,
}

/// One on-premises host that the operator approved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApprovedHost {
    /// A DNS name in lower case, or an IP address (IPv6 without brackets).
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Whether the host may be at a private or loopback address.
    pub private_addresses: bool,
    /// What its certificate must chain to, unless the uploader says; empty: the public roots.
    pub trust_anchors: Vec<CertificateDer<'static>>,
}

/// Why a file's hosts are refused. Names them (of `pu`, of `iu` or of both), since the operator
/// must know what to approve.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostNotAllowed {
    key: &'static str,
    host: String,
    port: u16,
    also: Option<(String, u16)>,
}

impl HostRules {
    /// Infor's cloud, and these.
    #[must_use]
    pub fn new(approved: Vec<ApprovedHost>) -> Self {
        Self { approved }
    }

    /// Checks the hosts of `pu` and, if it is there, `iu`, and says where and how the file's token
    /// requests go. `trust_anchors` are the certificates uploaded with the file; if there are any,
    /// they alone are trusted for its host.
    ///
    /// # Errors
    ///
    /// [`HostNotAllowed`] if one of the hosts is neither Infor's nor approved, with this port.
    pub fn check(
        &self,
        file: &IonApiFile,
        trust_anchors: &[CertificateDer<'static>],
    ) -> Result<Target, HostNotAllowed> {
        let gateway = file.gateway().filter(|gateway| !self.allows(gateway)).map(place);
        match self.target(file.token_endpoint(), trust_anchors) {
            Err(refused) => {
                let server = (&refused.host, refused.port);
                let also = gateway.filter(|(host, port)| (host, *port) != server);
                Err(HostNotAllowed { also, ..refused })
            }
            Ok(target) => match gateway {
                Some((host, port)) => {
                    Err(HostNotAllowed { key: Key::Iu.name(), host, port, also: None })
                }
                None => Ok(target),
            },
        }
    }

    /// Checks the host of one endpoint of an authorization server, and says where and how requests
    /// to it go: [`HostRules::check`] for endpoints whose file is not at hand.
    ///
    /// # Errors
    ///
    /// [`HostNotAllowed`] if the host is neither Infor's nor approved, with this port; its key is
    /// `pu`, which all these endpoints begin with.
    pub fn target(
        &self,
        endpoint: &Url,
        trust_anchors: &[CertificateDer<'static>],
    ) -> Result<Target, HostNotAllowed> {
        if !self.allows(endpoint) {
            let (host, port) = place(endpoint);
            return Err(HostNotAllowed { key: Key::Pu.name(), host, port, also: None });
        }
        let approval = self.approval(endpoint);
        let trust_anchors = match approval {
            Some(approval) if trust_anchors.is_empty() => approval.trust_anchors.clone(),
            _ => trust_anchors.to_vec(),
        };
        Ok(Target {
            url: endpoint.clone(),
            private_addresses: approval.is_some_and(|approval| approval.private_addresses),
            trust_anchors,
        })
    }

    fn allows(&self, url: &Url) -> bool {
        InforCloud::of(url).is_some() || self.approval(url).is_some()
    }

    fn approval(&self, url: &Url) -> Option<&ApprovedHost> {
        let port = url.port_or_known_default()?;
        let host = url.host()?;
        self.approved.iter().find(|approved| {
            approved.port == port
                && match host {
                    Host::Domain(name) => approved.host == name,
                    Host::Ipv4(address) => approved.host.parse() == Ok(IpAddr::V4(address)),
                    Host::Ipv6(address) => approved.host.parse() == Ok(IpAddr::V6(address)),
                }
        })
    }
}

impl HostNotAllowed {
    /// The key whose host is refused: `pu` or `iu`.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The host, as a URL has it (IPv6 in brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for HostNotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, host, port, also } = self;
        write!(f, "`{key}` points to {host}, port {port}, ")?;
        match also {
            None => f.write_str(
                "which is neither Infor's cloud nor approved (the operator of the vault must add \
                 this host and port to [[egress.host]])",
            ),
            Some((other, port)) => write!(
                f,
                "and `iu` to {other}, port {port}, which are neither Infor's cloud nor approved \
                 (the operator of the vault must add these hosts and ports to [[egress.host]])"
            ),
        }
    }
}

impl std::error::Error for HostNotAllowed {}

/// The part of Infor's cloud that a host belongs to.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct InforCloud<'a> {
    region: Option<&'a str>,
    suffix: &'static str,
}

impl<'a> InforCloud<'a> {
    /// `mingle-sso` or `mingle-ionapi`, with or without a number, with or without a region
    /// (`eu1`), under one of Infor's domains, at port 443.
    pub(super) fn of(url: &'a Url) -> Option<Self> {
        let Some(Host::Domain(host)) = url.host() else { return None };
        if url.port_or_known_default() != Some(443) {
            return None;
        }
        let find = |suffix: &&'static str| host.strip_suffix(*suffix).map(|rest| (rest, *suffix));
        let (labels, suffix) = SUFFIXES.iter().find_map(find)?;
        let (name, region) = match labels.split_once('.') {
            Some((name, region)) => (name, Some(region)),
            None => (labels, None),
        };
        let role = name.strip_prefix("mingle")?.trim_start_matches(|c: char| c.is_ascii_digit());
        let known = matches!(role, "-sso" | "-ionapi") && region.is_none_or(is_region);
        known.then_some(Self { region, suffix })
    }
}

/// Infor's commercial and government clouds.
const SUFFIXES: [&str; 2] = [".inforcloudsuite.com", ".inforgov.com"];

/// `eu1`, `se2`, `ca1`: one label.
fn is_region(label: &str) -> bool {
    !label.is_empty()
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn place(url: &Url) -> (String, u16) {
    let host = url.host_str().unwrap_or_default().to_owned();
    (host, url.port_or_known_default().unwrap_or_default())
}

#[cfg(test)]
mod tests;
