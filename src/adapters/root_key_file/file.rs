//! Writes and reads the file of a root key, with regard to everyone else on the machine.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{CreateRootKeyError, ReadRootKeyError, TEXT_BYTES};

/// Writes `text` to a new file at `path`: whole and durable, or not at all.
pub(super) fn create(path: &Path, text: &[u8]) -> Result<(), CreateRootKeyError> {
    let new = beside(path).map_err(CreateRootKeyError::Random)?;
    let linked = write_durably(&new, text).and_then(|()| {
        // A rename would replace what is there; a link never does.
        fs::hard_link(&new, path)
    });
    let removed = fs::remove_file(&new);
    linked.map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            CreateRootKeyError::Exists
        } else {
            CreateRootKeyError::Write(error)
        }
    })?;
    removed.and_then(|()| sync_directory(path)).map_err(|error| {
        // What may not survive a power cut must not seal a store.
        let _ = fs::remove_file(path);
        CreateRootKeyError::Write(error)
    })
}

/// Reads the file at `path`, if only this user, or only root, can.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ReadRootKeyError> {
    let file = OpenOptions::new()
        .read(true)
        // Without it, opening a pipe waits for a writer.
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(|error| {
            if error.kind() == ErrorKind::NotFound {
                ReadRootKeyError::Missing
            } else {
                ReadRootKeyError::Read(error)
            }
        })?;
    let metadata = file.metadata().map_err(ReadRootKeyError::Read)?;
    if !metadata.is_file() {
        return Err(ReadRootKeyError::NotAFile);
    }
    let mode = metadata.mode() & 0o7777;
    if mode & !MODE != 0 {
        return Err(ReadRootKeyError::TooWide(mode));
    }
    let owners = [rustix::process::geteuid().as_raw(), 0];
    if !owners.contains(&metadata.uid()) {
        return Err(ReadRootKeyError::OtherOwner(metadata.uid()));
    }
    // One byte more than there should be, so that a longer file is noticed.
    let limit = TEXT_BYTES + 1;
    let mut text = Zeroizing::new(Vec::with_capacity(limit));
    file.take(limit as u64).read_to_end(&mut text).map_err(ReadRootKeyError::Read)?;
    Ok(text)
}

/// A name of its own, so that two that create at once never write to one file. If a kill leaves it
/// behind, it holds a key that opens nothing.
fn beside(path: &Path) -> Result<PathBuf, getrandom::Error> {
    let mut suffix = [0; 8];
    getrandom::fill(&mut suffix)?;
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(".new-");
    name.push(HEXLOWER.encode(&suffix));
    Ok(path.with_file_name(name))
}

fn write_durably(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(directory) if directory != Path::new("") => directory,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

/// Read and write for the owner, nothing for anyone else.
const MODE: u32 = 0o600;
