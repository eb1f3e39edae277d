//! A call down to its bytes: all that a caller can see of an answer.

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::ServiceExt as _;

/// What came back, up to the first message or the end.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) http: http::StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) message: Option<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    /// The message of a call that succeeded, or why it did not.
    pub(crate) fn result(&self) -> Result<Bytes, Status> {
        if let Some(message) = &self.message {
            return Ok(message.clone());
        }
        let status = [Some(&self.headers), self.trailers.as_ref()]
            .into_iter()
            .flatten()
            .find_map(Status::from_header_map)
            .unwrap();
        assert_ne!(status.code(), Code::Ok, "a call that succeeds has a message");
        Err(status)
    }
}

/// Sends one message to `path`, and reads the answer up to its first message or its end.
pub(crate) async fn send(channel: &Channel, path: &str, message: &[u8]) -> Answer {
    // gRPC's frame: not compressed, and the length.
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    let request = Request::post(format!("http://pipe.invalid{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Full::new(Bytes::from(frame))))
        .unwrap();
    let response = channel.clone().oneshot(request).await.unwrap();
    let (parts, mut body) = response.into_parts();
    let (mut read, mut trailers) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.unwrap().into_data() {
            Ok(data) => read.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if is_whole(&read) {
            break;
        }
    }
    let message = is_whole(&read).then(|| Bytes::from(read).slice(FRAME_HEADER_BYTES..));
    Answer { http: parts.status, headers: parts.headers, message, trailers }
}

fn is_whole(read: &[u8]) -> bool {
    let Some((mut header, message)) = read.split_at_checked(FRAME_HEADER_BYTES) else {
        return false;
    };
    header.advance(1);
    message.len() >= header.get_u32() as usize
}

const FRAME_HEADER_BYTES: usize = 5;
