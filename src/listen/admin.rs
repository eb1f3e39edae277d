//! `[listen.admin]`: a Unix socket whose clients the kernel vouches for.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, info};

use super::bind::BindError;
use super::callers::Callers;
use super::door::{Socket, Stranger};
use super::handshake::Rejections;
use crate::config::Admin;
use crate::identity::{ListenerName, Peer};
use crate::model::Caller;

/// The socket of `[listen.admin]`; dropping it removes its file.
pub(super) struct AdminSocket {
    listener: UnixListener,
    pub(super) reflection: bool,
    reception: Arc<Reception>,
    _file: SocketFile,
}

/// What it takes to receive a client.
struct Reception {
    allowed_uids: Vec<u32>,
    rejections: Rejections,
}

impl AdminSocket {
    pub(super) fn bind(config: &Admin) -> Result<Self, BindError> {
        let Admin { socket, mode, allowed_uids, reflection } = config;
        let failed = |source| BindError::Socket { path: socket.clone(), source };
        make_room(socket)?;
        let listener = UnixListener::bind(socket).map_err(|source| {
            if source.kind() == io::ErrorKind::AddrInUse {
                BindError::SocketInUse { path: socket.clone() }
            } else {
                failed(source)
            }
        })?;
        let file = SocketFile::of(socket).map_err(failed)?;
        // Whoever connects before this is still asked for its user id.
        fs::set_permissions(socket, Permissions::from_mode(*mode)).map_err(failed)?;
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
            _file: file,
        })
    }
}

const ROOT: u32 = 0;

/// Removes a socket that a killed process left behind, and nothing else.
fn make_room(path: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Socket { path: path.to_owned(), source };
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !file.file_type().is_socket() {
        return Err(BindError::NotASocket { path: path.to_owned() });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
        Ok(_) => Err(BindError::SocketInUse { path: path.to_owned() }),
    }
}

/// A socket's file, removed with it unless somebody else has put another one in its place.
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: device_and_inode(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if device_and_inode(&self.path).is_ok_and(|found| found == self.identity) {
            // A file that cannot be removed is found to be stale at the next start.
            let _removed = fs::remove_file(&self.path);
        }
    }
}

fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

impl Socket for AdminSocket {
    type Stranger = LocalStranger;

    fn name(&self) -> ListenerName {
        ListenerName::Admin
    }

    async fn accept(&self) -> io::Result<LocalStranger> {
        let (stream, _unnamed) = self.listener.accept().await?;
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
