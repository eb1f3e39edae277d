//! Resolves the host once, and judges each address before anything is sent to it.
//!
//! The special ranges are those of IANA's IPv4 and IPv6 special-purpose address registries (RFC
//! 6890 and its successors).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use url::Host;

use crate::ports::{ExchangeError, Target};

/// The addresses of the target's host, every one of them approved. One that is not refuses the
/// host as a whole: an honest name does not mix public and internal addresses.
pub(super) async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, ExchangeError> {
    let port = target.url.port_or_known_default().unwrap_or(HTTPS_PORT);
    let found: Vec<SocketAddr> = match target.url.host() {
        // An HTTP client does not ask its resolver about these, so they are judged here.
        Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
        Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
        Some(Host::Domain(name)) => match timeout(LOOKUP_TIME_MAX, lookup_host((name, port))).await
        {
            Ok(Ok(found)) => found.take(ADDRESSES_MAX).collect(),
            Ok(Err(_)) => return Err(ExchangeError::Unreachable("its name does not resolve")),
            Err(_elapsed) => {
                return Err(ExchangeError::Unreachable("its name did not resolve in time"));
            }
        },
        None => return Err(ExchangeError::AddressNotAllowed("it has no host")),
    };
    if found.is_empty() {
        return Err(ExchangeError::Unreachable("its name has no address"));
    }
    for address in &found {
        match Range::of(address.ip()) {
            Range::Public => {}
            Range::Private(_) if target.private_addresses => {}
            Range::Private(name) | Range::Never(name) => {
                return Err(ExchangeError::AddressNotAllowed(name));
            }
        }
    }
    Ok(found)
}

/// What an address is for.
#[derive(Debug, Eq, PartialEq)]
enum Range {
    /// Anyone may be reached here.
    Public,
    /// An operator may approve it: servers do live here.
    Private(&'static str),
    /// No authorization server lives here, whatever an operator approved.
    Never(&'static str),
}

impl Range {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Private("a loopback address"),
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private("a private address"),
            [100, 64..=127, ..] => Self::Private("a carrier-grade NAT address"),
            [169, 254, ..] => Self::Never("a link-local address"),
            [255, 255, 255, 255] => Self::Never("the broadcast address"),
            [0, ..] => Self::Never("an unspecified address"),
            [224..=239, ..] => Self::Never("a multicast address"),
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
                Self::Never("a documentation address")
            }
            [198, 18..=19, ..] => Self::Never("a benchmark address"),
            [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => {
                Self::Never("a reserved address")
            }
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Never("an unspecified address"),
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Private("a loopback address"),
            [0, 0, 0, 0, 0, 0xffff, ..] => Self::Never("an IPv4-mapped address"),
            // DNS64 gives every IPv4 host such an address, so what counts is the host within.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                match Self::of_v4(Ipv4Addr::new(a, b, c, d)) {
                    Self::Public => Self::Public,
                    Self::Private(_) | Self::Never(_) => {
                        Self::Never("a NAT64 address of a host that is not public")
                    }
                }
            }
            [0xfc00..=0xfdff, ..] => Self::Private("a unique local address"),
            [0xfe80..=0xfebf, ..] => Self::Never("a link-local address"),
            [0xff00..=0xffff, ..] => Self::Never("a multicast address"),
            [0x2002, ..] => Self::Never("a 6to4 address"),
            [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => {
                Self::Never("a documentation address")
            }
            [0x2001, 0..=0x01ff, ..] => Self::Never("a reserved address"),
            [0x2000..=0x3fff, ..] => Self::Public,
            _ => Self::Never("a reserved address"),
        }
    }
}

const HTTPS_PORT: u16 = 443;

/// A resolver that is silent for longer is down; two more seconds are its retry.
const LOOKUP_TIME_MAX: Duration = Duration::from_secs(3);

/// More addresses than any server has; those beyond it are not used.
const ADDRESSES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_range_is_recognised_to_its_last_address() {
        for (first, last, expected) in [
            ("10.0.0.0", "10.255.255.255", Range::Private("a private address")),
            ("172.16.0.0", "172.31.255.255", Range::Private("a private address")),
            ("192.168.0.0", "192.168.255.255", Range::Private("a private address")),
            ("127.0.0.0", "127.255.255.255", Range::Private("a loopback address")),
            ("100.64.0.0", "100.127.255.255", Range::Private("a carrier-grade NAT address")),
            ("169.254.0.0", "169.254.255.255", Range::Never("a link-local address")),
            ("0.0.0.0", "0.255.255.255", Range::Never("an unspecified address")),
            ("224.0.0.0", "239.255.255.255", Range::Never("a multicast address")),
            ("192.0.2.0", "192.0.2.255", Range::Never("a documentation address")),
            ("198.51.100.0", "198.51.100.255", Range::Never("a documentation address")),
            ("203.0.113.0", "203.0.113.255", Range::Never("a documentation address")),
            ("198.18.0.0", "198.19.255.255", Range::Never("a benchmark address")),
            ("192.88.99.0", "192.88.99.255", Range::Never("a reserved address")),
            ("240.0.0.0", "255.255.255.254", Range::Never("a reserved address")),
            ("255.255.255.255", "255.255.255.255", Range::Never("the broadcast address")),
            ("::", "::", Range::Never("an unspecified address")),
            ("::1", "::1", Range::Private("a loopback address")),
            ("::2", "::fffe:0:0", Range::Never("a reserved address")),
            ("::ffff:0.0.0.0", "::ffff:8.8.8.8", Range::Never("an IPv4-mapped address")),
            ("fc00::", "fdff:ffff::1", Range::Private("a unique local address")),
            ("fe80::", "febf:ffff::1", Range::Never("a link-local address")),
            ("fec0::", "feff::1", Range::Never("a reserved address")),
            ("ff00::", "ffff::1", Range::Never("a multicast address")),
            ("2002::", "2002:ffff::1", Range::Never("a 6to4 address")),
            ("2001:db8::", "2001:db8:ffff::1", Range::Never("a documentation address")),
            ("3fff::", "3fff:fff::1", Range::Never("a documentation address")),
            ("2001::", "2001:1ff:ffff::1", Range::Never("a reserved address")),
            ("64:ff9b:1::", "64:ff9b:1:ffff::1", Range::Never("a reserved address")),
        ] {
            for end in [first, last] {
                assert_eq!(Range::of(end.parse().unwrap()), expected, "{end}");
            }
        }
    }

    #[test]
    fn neighbours_of_special_ranges_are_public() {
        for address in [
            "9.255.255.255",
            "11.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2606:4700::1111",
            "3fff:1000::1",
        ] {
            assert_eq!(Range::of(address.parse().unwrap()), Range::Public, "{address}");
        }
    }

    #[test]
    fn a_nat64_address_is_judged_by_the_host_within() {
        let hidden = Range::Never("a NAT64 address of a host that is not public");
        for (address, expected) in [
            ("64:ff9b::8.8.8.8", Range::Public),
            ("64:ff9b::127.0.0.1", hidden),
            ("64:ff9b::a9fe:a9fe", Range::Never("a NAT64 address of a host that is not public")),
        ] {
            assert_eq!(Range::of(address.parse().unwrap()), expected, "{address}");
        }
    }
}
