//! Servers that never come to an end, or never to a beginning.

use std::time::Duration;

use tokio::time::Instant;

use crate::memory::Memory;
use crate::server::{HostileServer, Script, Then, Tls};
use crate::{Asking, told};

/// The port promises it.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(10);

/// Asks each of them. How many there were, and the longest time that one of those took that only
/// time ends.
pub(crate) async fn survived(asking: &Asking, memory: &mut Memory) -> (usize, Duration) {
    let endless = endless();
    let silent = silent();
    let count = endless.len() + silent.len();
    let mut surprises = Vec::new();
    for (what, script, expected) in endless {
        let server = HostileServer::start(&asking.identity, script).await;
        let outcome = memory.during(what, asking.exchange(&server.url())).await;
        if told(&outcome) != expected {
            surprises.push(format!("{what}: {}", told(&outcome)));
        }
    }
    let mut longest = Duration::ZERO;
    for (what, script, expected) in silent {
        let server = HostileServer::start(&asking.identity, script).await;
        let url = server.url();
        let patience = async {
            let exchange = asking.exchange(&url);
            tokio::pin!(exchange);
            tokio::select! {
                outcome = &mut exchange => panic!("{what}: {} before it talked", told(&outcome)),
                () = server.talks() => {}
            }
            // No machine is too slow for this clock: it goes on when everybody waits.
            tokio::time::pause();
            let began = Instant::now();
            let outcome = exchange.await;
            let took = began.elapsed();
            tokio::time::resume();
            (outcome, took)
        };
        let (outcome, took) = memory.during(what, patience).await;
        if told(&outcome) != expected {
            surprises.push(format!("{what}: {}", told(&outcome)));
        }
        assert!(took <= EXCHANGE_TIME_MAX, "{what} took {took:?}");
        longest = longest.max(took);
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    (count, longest)
}

type Server = (&'static str, Script, &'static str);

/// The vault's limits on what it reads end these.
fn endless() -> Vec<Server> {
    let head = b"HTTP/1.1 200 OK\r\n";
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".as_slice();
    let repeat = |bytes: &[u8]| Then::Repeat(bytes.into());
    let not_http = "misbehaved: its answer is not HTTP";
    let without_end = "misbehaved: it sends without end";
    let too_long = "misbehaved: its answer is too long";
    let no_tls = "unreachable: the TLS handshake failed";
    let broken = "unavailable: the connection broke before the answer was complete";
    let good = b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"planted\",\"token_type\":\"Bearer\"}";
    vec![
        ("HTTP in the clear", Script::in_the_clear(head, Then::Hang), no_tls),
        (
            "a handshake message of 16 MiB",
            Script::in_the_clear(&handshake(0xff_ffff), repeat(&handshake_more())),
            no_tls,
        ),
        (
            "a handshake of alerts",
            Script::in_the_clear(b"", repeat(b"\x15\x03\x03\0\x02\x01\x5a")),
            no_tls,
        ),
        ("a handshake of nothing", Script::in_the_clear(b"", repeat(b"\x16\x03\x03\0\0")), no_tls),
        (
            "session tickets without end",
            Script { tls: Tls::Tickets, ..Script::new(b"", Then::End) },
            not_http,
        ),
        ("a head without end", Script::new(head, repeat(b"x: planted\r\n")), not_http),
        (
            "a header without end",
            Script::new(b"HTTP/1.1 200 OK\r\nx: ", repeat(&[b'y'; 4096])),
            not_http,
        ),
        ("a reason without end", Script::new(b"HTTP/1.1 200 ", repeat(&[b'y'; 4096])), not_http),
        ("empty lines without end", Script::new(b"", repeat(&b"\r\n".repeat(1024))), not_http),
        (
            "interim answers without end",
            Script::new(b"", repeat(b"HTTP/1.1 100 Continue\r\n\r\n")),
            without_end,
        ),
        ("early hints without end", Script::new(b"", repeat(&hints())), without_end),
        (
            "a body without end",
            Script::new(b"HTTP/1.1 200 OK\r\n\r\n", repeat(&[b' '; 4096])),
            too_long,
        ),
        (
            "a body as long as numbers go",
            Script::new(
                b"HTTP/1.1 200 OK\r\ncontent-length: 9223372036854775807\r\n\r\n",
                repeat(&[b' '; 4096]),
            ),
            too_long,
        ),
        (
            "a body longer than numbers go",
            Script::new(
                b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
                Then::Hang,
            ),
            not_http,
        ),
        (
            "two lengths",
            Script::new(
                b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nplanted",
                Then::Hang,
            ),
            not_http,
        ),
        (
            "chunks without end",
            Script::new(chunked, repeat(&[b"400\r\n".as_slice(), &[b' '; 1024], b"\r\n"].concat())),
            too_long,
        ),
        ("chunks of one byte", Script::new(chunked, repeat(b"1\r\n \r\n")), without_end),
        (
            "a chunk of all memory",
            Script::new(&[chunked, b"FFFFFFFFFFFFFFFF\r\n"].concat(), repeat(&[b' '; 4096])),
            too_long,
        ),
        (
            "a chunk size without end",
            Script::new(&[chunked, b"0000"].concat(), repeat(&[b'0'; 4096])),
            without_end,
        ),
        (
            "a chunk size that is none",
            Script::new(&[chunked, b"planted\r\n"].concat(), Then::Hang),
            not_http,
        ),
        (
            "a chunk extension without end",
            Script::new(&[chunked, b"1;x="].concat(), repeat(&[b'y'; 4096])),
            not_http,
        ),
        (
            "trailers without end",
            Script::new(&[chunked, b"0\r\n"].concat(), repeat(b"x: planted\r\n")),
            not_http,
        ),
        (
            "a compressed answer",
            Script::new(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b",
                repeat(&[0; 4096]),
            ),
            "misbehaved: it compressed an answer that must not be",
        ),
        (
            "another protocol",
            Script::new(
                b"HTTP/1.1 101 Switching Protocols\r\nupgrade: planted\r\n\r\n",
                Then::Hang,
            ),
            "misbehaved: its answer is empty",
        ),
        ("HTTP/2", Script::new(b"\0\0\0\x04\0\0\0\0\0", Then::Hang), not_http),
        (
            "an answer from before HTTP",
            Script::new(b"{\"access_token\":\"planted\"}", Then::End),
            not_http,
        ),
        ("nothing", Script::new(b"", Then::End), broken),
        ("nothing, and no end", Script::new(b"", Then::Break), broken),
        (
            "half an answer",
            Script::new(
                b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"access_token\":",
                Then::End,
            ),
            broken,
        ),
        // Whoever cuts the connection must not decide where an answer ends.
        ("an answer that is cut off", Script::new(good, Then::Break), broken),
    ]
}

/// Only time ends these.
fn silent() -> Vec<Server> {
    let late = "unavailable: it did not answer in time";
    let no_connection = "unreachable: no connection came about in time";
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n".as_slice();
    let drip = |bytes: &[u8]| Then::Drip(bytes.into());
    vec![
        ("no handshake", Script::in_the_clear(b"", Then::Hang), no_connection),
        (
            "a handshake that drips",
            Script::in_the_clear(b"\x16\x03\x03\x40\0\x02", drip(b"\0")),
            no_connection,
        ),
        ("no answer", Script::new(b"", Then::Hang), late),
        ("an answer that drips", Script::new(b"", drip(b"HTTP/1.1 200 OK\r\n")), late),
        ("a head that drips", Script::new(b"HTTP/1.1 200 OK\r\n", drip(b"x: planted\r\n")), late),
        ("a body that never comes", Script::new(head, Then::Hang), late),
        ("a body that drips", Script::new(head, drip(b" ")), late),
        (
            "chunks that drip",
            Script::new(
                b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                drip(b"1\r\n \r\n"),
            ),
            late,
        ),
        (
            "interim answers that drip",
            Script::new(b"", drip(b"HTTP/1.1 100 Continue\r\n\r\n")),
            late,
        ),
        (
            "a body whose end never comes",
            Script::new(&[b"HTTP/1.1 200 OK\r\n\r\n", b"{}".as_slice()].concat(), Then::Hang),
            late,
        ),
    ]
}

/// A record that begins a ServerHello of this length (RFC 8446, sections 4 and 5.1).
fn handshake(length: u32) -> Vec<u8> {
    let body = [&[2], &length.to_be_bytes()[1..], &[0; 4096 - 4]].concat();
    [b"\x16\x03\x03\x10\0".as_slice(), &body].concat()
}

fn handshake_more() -> Vec<u8> {
    [b"\x16\x03\x03\x10\0".as_slice(), &[0; 4096]].concat()
}

fn hints() -> Vec<u8> {
    format!("HTTP/1.1 103 Early Hints\r\nlink: <{}>\r\n\r\n", "y".repeat(1024)).into_bytes()
}
