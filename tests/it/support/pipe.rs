//! A client and a server at the two ends of an in-memory pipe, with an identity on it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper_util::rt::TokioIo;
use ionvault::grpc::{Entrance, Health, Services};
use ionvault::identity::{ListenerName, Peer, UnusableIdentity};
use ionvault::model::Caller;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tonic::body::Body;
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Server};
use tower::{Service, ServiceExt as _};

/// Serves on one end of a pipe and returns a client on the other.
pub(crate) async fn connect(
    services: Services,
    entrance: Entrance,
    caller: Result<Caller, UnusableIdentity>,
) -> Channel {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let peer = Arc::new(Peer { caller, listener: ListenerName::Mtls, address: None });
    let (_, health) = Health::new().await;
    let routes = services.routes(health, true);
    tokio::spawn(
        Server::builder()
            .layer(tower::layer::layer_fn(move |routes| through(entrance.clone(), routes)))
            .add_routes(routes)
            .serve_with_incoming(tokio_stream::once(Ok::<_, std::io::Error>(Pipe {
                stream: server,
                peer,
            }))),
    );
    let mut client = Some(client);
    let connector = tower::service_fn(move |_| {
        let client = client.take().ok_or_else(|| std::io::Error::other("a pipe connects once"));
        async move { client.map(TokioIo::new) }
    });
    // The protocol's own window: what a client does not read is not to pile up in the test.
    let endpoint = Endpoint::from_static("http://pipe.invalid").initial_stream_window_size(65_535);
    endpoint.connect_with_connector(connector).await.unwrap()
}

/// What `listen` does with each call.
fn through<S>(
    entrance: Entrance,
    routes: S,
) -> impl Service<
    Request<Body>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ Send
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    tower::service_fn(move |request| {
        let (entrance, routes) = (entrance.clone(), routes.clone());
        async move {
            let answer = |request| async move {
                let Ok(answer) = routes.oneshot(request).await;
                answer
            };
            Ok(entrance.pass(request, answer).await)
        }
    })
}

struct Pipe {
    stream: DuplexStream,
    peer: Arc<Peer>,
}

impl Connected for Pipe {
    type ConnectInfo = Arc<Peer>;

    fn connect_info(&self) -> Arc<Peer> {
        self.peer.clone()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
