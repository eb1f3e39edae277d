//! Crafted client certificates against the real listener: each ends as it must.

#[path = "crafted/outdated.rs"]
mod outdated;

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::authority::{Authority, INVOICES, far_ahead, long_ago};
use crate::frames::PREFACE;
use crate::house::{House, Open};

/// How a client ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    /// It does not get past the handshake.
    Handshake,
    /// It gets in, and its calls are answered `CALLER_UNKNOWN`.
    Unknown,
    /// It is known.
    Accepted,
}
use End::{Accepted, Handshake, Unknown};

/// What a client presents.
struct Crafted {
    what: String,
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    end: End,
}

const URI: u8 = 0x86;
const DNS: u8 = 0x82;
const EMAIL: u8 = 0x81;
const IP: u8 = 0x87;
const REGISTERED_ID: u8 = 0x88;

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().position(|byte| *byte != 0).unwrap_or(7);
    let mut encoded = vec![tag];
    if content.len() >= 0x80 {
        encoded.push(0x80 | u8::try_from(length.len() - significant).unwrap());
    }
    encoded.extend(&length[significant..]);
    encoded.extend(content);
    encoded
}

fn extension(oid: &[u64], content: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(oid, content)
}

/// Alternative names, byte by byte: rcgen would refuse some of them.
fn names(names: &[(u8, &[u8])]) -> CustomExtension {
    let names: Vec<_> = names.iter().flat_map(|(tag, name)| der(*tag, name)).collect();
    extension(&[2, 5, 29, 17], der(0x30, &names))
}

struct Forge<'a> {
    authority: &'a Authority,
    made: Vec<Crafted>,
}

impl Forge<'_> {
    fn leaf(&mut self, what: &str, end: End, change: impl FnOnce(&mut CertificateParams)) {
        let leaf = self.authority.leaf(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            change(params);
        });
        let (chain, key) = (vec![leaf.certificate], leaf.key);
        self.made.push(Crafted { what: what.to_owned(), chain, key, end });
    }

    fn named(&mut self, what: &str, end: End, list: &[(u8, &[u8])]) {
        self.leaf(what, end, |params| params.custom_extensions = vec![names(list)]);
    }

    /// A leaf below an authority of its own, which the trusted one signed.
    fn below(
        &mut self,
        what: &str,
        end: End,
        issuer: impl FnOnce(&mut CertificateParams),
        leaf: impl FnOnce(&mut CertificateParams),
    ) {
        let intermediate = self.authority.leaf(|params| {
            authority(params);
            issuer(params);
        });
        let mut params = CertificateParams::default();
        authority(&mut params);
        let issuer = Issuer::new(params, intermediate.key);
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        invoices(&mut params);
        leaf(&mut params);
        let leaf = params.signed_by(&key, &issuer).unwrap().der().clone();
        let chain = vec![leaf, intermediate.certificate];
        self.made.push(Crafted { what: what.to_owned(), chain, key, end });
    }
}

fn authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.distinguished_name.push(DnType::CommonName, "an intermediate of the tests");
}

fn invoices(params: &mut CertificateParams) {
    params.subject_alt_names = vec![SanType::URI(INVOICES.try_into().unwrap())];
}

/// URIs that name nobody.
fn uris(forge: &mut Forge<'_>) {
    let long = format!("spiffe://prod.example/{}", "a".repeat(2048));
    for uri in [
        "spiffe://test.example/a",
        "spiffe://sub.prod.example/a",
        "spiffe://example/a",
        "spiffe://xprod.example/a",
        "spiffe://prod.example.evil.example/a",
        "spiffe://prod.example./a",
        "spiffe://prod.example",
        "spiffe://prod.example/",
        "spiffe://prod.example/a/",
        "spiffe://prod.example//a",
        "spiffe://prod.example/a//b",
        "spiffe://prod.example/a/../b",
        "spiffe://prod.example/..",
        "spiffe://prod.example/a/./b",
        "spiffe://prod.example/a%2fb",
        "spiffe://prod.example/%61",
        "spiffe://prod%2eexample/a",
        "spiffe://prod.example/a\\b",
        "spiffe://prod.example/a b",
        "spiffe://prod.example/a?b=c",
        "spiffe://prod.example/a#b",
        "spiffe://prod.example:443/a",
        "spiffe://user@prod.example/a",
        "spiffe://user:word@prod.example/a",
        "SPIFFE://prod.example/a",
        "Spiffe://prod.example/a",
        "spiffe://Prod.Example/a",
        "spiffe:/prod.example/a",
        "spiffe:prod.example/a",
        "spiffe:///a",
        "//prod.example/a",
        "prod.example/a",
        "https://prod.example/a",
        " spiffe://prod.example/a",
        "spiffe://prod.example/a\n",
        "spiffe://prod.example/a\0",
        "spiffe://prod.example/a\0/b",
        "spiffe://prod.example\0.evil.example/a",
        "spiffe://prod.example/\u{e4}",
        "spiffe://prod.example/a,URI=spiffe://prod.example/b",
        "",
        &long,
    ] {
        let what = format!("the URI {:?}", uri.get(..60).unwrap_or(uri));
        forge.named(&what, Unknown, &[(URI, uri.as_bytes())]);
    }
}

