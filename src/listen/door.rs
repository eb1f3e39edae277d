//! Accepts the connections of one listener, and sees the last one out.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tracing::{error, info, warn};

use super::call::Calls;
use super::callers::Callers;
use super::connection::Connections;
use super::drain::Drained;
use crate::identity::ListenerName;

/// A listening socket.
pub(super) trait Socket: Send {
    /// What it accepts.
    type Stranger: Stranger;

    /// The section of the configuration that it comes from.
    fn name(&self) -> ListenerName;

    /// The next connection. Dropping the future loses none.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stranger>> + Send;
}

/// A connection that was accepted, its client still unknown.
pub(super) trait Stranger: Send + 'static {
    /// The connection once its bytes are HTTP/2.
    type Channel: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// Finds out who calls on it, within a bounded time. `None`: it was turned away, which has been
    /// logged and counted.
    fn receive(self) -> impl Future<Output = Option<(Self::Channel, Callers)>> + Send;
}

/// What one listener leads to.
pub(super) struct Door {
    pub(super) connections_max: usize,
    pub(super) calls: Calls,
    pub(super) routes: Routes,
    pub(super) connections: Arc<Connections>,
    pub(super) drain: CancellationToken,
    pub(super) grace: Duration,
}

impl Door {
    /// Accepts until the drain begins, then waits for the connections to end.
    pub(super) async fn serve(self, socket: impl Socket) -> Drained {
        let listener = socket.name();
        let open = gauge!("ionvault_connections", "listener" => listener.as_str());
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = self.drain.cancelled() => break,
                Some(ended) = connections.join_next() => report(listener, ended),
                accepted = socket.accept() => match accepted {
                    Ok(_) if connections.len() >= self.connections_max => refuse(listener),
                    Ok(stranger) => {
                        connections.spawn(self.welcome(stranger));
                    }
                    Err(error) => {
                        // Mostly a lack of file descriptors, which only time can cure.
                        warn!(%listener, %error, "cannot accept a connection");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
            open.set(count(connections.len()));
        }
        // From here on the system refuses newcomers at once.
        drop(socket);
        info!(%listener, connections = connections.len(), "closed; calls in flight may finish");
        let last = async {
            while let Some(ended) = connections.join_next().await {
                report(listener, ended);
            }
        };
        let cut = match timeout(self.grace, last).await {
            Ok(()) => 0,
            Err(_elapsed) => connections.len(),
        };
        connections.shutdown().await;
        open.set(0.0);
        Drained { cut }
    }

    /// The whole life of one connection.
    fn welcome<S: Stranger>(&self, stranger: S) -> impl Future<Output = ()> + Send + use<S> {
        let (calls, routes) = (self.calls.clone(), self.routes.clone());
        let (connections, drain) = (self.connections.clone(), self.drain.clone());
        async move {
            // Who has not come in yet when the drain begins can as well go elsewhere.
            let received = drain.run_until_cancelled(stranger.receive()).await;
            if let Some(Some((channel, callers))) = received {
                connections.serve(channel, calls, callers, routes).await;
            }
        }
    }
}

/// Closing at once tells the client to try another replica; letting it wait would not. Not logged:
/// a flood must not become a flood of lines, and the counter tells the same.
fn refuse(listener: ListenerName) {
    counter!("ionvault_connections_refused_total", "listener" => listener.as_str()).increment(1);
}

/// A connection ends by itself, or a bug ends it; the panic's own text may hold anything.
fn report(listener: ListenerName, ended: Result<(), JoinError>) {
    if ended.is_err() {
        error!(%listener, "a connection ended in a panic");
    }
}

#[expect(clippy::cast_precision_loss, reason = "connections are fewer than 2^52")]
fn count(connections: usize) -> f64 {
    connections as f64
}

/// Long enough not to burn a core, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Administrators have doors of their own, so that they get in while services flood the other one.
pub(super) const CONNECTIONS_OF_ADMINS_MAX: usize = 64;
