//! One HTTP/2 connection, from its first frame to its last.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tracing::debug;

use super::call::Calls;
use super::callers::Callers;
use super::ending::Ending;
use crate::config::Limits;

/// How connections are served.
///
/// tonic's own server is not used: with a time of grace it never asks an old connection to end
/// before it cuts it, its tasks are detached, and it leaves two of hyper's limits unset.
pub(super) struct Connections {
    http2: http2::Builder<TokioExecutor>,
    age_max: Duration,
    age_grace: Duration,
    drain: CancellationToken,
}

impl Connections {
    pub(super) fn new(limits: &Limits, drain: CancellationToken) -> Self {
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams_per_connection)
            .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
            .max_local_error_reset_streams(ERROR_RESETS_MAX)
            .max_header_list_size(HEADER_LIST_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
            .keep_alive_interval(limits.keepalive)
            .keep_alive_timeout(limits.keepalive_timeout);
        Self {
            http2,
            age_max: limits.connection_age,
            age_grace: limits.connection_age_grace,
            drain,
        }
    }

    /// Serves until the client leaves, or the connection is old, or the drain begins; in the two
    /// latter cases the client is told (GOAWAY), its calls in flight may finish, and its streams end.
    /// Dropping the future drops the calls.
    pub(super) async fn serve<C>(&self, channel: C, calls: Calls, callers: Callers, routes: Routes)
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let ends = CancellationToken::new();
        let service = service_fn(|request| {
            let (answer, ends) =
                (calls.clone().answer(callers.clone(), routes.clone(), request), ends.clone());
            async { Ok::<_, Infallible>(answer.await?.map(|body| Ending::new(body, ends))) }
        });
        let mut connection = pin!(self.http2.serve_connection(TokioIo::new(channel), service));
        let grace = tokio::select! {
            ended = &mut connection => return told(ended),
            // The listener that drains knows its time of grace, and cuts.
            () = self.drain.cancelled() => Duration::MAX,
            () = sleep(spread(self.age_max)) => self.age_grace,
        };
        connection.as_mut().graceful_shutdown();
        ends.cancel();
        match timeout(grace, connection).await {
            Ok(ended) => told(ended),
            Err(_elapsed) => debug!("cut an old connection whose calls did not end"),
        }
    }
}

/// How clients end their connections is their affair, and worth a line only to who looks for it.
fn told(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        debug!(%error, "a connection broke");
    }
}

/// `age` ± 10 %: connections that began together must not all come back together.
fn spread(age: Duration) -> Duration {
    let share = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    age.mul_f64(0.9 + share / 5.0)
}

/// Streams that the client reset before they were looked at; more is an attack (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;

/// Streams that the client's errors made us reset; more is an attack (RUSTSEC-2024-0003).
const ERROR_RESETS_MAX: usize = 1024;

/// A gRPC request has some 500 bytes of headers; a trace context and a JWT fit, too.
const HEADER_LIST_BYTES_MAX: u32 = 8 * 1024;

/// Bounds what a client may send unread: the largest message is twice this.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;

/// As above, for all streams of a connection together.
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Bounds what waits for a client that does not read; answers have some KiB.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_stay_within_ten_percent_and_differ() {
        let hour = Duration::from_secs(3600);
        let ages: Vec<_> = (0..64).map(|_| spread(hour)).collect();
        let range = Duration::from_secs(3240)..=Duration::from_secs(3960);
        assert!(ages.iter().all(|age| range.contains(age)), "{ages:?}");
        assert!(ages.iter().any(|age| *age != ages[0]), "{ages:?}");
    }
}