fn lists_of_names(forge: &mut Forge<'_>) {
    let good = INVOICES.as_bytes();
    forge.named("two SPIFFE ids", Unknown, &[(URI, good), (URI, b"spiffe://prod.example/b")]);
    forge.named("the same SPIFFE id twice", Unknown, &[(URI, good), (URI, good)]);
    forge.named("a SPIFFE id and another URI", Unknown, &[(URI, good), (URI, b"urn:a")]);
    forge.named("two hundred URIs", Unknown, &vec![(URI, good); 200]);
    forge.named("a DNS name only", Unknown, &[(DNS, b"invoices.example")]);
    forge.named("a DNS name with a wildcard", Unknown, &[(DNS, b"*.example")]);
    forge.named("a SPIFFE id as a DNS name", Unknown, &[(DNS, good)]);
    forge.named("a SPIFFE id as a mail address", Unknown, &[(EMAIL, good)]);
    forge.named("an IP address only", Unknown, &[(IP, &[127, 0, 0, 1])]);
    forge.named("a mail address only", Unknown, &[(EMAIL, b"invoices@prod.example")]);
    forge.named("a registered id only", Unknown, &[(REGISTERED_ID, &[0x2a, 3])]);
    forge.leaf("no names at all", Unknown, |_| {});
    forge.leaf("a SPIFFE id as common name only", Unknown, |params| {
        params.distinguished_name.push(DnType::CommonName, INVOICES);
    });
    forge.named("a good SPIFFE id", Accepted, &[(URI, good)]);
    forge.named("a SPIFFE id beside a DNS name", Accepted, &[(DNS, b"a.example"), (URI, good)]);
}

fn leaves(forge: &mut Forge<'_>) {
    let mut leaf = |what: &str, end: End, change: &dyn Fn(&mut CertificateParams)| {
        forge.leaf(what, end, |params| {
            invoices(params);
            change(params);
        });
    };
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, CodeSigning, ServerAuth};
    leaf("expired", Handshake, &long_ago);
    leaf("not yet valid", Handshake, &far_ahead);
    leaf("for servers", Handshake, &|params| params.extended_key_usages = vec![ServerAuth]);
    leaf("for code", Handshake, &|params| params.extended_key_usages = vec![CodeSigning]);
    leaf("an authority", Handshake, &|params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    leaf("may sign certificates", Unknown, &|params| {
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    });
    leaf("may sign revocations", Unknown, &|params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    leaf("alternative names twice", Handshake, &|params| {
        params.custom_extensions = vec![names(&[(URI, b"spiffe://prod.example/b")])];
    });
    leaf("an unknown critical extension", Handshake, &|params| {
        let mut unknown = extension(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0]);
        unknown.set_criticality(true);
        params.custom_extensions = vec![unknown];
    });
    leaf("an unknown extension", Accepted, &|params| {
        params.custom_extensions = vec![extension(&[1, 3, 6, 1, 4, 1, 99_999, 1], vec![5, 0])];
    });
    leaf("for any use", Handshake, &|params| params.extended_key_usages = vec![Any]);
    leaf("no word on its use", Accepted, &|params| params.extended_key_usages.clear());
    leaf("for clients and servers", Accepted, &|params| {
        params.extended_key_usages = vec![ClientAuth, ServerAuth];
    });
    for (what, list) in [
        ("names that are no sequence", der(0x04, INVOICES.as_bytes())),
        ("names that end early", vec![0x30, 0x7f, URI, 3, b'a']),
    ] {
        forge.leaf(what, Handshake, |params| {
            params.custom_extensions = vec![extension(&[2, 5, 29, 17], list)];
        });
    }
}

