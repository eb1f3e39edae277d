//! What an address is for.
//!
//! The ranges are those of IANA's IPv4 and IPv6 special-purpose address registries (RFC 6890 and
//! its successors), multicast and reserved space, and the addresses at which clouds serve the
//! secrets of the machines in them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, Eq, PartialEq)]
pub(super) enum Range {
    /// Anyone may be reached here.
    Public,
    /// An operator may approve it: servers do live here.
    Private(&'static str),
    /// This machine: approved only together with a host that means it.
    Loopback,
    /// No authorization server lives here, whatever an operator approved.
    Never(&'static str),
}

impl Range {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [127, ..] => Self::Loopback,
            // Alibaba's metadata, and Azure's, which looks like anybody's.
            [100, 100, 100, 200] | [168, 63, 129, 16] => Self::Never(METADATA),
            [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Self::Private("a private address"),
            [100, 64..=127, ..] => Self::Private("a carrier-grade NAT address"),
            [169, 254, ..] => Self::Never(LINK_LOCAL),
            [255, 255, 255, 255] => Self::Never("the broadcast address"),
            [0, ..] => Self::Never(UNSPECIFIED),
            [224..=239, ..] => Self::Never(MULTICAST),
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Never(DOCUMENTATION),
            [198, 18..=19, ..] => Self::Never(BENCHMARK),
            [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => Self::Never(ANYCAST),
            [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Self::Never(RESERVED),
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0] => Self::Never(UNSPECIFIED),
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [0, 0, 0, 0, 0, 0xffff, ..] => Self::Never("an IPv4-mapped address"),
            // DNS64 gives every IPv4 host such an address, so what counts is the host within.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                match Self::of_v4(Ipv4Addr::new(a, b, c, d)) {
                    Self::Public => Self::Public,
                    Self::Private(_) | Self::Loopback | Self::Never(_) => {
                        Self::Never("a NAT64 address of a host that is not public")
                    }
                }
            }
            // Amazon's, Google's and Scaleway's, among addresses that customers may use.
            [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] | [0xfd00, 0x42, ..] => Self::Never(METADATA),
            [0xfc00..=0xfdff, ..] => Self::Private("a unique local address"),
            [0xfe80..=0xfebf, ..] => Self::Never(LINK_LOCAL),
            [0xff00..=0xffff, ..] => Self::Never(MULTICAST),
            [0x100, 0, 0, 0..=1, ..] => Self::Never("a discard address"),
            [0x2002, ..] => Self::Never("a 6to4 address"),
            [0x2001, 0, ..] => Self::Never("a Teredo address"),
            [0x2001, 2, 0, ..] => Self::Never(BENCHMARK),
            [0x2001, 0x10..=0x2f, ..] => Self::Never("an ORCHID"),
            [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Self::Never(DOCUMENTATION),
            [0x2001, 0..=0x01ff, ..] => Self::Never(RESERVED),
            [0x2620, 0x4f, 0x8000, ..] => Self::Never(ANYCAST),
            [0x5f00, ..] => Self::Never("a segment routing address"),
            [0x2000..=0x3fff, ..] => Self::Public,
            // NAT64 for local use (64:ff9b:1::/48), IPv4-compatible, IPv4-translated, site-local and
            // all that was never given to anybody.
            _ => Self::Never(RESERVED),
        }
    }
}

const UNSPECIFIED: &str = "an unspecified address";
const LINK_LOCAL: &str = "a link-local address";
const MULTICAST: &str = "a multicast address";
const DOCUMENTATION: &str = "a documentation address";
const BENCHMARK: &str = "a benchmark address";
const METADATA: &str = "a cloud's metadata address";
/// AS112 (RFC 7534, RFC 7535) and AMT (RFC 7450): shared by whoever announces them.
const ANYCAST: &str = "an anycast address of a special service";
const RESERVED: &str = "a reserved address";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_range_is_recognised_to_its_last_address() {
        let private = || Range::Private("a private address");
        for (first, last, expected) in [
            ("10.0.0.0", "10.255.255.255", private()),
            ("172.16.0.0", "172.31.255.255", private()),
            ("192.168.0.0", "192.168.255.255", private()),
            ("127.0.0.0", "127.255.255.255", Range::Loopback),
            ("100.64.0.0", "100.127.255.255", Range::Private("a carrier-grade NAT address")),
            ("100.100.100.200", "168.63.129.16", Range::Never(METADATA)),
            ("169.254.0.0", "169.254.255.255", Range::Never(LINK_LOCAL)),
            ("0.0.0.0", "0.255.255.255", Range::Never(UNSPECIFIED)),
            ("224.0.0.0", "239.255.255.255", Range::Never(MULTICAST)),
            ("192.0.0.0", "192.0.0.255", Range::Never(RESERVED)),
            ("192.0.2.0", "192.0.2.255", Range::Never(DOCUMENTATION)),
            ("198.51.100.0", "198.51.100.255", Range::Never(DOCUMENTATION)),
            ("203.0.113.0", "203.0.113.255", Range::Never(DOCUMENTATION)),
            ("192.31.196.0", "192.31.196.255", Range::Never(ANYCAST)),
            ("192.52.193.0", "192.52.193.255", Range::Never(ANYCAST)),
            ("192.175.48.0", "192.175.48.255", Range::Never(ANYCAST)),
            ("198.18.0.0", "198.19.255.255", Range::Never(BENCHMARK)),
            ("192.88.99.0", "192.88.99.255", Range::Never(RESERVED)),
            ("240.0.0.0", "255.255.255.254", Range::Never(RESERVED)),
            ("255.255.255.255", "255.255.255.255", Range::Never("the broadcast address")),
            ("::", "::", Range::Never(UNSPECIFIED)),
            ("::1", "::1", Range::Loopback),
            ("::2", "::fffe:0:0", Range::Never(RESERVED)),
            ("::127.0.0.1", "::ffff:0:127.0.0.1", Range::Never(RESERVED)),
            ("::ffff:0.0.0.0", "::ffff:8.8.8.8", Range::Never("an IPv4-mapped address")),
            ("64:ff9b:1::", "64:ff9b:1:ffff::1", Range::Never(RESERVED)),
            ("100::", "100::1:ffff:ffff:ffff:ffff", Range::Never("a discard address")),
            ("2001::", "2001:0:ffff::1", Range::Never("a Teredo address")),
            ("2001:1::", "2001:1:ffff::1", Range::Never(RESERVED)),
            ("2001:2::", "2001:2:0:ffff::1", Range::Never(BENCHMARK)),
            ("2001:10::", "2001:2f:ffff::1", Range::Never("an ORCHID")),
            ("2001:30::", "2001:1ff:ffff::1", Range::Never(RESERVED)),
            ("2001:db8::", "2001:db8:ffff::1", Range::Never(DOCUMENTATION)),
            ("2002::", "2002:ffff::1", Range::Never("a 6to4 address")),
            ("2620:4f:8000::", "2620:4f:8000:ffff::1", Range::Never(ANYCAST)),
            ("3fff::", "3fff:fff::1", Range::Never(DOCUMENTATION)),
            ("4000::", "5eff:ffff::1", Range::Never(RESERVED)),
            ("5f00::", "5f00:ffff::1", Range::Never("a segment routing address")),
            ("fc00::", "fdff:ffff::1", Range::Private("a unique local address")),
            ("fd00:ec2::254", "fd20:ce::254", Range::Never(METADATA)),
            ("fd00:42::42", "fd00:42::42", Range::Never(METADATA)),
            ("fe80::", "febf:ffff::1", Range::Never(LINK_LOCAL)),
            ("fec0::", "feff::1", Range::Never(RESERVED)),
            ("ff00::", "ffff::1", Range::Never(MULTICAST)),
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
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "192.0.1.0",
            "192.31.195.255",
            "192.175.49.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2606:4700::1111",
            "2620:4f:8001::1",
            "3fff:1000::1",
        ] {
            assert_eq!(Range::of(address.parse().unwrap()), Range::Public, "{address}");
        }
    }

    #[test]
    fn a_nat64_address_is_judged_by_the_host_within() {
        let hidden = || Range::Never("a NAT64 address of a host that is not public");
        for (address, expected) in [
            ("64:ff9b::8.8.8.8", Range::Public),
            ("64:ff9b::127.0.0.1", hidden()),
            ("64:ff9b::10.0.0.7", hidden()),
            ("64:ff9b::a9fe:a9fe", hidden()),
        ] {
            assert_eq!(Range::of(address.parse().unwrap()), expected, "{address}");
        }
    }
}
