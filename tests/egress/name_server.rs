//! A name server that says whatever a hostile one may (RFC 1035), to the system's own resolver.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

/// Answers every question on 127.0.0.1:53.
pub(crate) struct NameServer {
    zone: Arc<Mutex<HashMap<String, Zone>>>,
}

struct Zone {
    records: Records,
    asked_for_a: usize,
}

/// What is answered about a name.
#[derive(Clone)]
pub(crate) enum Records {
    /// One list of addresses for each time that somebody asks, and the last one from then on.
    Addresses(Vec<Vec<IpAddr>>),
    /// A chain of other names (CNAME), at whose end the addresses are.
    Alias(Vec<String>, Vec<IpAddr>),
    /// A response with this code (RCODE).
    Failure(u8),
    /// Bytes that are no response.
    Garbage,
}

impl Records {
    pub(crate) fn a(addresses: &[&str]) -> Self {
        Self::rounds(&[addresses])
    }

    pub(crate) fn rounds(rounds: &[&[&str]]) -> Self {
        Self::Addresses(rounds.iter().map(|round| parsed(round)).collect())
    }

    pub(crate) fn alias(names: &[&str], addresses: &[&str]) -> Self {
        let names = names.iter().map(|name| (*name).to_owned());
        Self::Alias(names.collect(), parsed(addresses))
    }
}

fn parsed(addresses: &[&str]) -> Vec<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:53").await.unwrap();
        let zone = Arc::new(Mutex::new(HashMap::new()));
        tokio::spawn(serve(socket, Arc::clone(&zone)));
        Self { zone }
    }

    /// From now on these are the records of `name`, and nobody has asked for them.
    pub(crate) fn set(&self, name: &str, records: Records) {
        let zone = Zone { records, asked_for_a: 0 };
        self.zone.lock().unwrap().insert(name.to_owned(), zone);
    }

    /// How often the IPv4 addresses of `name` were asked for.
    pub(crate) fn lookups(&self, name: &str) -> usize {
        self.zone.lock().unwrap()[name].asked_for_a
    }
}

async fn serve(socket: UdpSocket, zone: Arc<Mutex<HashMap<String, Zone>>>) {
    let mut query = [0; 512];
    loop {
        let (length, asker) = socket.recv_from(&mut query).await.unwrap();
        let response = respond(&query[..length], &mut zone.lock().unwrap());
        socket.send_to(&response, asker).await.unwrap();
    }
}

fn respond(query: &[u8], zone: &mut HashMap<String, Zone>) -> Vec<u8> {
    let (name, end) = question_name(query);
    let wants_v4 = query[end..end + 2] == A.to_be_bytes();
    let question = &query[12..end + 4];
    let Some(zone) = zone.get_mut(&name) else { return response(query, question, NAME_ERROR, &[]) };
    let round = zone.asked_for_a;
    zone.asked_for_a += usize::from(wants_v4);
    let mut answers = Vec::new();
    match &zone.records {
        Records::Failure(code) => return response(query, question, *code, &[]),
        Records::Garbage => return [&query[..2], &[0xff; 30]].concat(),
        Records::Addresses(rounds) => {
            // The question for IPv6 comes with that for IPv4, before or after it.
            let v6_round = zone.asked_for_a.saturating_sub(1);
            let round = if wants_v4 { round } else { v6_round };
            for address in &rounds[round.min(rounds.len() - 1)] {
                answers.extend(address_record(&name, *address, wants_v4));
            }
        }
        Records::Alias(names, addresses) => {
            let mut owner = &name;
            for alias in names {
                answers.push(record(owner, CNAME, &encoded(alias)));
                owner = alias;
            }
            for address in addresses {
                answers.extend(address_record(owner, *address, wants_v4));
            }
        }
    }
    response(query, question, 0, &answers)
}

fn address_record(owner: &str, address: IpAddr, wants_v4: bool) -> Option<Vec<u8>> {
    match address {
        IpAddr::V4(address) if wants_v4 => Some(record(owner, A, &address.octets())),
        IpAddr::V6(address) if !wants_v4 => Some(record(owner, AAAA, &address.octets())),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// A record of the class IN that may not be kept (TTL 0).
fn record(owner: &str, kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let fixed = [kind.to_be_bytes(), [0, 1], [0, 0], [0, 0], length.to_be_bytes()].concat();
    [encoded(owner), fixed, data.to_vec()].concat()
}

fn response(query: &[u8], question: &[u8], code: u8, answers: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(answers.len()).unwrap().to_be_bytes();
    let flags = [0x81, 0x80 | code];
    let head = [query[..2].to_vec(), flags.to_vec(), vec![0, 1], count.to_vec(), vec![0; 4]];
    [head.concat(), question.to_vec(), answers.concat()].concat()
}

/// The name that is asked for, in lower case, and where it ends.
fn question_name(query: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..end].to_ascii_lowercase()).unwrap());
        at = end;
    }
    (labels.join("."), at + 1)
}

fn encoded(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// RCODE: there is no such name.
const NAME_ERROR: u8 = 3;