fn chains(forge: &mut Forge<'_>) {
    let another = Authority::named("another").client(&[INVOICES]);
    let same_name = Authority::new().client(&[INVOICES]);
    for (what, leaf) in [("another authority", another), ("the same name, another key", same_name)]
    {
        let (chain, key) = (vec![leaf.certificate], leaf.key);
        forge.made.push(Crafted { what: what.to_owned(), chain, key, end: Handshake });
    }
    let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
    invoices(&mut params);
    let chain = vec![params.self_signed(&key).unwrap().der().clone()];
    forge.made.push(Crafted { what: "self-signed".to_owned(), chain, key, end: Handshake });

    forge.below("below an intermediate", Accepted, |_| {}, |_| {});
    forge.below("the intermediate is left out", Handshake, |_| {}, |_| {});
    forge.made.last_mut().unwrap().chain.truncate(1);
    forge.below(
        "the intermediate is no authority",
        Handshake,
        |params| {
            params.is_ca = IsCa::ExplicitNoCa;
        },
        |_| {},
    );
    forge.below("the intermediate has expired", Handshake, long_ago, |_| {});
    forge.below(
        "the intermediate may not sign",
        Unknown,
        |params| {
            params.key_usages = vec![KeyUsagePurpose::CrlSign];
        },
        |_| {},
    );
    let dns = |name: &str| vec![GeneralSubtree::DnsName(name.to_owned())];
    let named = |params: &mut CertificateParams| {
        params.subject_alt_names.push(SanType::DnsName("a.example".try_into().unwrap()));
    };
    let limit = |permitted_subtrees, excluded_subtrees| {
        move |params: &mut CertificateParams| {
            params.name_constraints =
                Some(NameConstraints { permitted_subtrees, excluded_subtrees });
        }
    };
    forge.below(
        "a DNS name that its issuer may not give",
        Handshake,
        limit(dns("b.example"), vec![]),
        named,
    );
    forge.below(
        "a DNS name that its issuer must not give",
        Handshake,
        limit(vec![], dns("a.example")),
        named,
    );
    forge.below(
        "a DNS name that its issuer may give",
        Accepted,
        limit(dns("example"), vec![]),
        named,
    );
    for (what, tag, host) in [
        ("a URI that its issuer may not give", 0xa0, "other.example"),
        ("a URI that its issuer must not give", 0xa1, "prod.example"),
    ] {
        // rcgen knows no constraints on URIs.
        let subtree = der(0x30, &der(URI, host.as_bytes()));
        let mut constraints = extension(&[2, 5, 29, 30], der(0x30, &der(tag, &subtree)));
        constraints.set_criticality(true);
        forge.below(what, Handshake, |params| params.custom_extensions = vec![constraints], |_| {});
    }
}

impl Open {
    /// How a client with this chain and key ends.
    async fn end_of(&self, crafted: &Crafted) -> End {
        let config = || {
            let key = PrivateKeyDer::try_from(crafted.key.serialize_der()).unwrap();
            let key = any_supported_type(&key).unwrap();
            let certified = CertifiedKey::new(crafted.chain.clone(), key);
            let mut config: ClientConfig = self.authority.trusting(None, &[&TLS13]);
            config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
            config
        };
        let Ok(mut stream) = self.handshake(config()).await else { return Handshake };
        // With TLS 1.3 a client learns only afterwards what the server thinks of it.
        if stream.write_all(PREFACE).await.is_err() || stream.read_u8().await.is_err() {
            return Handshake;
        }
        let stream = self.handshake(config()).await.unwrap();
        crate::clients::check(crate::clients::channel(stream).await).await.unwrap();
        if self.last_peer().caller.is_ok() { Accepted } else { Unknown }
    }
}

#[tokio::test]
async fn every_crafted_certificate_ends_as_it_must() {
    let house = House::new();
    let authorities = [&[house.authority.pem()], &outdated::AUTHORITIES[..]].concat();
    house.write("clients.crt", &authorities.concat());
    let open = house.open().await;
    let mut forge = Forge { authority: &open.authority, made: Vec::new() };
    uris(&mut forge);
    lists_of_names(&mut forge);
    leaves(&mut forge);
    chains(&mut forge);
    outdated::weak_signatures(&mut forge);
    outdated::version_1(&mut forge);
    outdated::path_lengths(&mut forge);
    let made = forge.made;
    let mut wrong = Vec::new();
    let mut ends = Vec::new();
    for crafted in &made {
        let end = open.end_of(crafted).await;
        if end != crafted.end {
            wrong.push(format!("{}: {end:?}, not {:?}", crafted.what, crafted.end));
        }
        ends.push(end);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let count = |wanted: End| ends.iter().filter(|end| **end == wanted).count();
    let bad = made.iter().filter(|crafted| crafted.end != Accepted).count();
    println!(
        "{bad} of {bad} refused: {} in the handshake, {} as CALLER_UNKNOWN; {} of {} good ones accepted",
        count(Handshake),
        count(Unknown),
        count(Accepted),
        made.len() - bad
    );
    assert!(bad >= 60);
    let total = |metric: &str| {
        let number = |line: &String| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap();
        open.counted(metric).iter().map(number).sum::<usize>()
    };
    assert!(total("ionvault_tls_handshake_failures_total") >= count(Handshake));
    // Two connections each.
    assert_eq!(total("ionvault_unusable_identities_total"), 2 * count(Unknown));
    // As many lines as anybody would read, of the hundreds that there could be.
    assert!(!open.journal.lines("nobody is named by what a client presents").is_empty());
}
