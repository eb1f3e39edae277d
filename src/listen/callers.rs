//! What a connection says about the callers of its requests.

use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;

use super::handshake::Rejections;
use crate::identity::{HeaderRule, ListenerName, Peer, UnusableIdentity};

/// Who calls on one connection. Cloned for each request, which costs one count of references.
#[derive(Clone)]
pub(super) enum Callers {
    /// The same one each time: it was known before the first request.
    One(Arc<Peer>),
    /// Whom each request names.
    Each {
        /// What the listener believes.
        reader: Arc<Reader>,
        /// The address of the one who passes the requests on; none on a Unix socket.
        address: Option<SocketAddr>,
    },
}

/// Reads the caller of each request of one listener.
pub(super) struct Reader {
    pub(super) listener: ListenerName,
    pub(super) rule: HeaderRule,
    pub(super) rejections: Rejections,
}

impl Callers {
    /// Where they come in.
    pub(super) fn listener(&self) -> ListenerName {
        match self {
            Self::One(peer) => peer.listener,
            Self::Each { reader, .. } => reader.listener,
        }
    }

    /// Who calls, if that is known before any request was read.
    pub(super) fn known(&self) -> Option<&Peer> {
        match self {
            Self::One(peer) => Some(peer),
            Self::Each { .. } => None,
        }
    }

    /// A caller that was not found out in time.
    pub(super) fn late(&self) -> Arc<Peer> {
        match self {
            Self::One(peer) => peer.clone(),
            Self::Each { reader, address } => Arc::new(Peer {
                caller: Err(UnusableIdentity::NotInTime),
                listener: reader.listener,
                address: *address,
            }),
        }
    }

    /// Who sent the request with these headers.
    pub(super) async fn of(&self, headers: &HeaderMap) -> Arc<Peer> {
        match self {
            Self::One(peer) => peer.clone(),
            Self::Each { reader, address } => Arc::new(reader.read(headers, *address).await),
        }
    }
}

impl Reader {
    async fn read(&self, headers: &HeaderMap, address: Option<SocketAddr>) -> Peer {
        let caller = self.rule.caller(headers).await;
        if let Err(reason) = &caller {
            self.rejections.identity(address, reason);
        }
        Peer { caller, listener: self.listener, address }
    }
}
