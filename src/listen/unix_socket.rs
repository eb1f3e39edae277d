//! A listening Unix socket and its file.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{UnixListener, UnixStream};

use super::bind::BindError;

/// A listening socket; dropping it removes its file.
pub(super) struct UnixSocket {
    listener: UnixListener,
    _file: SocketFile,
}

impl UnixSocket {
    /// Makes the file at `path`, as the configuration's `key` has it, with these permission bits.
    /// Nobody gets in before it has them.
    pub(super) fn bind(key: &'static str, path: &Path, mode: u32) -> Result<Self, BindError> {
        let failed = |source| BindError::Socket { key, path: path.to_owned(), source };
        make_room(key, path)?;
        let (socket, file) = bound(path).map_err(|source| {
            if source.kind() == io::ErrorKind::AddrInUse {
                BindError::SocketInUse { key, path: path.to_owned() }
            } else {
                failed(source)
            }
        })?;
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
        let listener = listening(socket).map_err(failed)?;
        Ok(Self { listener, _file: file })
    }

    /// The next connection. Dropping the future loses none.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _unnamed)| stream)
    }
}

/// A socket that nobody can connect to yet, and the file that it made.
fn bound(path: &Path) -> io::Result<(OwnedFd, SocketFile)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    Ok((socket, SocketFile::of(path)?))
}

fn listening(socket: OwnedFd) -> io::Result<UnixListener> {
    net::listen(&socket, BACKLOG_MAX)?;
    UnixListener::from_std(socket.into())
}

/// Connections that wait to be accepted; as many as tokio's own listeners let wait.
const BACKLOG_MAX: i32 = 1024;

/// Removes a socket that a killed process left behind, and nothing else.
fn make_room(key: &'static str, path: &Path) -> Result<(), BindError> {
    let failed = |source| BindError::Socket { key, path: path.to_owned(), source };
    let file = match fs::symlink_metadata(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !file.file_type().is_socket() {
        return Err(BindError::NotASocket { key, path: path.to_owned() });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
        Ok(_) => Err(BindError::SocketInUse { key, path: path.to_owned() }),
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
