//! Names that an operator approved, and where their name server says that they lead.

use ionvault::ports::ExchangeError;

use crate::attempts::{Outcome, PUBLIC, World};
use crate::listener::DOMAIN;
use crate::name_server::Records;

/// Refused unless the operator approved private addresses.
const PRIVATE: [&str; 7] = [
    "10.0.0.7",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "100.64.0.1",
    "fc00::1",
    "fdff:ffff::1",
];

/// Refused whatever the operator approved. The names are not `localhost`.
const NEVER: [&str; 40] = [
    "127.0.0.1",
    "127.255.255.254",
    "::1",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.175.48.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:0:10.0.0.7",
    "64:ff9b::10.0.0.7",
    "64:ff9b:1::10.0.0.7",
    "100::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
];

pub(crate) async fn refused_for_where_they_lead(world: &mut World) {
    let never = NEVER.iter().flat_map(|address| [(address, false), (address, true)]);
    let vectors: Vec<_> = PRIVATE.iter().map(|address| (address, false)).chain(never).collect();
    for (number, (address, private)) in vectors.into_iter().enumerate() {
        let records = Records::a(&[address]);
        let outcome = world.ask(&format!("leads-{number}"), records, private).await;
        not_allowed(world, address, &outcome);
    }
    for address in PRIVATE {
        let outcome = world.ask("approved", Records::a(&[address]), true).await;
        assert!(matches!(outcome, Outcome::Token), "{address}: {outcome:?}");
        world.only_reached(address);
    }
}

/// The rebinding: what is judged is what is connected to, and each exchange judges anew.
pub(crate) async fn resolved_once(world: &mut World) {
    for (name, later, private) in [
        ("loopback-later", &["127.0.0.1"], false),
        ("private-later", &["10.0.0.7"], false),
        ("metadata-later", &["169.254.169.254"], true),
        ("loopback-v6-later", &["::1"], true),
    ] {
        let records = Records::rounds(&[&[PUBLIC], &[PUBLIC], later]);
        let outcome = world.ask(name, records, private).await;
        assert!(matches!(outcome, Outcome::Token), "{name}: {outcome:?}");
        world.only_reached(PUBLIC);
        let lookups = world.names.lookups(&format!("{name}.{DOMAIN}"));
        assert_eq!(lookups, 2, "one for the token, one for the revocation");
        let outcome = world.ask(name, Records::rounds(&[later, &[PUBLIC]]), private).await;
        not_allowed(world, name, &outcome);
        assert_eq!(world.names.lookups(&format!("{name}.{DOMAIN}")), 1);
        // Between the token and its revocation.
        let outcome = world.ask(name, Records::rounds(&[&[PUBLIC], later]), private).await;
        assert!(matches!(&outcome, Outcome::Exchange(ExchangeError::AddressNotAllowed(_))));
        world.only_reached(PUBLIC);
        world.refused(name);
    }
    let mut many = vec!["20.30.40.51"; 14];
    many.push("127.0.0.1");
    let chain = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"];
    for (name, records) in [
        ("mixed-last", Records::a(&[PUBLIC, "127.0.0.1"])),
        ("mixed-first", Records::a(&["10.0.0.7", PUBLIC])),
        ("mixed-families", Records::a(&[PUBLIC, "::1"])),
        ("mixed-unique-local", Records::a(&["fd00::1", PUBLIC])),
        ("mixed-mapped", Records::a(&[PUBLIC, "::ffff:10.0.0.7"])),
        ("many", Records::a(&many)),
        ("alias", Records::alias(&["inside.example"], &["10.0.0.7"])),
        ("alias-localhost", Records::alias(&["localhost"], &["127.0.0.1"])),
        ("alias-chain", Records::alias(&chain, &["192.168.0.1", PUBLIC])),
    ] {
        let outcome = world.ask(name, records, false).await;
        not_allowed(world, name, &outcome);
    }
    for (name, records) in [
        ("nameless", Records::Failure(3)),
        ("failing", Records::Failure(2)),
        ("garbled", Records::Garbage),
        ("empty", Records::a(&[])),
        ("alias-empty", Records::alias(&["localhost"], &[])),
    ] {
        let outcome = world.ask(name, records, true).await;
        let unreachable = matches!(&outcome, Outcome::Exchange(ExchangeError::Unreachable(_)));
        assert!(unreachable, "{name}: {outcome:?}");
        world.refused(name);
    }
}

#[track_caller]
pub(crate) fn not_allowed(world: &mut World, what: &str, outcome: &Outcome) {
    let refused = matches!(outcome, Outcome::Exchange(ExchangeError::AddressNotAllowed(_)));
    assert!(refused, "{what}: {outcome:?}");
    world.refused(what);
}
