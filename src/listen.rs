//! Sockets, TLS and HTTP/2, with a limit on everything that a stranger could make grow.
//!
//! A connection passes [`door`] (accepted, counted), [`mtls`], [`jwt`], [`mesh`] or [`admin`] (who is it?),
//! [`connection`] (HTTP/2 with its limits and its age), and each of its calls passes [`call`]
//! (overload shed, peer attached, deadline kept) on its way to the services. Answers that would go on
//! for ever end with their connection ([`ending`]). New certificates are taken while all that goes on
//! ([`tls`]).

mod admin;
mod bind;
mod call;
mod callers;
mod connection;
mod door;
mod drain;
mod ending;
mod handshake;
mod jwt;
mod mesh;
mod mtls;
mod ops;
mod tls;
mod unix_socket;

pub use bind::BindError;
pub use drain::Drained;
pub use ops::Pages;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::config;
use crate::grpc::Entrance;
use crate::identity::Issuers;
use admin::AdminSocket;
use call::Calls;
use connection::Connections;
use door::{CONNECTIONS_OF_ADMINS_MAX, Door};
use jwt::JwtSocket;
use mesh::MeshSocket;
use mtls::MtlsSocket;
use ops::OpsSocket;
use tls::Renewal;

/// All sockets of the program, bound but not yet answering.
pub struct Listeners {
    mtls: Option<(MtlsSocket, Renewal)>,
    mesh: Option<MeshSocket>,
    jwt: Option<(JwtSocket, Renewal)>,
    admin: Option<AdminSocket>,
    ops: Option<OpsSocket>,
    issuers: Arc<Issuers>,
    limits: config::Limits,
}

impl Listeners {
    /// Binds what the configuration names and reads the certificates. Clients that connect wait
    /// until [`Listeners::serve`]. `issuers` are those of `[listen.jwt]`.
    ///
    /// # Errors
    ///
    /// [`BindError`], one sentence each; nothing stays bound, and no file was changed but a socket
    /// that nobody listened on.
    pub async fn bind(
        listeners: &config::Listeners,
        issuers: Arc<Issuers>,
        limits: config::Limits,
    ) -> Result<Self, BindError> {
        let config::Listeners { mtls, mesh, jwt, admin, ops } = listeners;
        let mut bound =
            Self { mtls: None, mesh: None, jwt: None, admin: None, ops: None, issuers, limits };
        if let Some(mtls) = mtls {
            bound.mtls = Some(MtlsSocket::bind(mtls, &bound.limits).await?);
        }
        if let Some(jwt) = jwt {
            let issuers = bound.issuers.clone();
            bound.jwt = Some(JwtSocket::bind(jwt, issuers, &bound.limits).await?);
        }
        if let Some(mesh) = mesh {
            bound.mesh = Some(MeshSocket::bind(mesh, &bound.limits).await?);
        }
        if let Some(ops) = ops {
            bound.ops = Some(OpsSocket::bind(ops).await?);
        }
        if let Some(admin) = admin {
            bound.admin = Some(AdminSocket::bind(admin)?);
        }
        Ok(bound)
    }

    /// Where `[listen.mtls]` listens, with the port that was taken.
    #[must_use]
    pub fn mtls_address(&self) -> Option<SocketAddr> {
        self.mtls.as_ref().map(|(socket, _)| socket.address)
    }

    /// Where `[listen.mesh]` listens, with the port that was taken; none on a Unix socket.
    #[must_use]
    pub fn mesh_address(&self) -> Option<SocketAddr> {
        self.mesh.as_ref().and_then(MeshSocket::address)
    }

    /// Where `[listen.jwt]` listens, with the port that was taken.
    #[must_use]
    pub fn jwt_address(&self) -> Option<SocketAddr> {
        self.jwt.as_ref().map(|(socket, _)| socket.address)
    }

    /// Where `[listen.ops]` listens, with the port that was taken.
    #[must_use]
    pub fn ops_address(&self) -> Option<SocketAddr> {
        self.ops.as_ref().map(|socket| socket.address)
    }

    /// Serves until `drain` is cancelled, then lets calls finish for at most `grace`.
    ///
    /// `services` makes the services of a listener, with reflection or without. Each request carries an
    /// `Arc<Peer>` among its extensions, and passes `entrance`; without one nothing is recorded, and
    /// the vault's own services refuse to work. `pages` is what `[listen.ops]` shows; it is up for as
    /// long as any call is in flight, and not ready from the drain on.
    ///
    /// Dropping the future ends all connections at once.
    pub async fn serve(
        self,
        services: impl Fn(bool) -> Routes,
        entrance: Option<Entrance>,
        pages: Pages,
        drain: CancellationToken,
        grace: Duration,
    ) -> Drained {
        let Self { mtls, mesh, jwt, admin, ops, issuers, limits } = self;
        let calls = Calls::new(&limits, entrance);
        let connections = Arc::new(Connections::new(&limits, drain.clone()));
        let door = |reflection, connections_max| Door {
            connections_max,
            calls: calls.clone(),
            routes: services(reflection).prepare(),
            connections: connections.clone(),
            drain: drain.clone(),
            grace,
        };
        let mtls = async {
            let Some((socket, renewal)) = mtls else { return Drained::default() };
            tokio::select! {
                drained = door(socket.reflection, limits.connections).serve(socket) => drained,
                never = renewal.run() => match never {},
            }
        };
        let mesh = async {
            let Some(socket) = mesh else { return Drained::default() };
            door(socket.reflection, limits.connections).serve(socket).await
        };
        let jwt = async {
            let Some((socket, renewal)) = jwt else { return Drained::default() };
            tokio::select! {
                drained = door(socket.reflection, limits.connections).serve(socket) => drained,
                never = renewal.run() => match never {},
            }
        };
        let admin = async {
            let Some(socket) = admin else { return Drained::default() };
            door(socket.reflection, CONNECTIONS_OF_ADMINS_MAX).serve(socket).await
        };
        let closed = CancellationToken::new();
        let callers = async {
            let (mtls, mesh, jwt, admin) = tokio::join!(mtls, mesh, jwt, admin);
            closed.cancel();
            mtls + mesh + jwt + admin
        };
        let ops = async {
            if let Some(socket) = ops {
                socket.serve(pages, &drain, &closed).await;
            }
        };
        tokio::join!(callers, ops, issuers.keep_keys(&drain)).0
    }
}
