//! One question and one answer over an open connection, in HTTP/1.1.
//!
//! With one request per connection HTTP/2 gains nothing, and its framing would be one more thing
//! for a hostile server to play with.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use url::Url;
use zeroize::Zeroizing;

use super::failure;
use crate::ports::ExchangeError;

/// What is asked.
pub(in crate::adapters) enum Question {
    /// A document.
    Get,
    /// What comes of this form.
    Post(Zeroizing<Vec<u8>>),
    /// That this signed note is kept.
    Note(String),
}

/// What came back: the head, and the body or why it is not read.
pub(in crate::adapters) struct Answer {
    pub(in crate::adapters) status: StatusCode,
    pub(in crate::adapters) headers: HeaderMap,
    pub(in crate::adapters) body: Result<Zeroizing<Vec<u8>>, &'static str>,
}

/// Asks `url`. The body of the answer is read where `needs_body` says so of the status.
/// Without a bound on time: the caller has one.
pub(super) async fn ask(
    connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    url: &Url,
    question: Question,
    needs_body: fn(StatusCode) -> bool,
) -> Result<Answer, ExchangeError> {
    let request = request(url, question)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(|error| failure::of_conversation(&error))?;
    let conversation = async move {
        let response = sender.send_request(request).await;
        let response = response.map_err(|error| failure::of_conversation(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match needs_body(status) {
            true => read(response).await?,
            false => Err("it was not needed"),
        };
        Ok(Answer { status, headers, body })
    };
    // Why the connection ends is told to the conversation, at the latest when the connection is
    // dropped; it then ends by itself.
    let never_first = async move {
        let _told = connection.await;
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        biased;
        answered = conversation => answered,
        never = never_first => match never {},
    }
}

fn request(url: &Url, question: Question) -> Result<Request<Full<Bytes>>, ExchangeError> {
    let host = url.host_str().unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let (request, body) = match question {
        Question::Get => (Request::get(url.path()), Bytes::new()),
        Question::Post(form) => {
            let request = Request::post(url.path());
            let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
            (request, Bytes::from_owner(form))
        }
        Question::Note(note) => {
            let request = Request::post(url.path());
            (request.header(CONTENT_TYPE, "text/plain; charset=utf-8"), Bytes::from(note))
        }
    };
    request
        .header(HOST, authority)
        .header(USER_AGENT, OUR_NAME)
        .header(ACCEPT, "application/json")
        .body(Full::new(body))
        .map_err(|_invalid| ExchangeError::AddressNotAllowed("its path fits into no request"))
}

/// Reads chunk by chunk. No copy of the answer is left behind unwiped (but for those of the HTTP
/// library, which cannot be wiped).
async fn read(
    response: Response<Incoming>,
) -> Result<Result<Zeroizing<Vec<u8>>, &'static str>, ExchangeError> {
    let coding = response.headers().get(CONTENT_ENCODING);
    if coding.is_some_and(|coding| coding != "identity") {
        return Ok(Err("it compressed an answer that must not be"));
    }
    let mut incoming = response.into_body();
    if incoming.size_hint().lower() > ANSWER_BYTES_MAX as u64 {
        return Ok(Err(TOO_LONG));
    }
    let mut body = Zeroizing::new(Vec::with_capacity(USUAL_ANSWER_BYTES));
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| failure::of_conversation(&error))?;
        // Trailers say nothing that is asked for.
        let Ok(chunk) = frame.into_data() else { continue };
        if chunk.len() > ANSWER_BYTES_MAX - body.len() {
            return Ok(Err(TOO_LONG));
        }
        append(&mut body, &chunk);
    }
    Ok(Ok(body))
}

/// Moves to a larger buffer by hand: a `Vec` that grows leaves what it held behind. The old buffer
/// is wiped as a whole when it is dropped.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * body.capacity())));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

const OUR_NAME: &str = concat!("ionvault/", env!("CARGO_PKG_VERSION"));

const TOO_LONG: &str = "its answer is too long";

/// Infor's answers are below 4 KiB.
const USUAL_ANSWER_BYTES: usize = 4 * 1024;

/// 16 times as much leaves room for long tokens.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Some 20 are usual, with those that gateways add.
const HEADERS_MAX: usize = 100;

/// The status line and all headers, and the library's buffers. Gateways allow about as much.
const HEAD_BYTES_MAX: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_grows_by_moving_and_keeps_what_it_holds() {
        let mut body = Zeroizing::new(Vec::with_capacity(4));
        for chunk in [&b"abc"[..], b"d", b"", b"efghij", b"k", b"lmnopqrstu"] {
            append(&mut body, chunk);
        }
        assert_eq!(body.as_slice(), b"abcdefghijklmnopqrstu");
        assert!(body.capacity() <= 40, "{}", body.capacity());
    }
}
