//! `[listen.admin]`: a Unix socket whose clients the kernel vouches for.

use std::io;
use std::sync::Arc;

use rustix::process::geteuid;
use tokio::net::UnixStream;
use tracing::{debug, info};

use super::bind::BindError;
use super::callers::Callers;
use super::door::{Socket, Stranger};
use super::handshake::Rejections;
use super::unix_socket::UnixSocket;
use crate::config::Admin;
use crate::identity::{ListenerName, Peer};
use crate::model::Caller;

/// The socket of `[listen.admin]`.
pub(super) struct AdminSocket {
    listener: UnixSocket,
    pub(super) reflection: bool,
    reception: Arc<Reception>,
}

/// What it takes to receive a client.
struct Reception {
    allowed_uids: Vec<u32>,
    rejections: Rejections,
}

impl AdminSocket {
    pub(super) fn bind(config: &Admin) -> Result<Self, BindError> {
        let Admin { socket, mode, allowed_uids, reflection } = config;
        let listener = UnixSocket::bind("listen.admin.socket", socket, *mode)?;
        info!(path = %socket.display(), "listening for administrators");
        Ok(Self {
            listener,
            reflection: *reflection,
            reception: Arc::new(Reception {
                allowed_uids: allowed_uids
                    .clone()
                    .unwrap_or_else(|| vec![ROOT, geteuid().as_raw()]),
                rejections: Rejections::new(ListenerName::Admin),
            }),
        })
    }
}

const ROOT: u32 = 0;

impl Socket for AdminSocket {
    type Stranger = LocalStranger;

    fn name(&self) -> ListenerName {
        ListenerName::Admin
    }

    async fn accept(&self) -> io::Result<LocalStranger> {
        let stream = self.listener.accept().await?;
        Ok(LocalStranger { stream, reception: self.reception.clone() })
    }
}

/// A local connection whose user was not looked at yet.
pub(super) struct LocalStranger {
    stream: UnixStream,
    reception: Arc<Reception>,
}

impl Stranger for LocalStranger {
    type Channel = UnixStream;

    async fn receive(self) -> Option<(UnixStream, Callers)> {
        let Self { stream, reception } = self;
        // The credentials are those at the time of connect(2); passing the descriptor on does
        // not change them (unix(7), SO_PEERCRED).
        let uid = match stream.peer_cred() {
            Ok(credentials) => credentials.uid(),
            Err(error) => {
                debug!(%error, "a local client left before it was asked who it is");
                return None;
            }
        };
        if !reception.allowed_uids.contains(&uid) {
            reception.rejections.user(uid);
            return None;
        }
        let caller = Ok(Caller::LocalUser(uid));
        let peer = Peer { caller, listener: ListenerName::Admin, address: None };
        Some((stream, Callers::One(Arc::new(peer))))
    }
}
