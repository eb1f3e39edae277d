//! Answers that would go on for ever, such as `WatchToken` and the health service's `Watch`, end
//! when their connection is about to.
//!
//! Without this a drain would wait out its time of grace for each of them, and an old connection
//! would break under them: their clients learn instead that they should call again.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Frame, SizeHint};
use hyper::body::Bytes;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::Status;
use tonic::body::Body;

use crate::grpc;

/// The body of an answer, on a connection that may have to end before it.
///
/// What is there to be sent is sent first, so an answer that has been made is never cut.
pub(super) struct Ending {
    body: Body,
    connection_ends: CancellationToken,
    /// Made when the body has nothing to send for the first time; most never do.
    waiting: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    over: bool,
}

impl Ending {
    pub(super) fn new(body: Body, connection_ends: CancellationToken) -> Self {
        Self { body, connection_ends, waiting: None, over: false }
    }
}

impl http_body::Body for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, connection_ends, waiting, over } = &mut *self;
        if *over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let waiting =
            waiting.get_or_insert_with(|| Box::pin(connection_ends.clone().cancelled_owned()));
        waiting.as_mut().poll(context).map(|()| {
            *over = true;
            // Whatever the stream holds, it holds for nobody now.
            *body = Body::empty();
            Some(Ok(Frame::trailers(grpc::connection_ends())))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;

    use http_body::Body as _;
    use http_body_util::StreamBody;
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;

    type Sender = tokio::sync::mpsc::Sender<Result<Frame<Bytes>, Status>>;

    /// The body of a stream, and the other end of it.
    fn stream(ends: &CancellationToken) -> (Ending, Sender) {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let body = Body::new(StreamBody::new(ReceiverStream::new(receiver)));
        (Ending::new(body, ends.clone()), sender)
    }

    fn poll(ending: &mut Ending) -> Poll<Option<Frame<Bytes>>> {
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(ending).poll_frame(&mut context).map(|frame| frame.map(Result::unwrap))
    }

    fn data(text: &'static str) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(text.as_bytes()))
    }

    #[tokio::test]
    async fn what_was_made_is_sent_before_the_end() {
        let ends = CancellationToken::new();
        let (mut ending, sender) = stream(&ends);
        sender.send(Ok(data("made"))).await.unwrap();
        ends.cancel();
        let Poll::Ready(Some(frame)) = poll(&mut ending) else { panic!("nothing came") };
        assert_eq!(frame.into_data().unwrap(), "made");
        let Poll::Ready(Some(frame)) = poll(&mut ending) else { panic!("no end came") };
        assert_eq!(frame.into_trailers().unwrap()["grpc-status"], "14");
        assert!(ending.is_end_stream());
        assert!(matches!(poll(&mut ending), Poll::Ready(None)));
        assert!(sender.is_closed(), "the stream is gone");
    }

    #[tokio::test]
    async fn a_stream_that_waits_is_woken_by_the_end() {
        struct Woken(tokio::sync::Notify);
        impl std::task::Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.notify_one();
            }
        }
        let ends = CancellationToken::new();
        let (mut ending, _sender) = stream(&ends);
        let woken = Arc::new(Woken(tokio::sync::Notify::new()));
        let waker = Waker::from(woken.clone());
        let polled = Pin::new(&mut ending).poll_frame(&mut Context::from_waker(&waker));
        assert!(polled.is_pending() && !ending.is_end_stream());
        ends.cancel();
        woken.0.notified().await;
        assert!(matches!(poll(&mut ending), Poll::Ready(Some(_))));
    }

    #[tokio::test]
    async fn what_ends_by_itself_ends_as_it_would() {
        let ends = CancellationToken::new();
        ends.cancel();
        let mut ending = Ending::new(Body::empty(), ends);
        assert!(ending.is_end_stream());
        assert!(matches!(poll(&mut ending), Poll::Ready(None)));
    }
}
