//! `[listen.ops]`: probes and metrics over plain HTTP/1.1. Nothing secret is there, and nothing
//! can be changed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::bind::{BindError, tcp};
use crate::config::Ops;

/// What `[listen.ops]` shows. Both are asked at each request and must answer at once.
#[derive(Clone)]
pub struct Pages {
    /// Whether callers should be sent here; if not, one sentence why.
    pub ready: Arc<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// The metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// The socket of `[listen.ops]`.
pub(super) struct OpsSocket {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

impl OpsSocket {
    pub(super) async fn bind(config: &Ops) -> Result<Self, BindError> {
        let (listener, address) = tcp("listen.ops.address", config.address).await?;
        info!(%address, "listening for probes");
        Ok(Self { listener, address })
    }

    /// Shows the pages until `closed`; not ready any more from `drain` on.
    pub(super) async fn serve(
        self,
        pages: Pages,
        drain: &CancellationToken,
        closed: &CancellationToken,
    ) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = closed.cancelled() => break,
                Some(_ended) = connections.join_next() => {}
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                    match accepted {
                        Ok((stream, _)) => {
                            connections.spawn(answer(stream, pages.clone(), drain.clone()));
                        }
                        Err(error) => {
                            warn!(%error, "cannot accept a connection for probes");
                            sleep(ACCEPT_PAUSE).await;
                        }
                    }
                }
            }
        }
        connections.shutdown().await;
    }
}

/// One request per connection: a scraper that stays connected would gain nothing.
async fn answer(stream: TcpStream, pages: Pages, drain: CancellationToken) {
    let service = service_fn(|request: Request<Incoming>| {
        let page = page(&request, &pages, drain.is_cancelled());
        async { Ok::<_, Infallible>(page) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .max_buf_size(REQUEST_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // However it ends, the scraper tries again, and its failure shows at its own end.
    let _ended = timeout(CONNECTION_TIME_MAX, connection).await;
}

fn page(request: &Request<Incoming>, pages: &Pages, draining: bool) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n".to_owned());
    }
    match request.uri().path() {
        // Answering at all is the proof.
        "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" if draining => {
            text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n".to_owned())
        }
        "/readyz" => match (pages.ready)() {
            Ok(()) => text(StatusCode::OK, "ready\n".to_owned()),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        },
        "/metrics" => text(StatusCode::OK, (pages.metrics)()),
        _ => text(StatusCode::NOT_FOUND, "/livez, /readyz and /metrics are here\n".to_owned()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let plain = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// Two orchestrators and two scrapers at once are many; the others wait in the backlog.
const CONNECTIONS_MAX: usize = 32;

/// hyper's least; a probe has some 200 bytes.
const REQUEST_BYTES_MAX: usize = 8 * 1024;

/// From the first byte of the request to the last of the answer.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// As long as the doors for callers pause.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
