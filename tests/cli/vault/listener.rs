//! Where the scripted vault listens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};

use ionvault::pb::v1::audit_service_server::AuditServiceServer;
use ionvault::pb::v1::authorization_service_server::AuthorizationServiceServer;
use ionvault::pb::v1::credential_service_server::CredentialServiceServer;
use ionvault::pb::v1::token_service_server::TokenServiceServer;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};

use super::Script;

pub(super) enum Listener {
    Unix(PathBuf),
    Tls(Box<ServerTlsConfig>),
}

impl Listener {
    pub(super) async fn serve(
        self,
        script: Arc<Script>,
        listens: mpsc::Sender<Option<SocketAddr>>,
        stopped: oneshot::Receiver<()>,
    ) {
        let stopped = async { drop(stopped.await) };
        let credentials = CredentialServiceServer::from_arc(Arc::clone(&script));
        let tokens = TokenServiceServer::from_arc(Arc::clone(&script));
        let audit = AuditServiceServer::from_arc(Arc::clone(&script));
        let people = AuthorizationServiceServer::from_arc(script);
        match self {
            Self::Unix(path) => {
                let incoming = Sockets(UnixListener::bind(path).unwrap());
                listens.send(None).unwrap();
                let server = Server::builder().add_service(credentials).add_service(tokens);
                let server = server.add_service(people).add_service(audit);
                tokio::select! {
                    served = server.serve_with_incoming(incoming) => served.unwrap(),
                    () = stopped => {}
                }
            }
            Self::Tls(tls) => {
                let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
                listens.send(Some(incoming.local_addr().unwrap())).unwrap();
                let server = Server::builder().tls_config(*tls).unwrap();
                let mut server = server;
                let server = server.add_service(credentials).add_service(tokens);
                let server = server.add_service(people).add_service(audit);
                tokio::select! {
                    served = server.serve_with_incoming(incoming) => served.unwrap(),
                    () = stopped => {}
                }
            }
        }
    }
}

struct Sockets(UnixListener);

impl tokio_stream::Stream for Sockets {
    type Item = std::io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_accept(context).map(|accepted| Some(accepted.map(|(socket, _peer)| socket)))
    }
}
