//! The limits of HTTP/2, frame by frame (RFC 9113).

use std::time::Duration;

use rustls::version::TLS13;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::house::{House, Open};

/// What a client says first (section 3.4), with settings that are all left as they are.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;
const CANCEL: u32 = 8;

/// `POST http://localhost/` from HPACK's static table (RFC 7541, appendix A).
const POST: &[u8] = b"\x83\x86\x84\x01\x09localhost";

struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Everything until the server closes.
async fn frames_until_the_end(mut stream: TlsStream<TcpStream>) -> Vec<Frame> {
    let mut bytes = Vec::new();
    // A reset instead of a farewell ends it as well; what came before counts.
    let _ended = stream.read_to_end(&mut bytes).await;
    let mut frames = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((head, after)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, next)) = after.split_at_checked(length) else { break };
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        frames.push(Frame { kind: head[3], stream, payload: payload.to_vec() });
        rest = next;
    }
    frames
}

fn goaway(frames: &[Frame]) -> Option<u32> {
    let frame = frames.iter().rfind(|frame| frame.kind == GOAWAY)?;
    Some(u32::from_be_bytes(frame.payload[4..8].try_into().unwrap()))
}

impl Open {
    async fn http2(&self) -> TlsStream<TcpStream> {
        let config = self.authority.trusting(Some(&self.good()), &[&TLS13]);
        let mut stream = self.handshake(config).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        stream
    }

    /// Sends all of it in one go; what the server says of it, at the end.
    async fn verdict(&self, bytes: &[u8]) -> Option<u32> {
        let mut stream = self.http2().await;
        // The server may stop reading half-way.
        let _sent = stream.write_all(bytes).await;
        goaway(&frames_until_the_end(stream).await)
    }
}

#[tokio::test]
async fn a_client_is_told_the_limits() {
    let mut house = House::new();
    house.limits.streams_per_connection = 77;
    // Soon over, since this client answers no PING.
    house.limits.keepalive = Duration::from_millis(20);
    house.limits.keepalive_timeout = Duration::from_millis(20);
    let open = house.open().await;
    let frames = frames_until_the_end(open.http2().await).await;
    let settings = frames.iter().find(|frame| frame.kind == SETTINGS).unwrap();
    let setting = |id: u16| {
        let found = settings.payload.chunks(6).find(|pair| pair[..2] == id.to_be_bytes())?;
        Some(u32::from_be_bytes(found[2..].try_into().unwrap()))
    };
    // Section 6.5.2: MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE.
    assert_eq!([setting(3), setting(4), setting(6)], [Some(77), Some(64 * 1024), Some(8 * 1024)]);
    // The window of the whole connection begins at 65,535 and is opened further (section 6.9.2).
    let window = frames.iter().find(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 0);
    let opened = u32::from_be_bytes(window.unwrap().payload[..].try_into().unwrap());
    assert_eq!(opened + 65_535, 1024 * 1024);
}

/// CVE-2023-44487: calls that are taken back at once cost the client nothing and the server much.
#[tokio::test]
async fn a_client_that_takes_its_calls_back_is_sent_away() {
    let open = House::new().open().await;
    let mut flood = Vec::new();
    for stream in (1..400).step_by(2) {
        flood.extend(frame(HEADERS, END_HEADERS, stream, POST));
        flood.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    assert_eq!(open.verdict(&flood).await, Some(ENHANCE_YOUR_CALM));
}

/// CVE-2025-8671: the same by mistakes that make the server take the calls back.
#[tokio::test]
async fn a_client_that_makes_the_server_take_calls_back_is_sent_away() {
    let open = House::new().open().await;
    let mut flood = Vec::new();
    for stream in (1..4000).step_by(2) {
        flood.extend(frame(HEADERS, END_HEADERS, stream, POST));
        // A window beyond 2^31 - 1 is an error of its stream (section 6.9.1).
        flood.extend(frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes()));
    }
    assert_eq!(open.verdict(&flood).await, Some(ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn a_client_that_is_gone_without_a_word_is_noticed() {
    let mut house = House::new();
    house.limits.keepalive = Duration::from_millis(20);
    house.limits.keepalive_timeout = Duration::from_millis(20);
    let open = house.open().await;
    // It reads, but never answers the question.
    let frames = frames_until_the_end(open.http2().await).await;
    assert!(frames.iter().any(|frame| frame.kind == PING));
}
