//! A bound on all that a server can make us read.
//!
//! It lies below TLS, so it bounds at once what no other limit sees: interim answers (1xx) and chunk
//! extensions without end, chunks of one byte, session tickets, key updates, certificate chains.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection of which no more than the allowance is read.
pub(super) struct Allowance<S> {
    connection: S,
    bytes_left: usize,
}

/// The server sent more than it may.
#[derive(Debug, thiserror::Error)]
#[error("the server sent more than it may")]
pub(super) struct Exceeded;

impl<S> Allowance<S> {
    pub(super) fn new(connection: S) -> Self {
        Self { connection, bytes_left: READ_BYTES_MAX }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Allowance<S> {
    /// The last read may pass the allowance by one buffer; the next one fails.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.bytes_left == 0 {
            return Poll::Ready(Err(io::Error::other(Exceeded)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.connection).poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before);
        this.bytes_left = this.bytes_left.saturating_sub(read);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Allowance<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().connection).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_shutdown(context)
    }
}

/// An answer of 64 KiB, a head of 16 KiB, and a handshake, whose certificates may have 64 KiB; the
/// rest is what honest servers spend on frames.
const READ_BYTES_MAX: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_the_allowance_and_one_buffer() {
        let mut endless = Allowance::new(tokio::io::join(tokio::io::repeat(7), tokio::io::sink()));
        let (mut buffer, mut read) = ([0; 1000], 0);
        let error = loop {
            match endless.read(&mut buffer).await {
                Ok(count) => read += count,
                Err(error) => break error,
            }
        };
        assert!(error.get_ref().unwrap().is::<Exceeded>());
        assert!((READ_BYTES_MAX..READ_BYTES_MAX + buffer.len()).contains(&read), "{read}");
    }
}
