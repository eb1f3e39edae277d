//! Resolves the host once, and judges each address before anything is sent to it.

mod range;

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Host;

use crate::ports::{ExchangeError, Target};
use range::Range;

/// The system's resolver, with a bound on how many of its threads may wait for name servers.
#[derive(Clone)]
pub(super) struct Resolver {
    lookups: Arc<Semaphore>,
}

impl Resolver {
    pub(super) fn new() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }

    /// The addresses of the target's host, every one of them approved. One that is not refuses the
    /// host as a whole: an honest name does not mix public and internal addresses.
    pub(super) async fn resolve(&self, target: &Target) -> Result<Vec<Judged>, ExchangeError> {
        let Some(host) = target.url.host() else {
            return Err(ExchangeError::AddressNotAllowed("it has no host"));
        };
        let port = target.url.port_or_known_default().unwrap_or(HTTPS_PORT);
        if port == 0 {
            return Err(ExchangeError::AddressNotAllowed("it names port 0"));
        }
        let found = match &host {
            Host::Ipv4(address) => vec![SocketAddr::new((*address).into(), port)],
            Host::Ipv6(address) => vec![SocketAddr::new((*address).into(), port)],
            Host::Domain(name) => self.look_up(name, port).await?,
        };
        found.into_iter().map(|address| judge(address, &host, target.private_addresses)).collect()
    }

    /// The addresses of a name, unjudged.
    pub(super) async fn look_up(
        &self,
        name: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, ExchangeError> {
        let late = ExchangeError::Unreachable("its name did not resolve in time");
        let lookup = async {
            let Ok(place) = Arc::clone(&self.lookups).acquire_owned().await else {
                return Err(ExchangeError::Unreachable("names are not resolved any more"));
            };
            let name = name.to_owned();
            let lookup = tokio::task::spawn_blocking(move || {
                // Held by the thread: the system's resolver goes on after we have lost patience.
                let _place = place;
                let found = (name.as_str(), port).to_socket_addrs();
                found.map(|found| found.take(ADDRESSES_MAX).collect::<Vec<_>>())
            });
            match lookup.await {
                Ok(Ok(found)) if found.is_empty() => {
                    Err(ExchangeError::Unreachable("its name has no address"))
                }
                Ok(Ok(found)) => Ok(found),
                Ok(Err(_)) | Err(_) => Err(ExchangeError::Unreachable("its name does not resolve")),
            }
        };
        timeout(LOOKUP_TIME_MAX, lookup).await.unwrap_or(Err(late))
    }
}

/// An address that requests for its target may be sent to; nothing else makes one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Judged {
    pub(super) address: SocketAddr,
    /// Whether it is one that anyone can reach.
    pub(super) public: bool,
}

fn judge(
    address: SocketAddr,
    host: &Host<&str>,
    private_addresses: bool,
) -> Result<Judged, ExchangeError> {
    match Range::of(address.ip()) {
        Range::Public => Ok(Judged { address, public: true }),
        Range::Private(_) if private_addresses => Ok(Judged { address, public: false }),
        Range::Loopback if private_addresses && means_loopback(host) => {
            Ok(Judged { address, public: false })
        }
        Range::Loopback => Err(ExchangeError::AddressNotAllowed("a loopback address")),
        Range::Private(name) | Range::Never(name) => Err(ExchangeError::AddressNotAllowed(name)),
    }
}

/// Whether the operator who approved this host approved the machine itself. That a customer's
/// server has private addresses is no reason to let its name lead to what listens beside the vault.
fn means_loopback(host: &Host<&str>) -> bool {
    match host {
        // RFC 6761, section 6.3.
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

const HTTPS_PORT: u16 = 443;

/// A resolver that is silent for longer is down; two more seconds are its retry.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(3);

/// Each waits in a thread of the runtime's pool, which has 512 and other work. Name servers that
/// never answer keep one for up to half a minute, whatever we wait.
const LOOKUPS_MAX: usize = 64;

/// More addresses than any server has; those beyond it are not used.
const ADDRESSES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(address: &str, host: &str, private_addresses: bool) -> Result<bool, String> {
        let address = SocketAddr::new(address.parse().unwrap(), 443);
        let host = Host::parse(host).unwrap();
        let host = match &host {
            Host::Domain(name) => Host::Domain(name.as_str()),
            Host::Ipv4(address) => Host::Ipv4(*address),
            Host::Ipv6(address) => Host::Ipv6(*address),
        };
        match judge(address, &host, private_addresses) {
            Ok(judged) => Ok(judged.public),
            Err(ExchangeError::AddressNotAllowed(what)) => Err(what.to_owned()),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn an_approval_of_private_addresses_is_none_of_this_machine() {
        let loopback = Err("a loopback address".to_owned());
        for (address, host, private_addresses, expected) in [
            ("8.8.8.8", "sts.example", false, Ok(true)),
            ("8.8.8.8", "sts.example", true, Ok(true)),
            ("10.0.0.7", "sts.example", false, Err("a private address".to_owned())),
            ("10.0.0.7", "sts.example", true, Ok(false)),
            ("127.0.0.1", "sts.example", true, loopback.clone()),
            ("::1", "sts.example", true, loopback.clone()),
            ("127.0.0.1", "notlocalhost", true, loopback.clone()),
            ("127.0.0.1", "10.0.0.7", true, loopback.clone()),
            ("127.0.0.1", "localhost", false, loopback),
            ("127.0.0.1", "localhost", true, Ok(false)),
            ("::1", "infor.localhost", true, Ok(false)),
            ("127.0.0.2", "127.0.0.2", true, Ok(false)),
            ("::1", "[::1]", true, Ok(false)),
            ("169.254.169.254", "localhost", true, Err("a link-local address".to_owned())),
        ] {
            assert_eq!(judged(address, host, private_addresses), expected, "{address} of {host}");
        }
    }
}
