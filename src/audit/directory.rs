//! The directory of a log (mode 0700), apart from what its files hold.
//!
//! | name                    | holds                                                                |
//! |-------------------------|----------------------------------------------------------------------|
//! | `{sequence:020}.jsonl`  | a segment: records from that sequence on, one a line                 |
//! | `spare`                 | the next segment, preallocated, which has no record yet              |
//! | `hashes`                | the tree: the 32-byte hashes of `tlog_tiles`, in its order           |
//! | `checkpoint`            | the last signed checkpoint; replaced as a whole                      |
//! | `checkpoints`           | a history of checkpoints, oldest first, an empty line between two    |
//!
//! The directory itself carries the lock that keeps a second process out.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, fallocate, flock, statvfs};
use rustix::io::Errno;

/// Names the files of one log.
pub(super) struct Directory {
    dir: PathBuf,
}

pub(super) const SPARE: &str = "spare";
pub(super) const HASHES: &str = "hashes";
pub(super) const CHECKPOINT: &str = "checkpoint";
pub(super) const HISTORY: &str = "checkpoints";

impl Directory {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Makes it, or takes one that is there, for its owner only.
    pub(super) fn make(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700))?;
        match self.dir.parent() {
            Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
            _ => File::open(".")?.sync_all(),
        }
    }

    /// Keeps other processes out until it is dropped. `None` if one is in.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let dir = File::open(&self.dir)?;
        match flock(&dir, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Ok(None),
            locked => Ok(locked.map(|()| Some(dir))?),
        }
    }

    /// Makes names durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(self.path(name))
    }

    pub(super) fn open_to_read(&self, name: &str) -> io::Result<File> {
        File::open(self.path(name))
    }

    /// Opens a file that is made if it is not there.
    pub(super) fn open_or_make(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.open(self.path(name))
    }

    /// The whole of a small file; `None` if it is not there, `InvalidData` if it is too long.
    pub(super) fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match self.open_to_read(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take((bytes_max as u64).saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() > bytes_max {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Some(bytes))
    }

    /// Whatever interrupts this, the old or the new file is found whole.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.path(&format!("{name}.new"));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.path(name))?;
        self.sync()
    }

    /// Makes the spare, all zeros, whose writing will need no more room. Whatever was left of an
    /// earlier one is removed: after a power cut it may hold records whose segment lost its name.
    ///
    /// An error for which [`is_full`] holds if less than `reserve` would be left free.
    pub(super) fn preallocate_spare(&self, bytes: u64, reserve: u64) -> io::Result<File> {
        self.remove(SPARE)?;
        let disk = statvfs(&self.dir)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < bytes.saturating_add(reserve) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(self.path(SPARE))?;
        let allocated = fallocate(&file, FallocateFlags::empty(), 0, bytes);
        if let Err(error) = allocated.map_err(io::Error::from).and_then(|()| file.sync_all()) {
            self.remove(SPARE)?;
            return Err(error);
        }
        Ok(file)
    }

    /// Makes the spare the segment from that sequence on.
    pub(super) fn name_spare(&self, first: u64) -> io::Result<()> {
        fs::rename(self.path(SPARE), self.path(&segment_name(first)))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// The first sequence of each segment, in order.
    pub(super) fn segments(&self) -> io::Result<Vec<u64>> {
        let mut firsts = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            firsts.extend(entry?.file_name().to_str().and_then(first_of));
        }
        firsts.sort_unstable();
        Ok(firsts)
    }
}

/// The file of the records from that sequence on.
pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.jsonl")
}

/// The sequence that a segment's name tells.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let first = name.strip_suffix(".jsonl")?.parse().ok()?;
    // Two spellings of one sequence would be two files.
    (segment_name(first) == name).then_some(first)
}

/// Whether the disk, or what the user may use of it, is full: that passes.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_named_after_its_first_record() {
        assert_eq!(segment_name(7), "00000000000000000007.jsonl");
        assert_eq!(first_of("18446744073709551615.jsonl"), Some(u64::MAX));
        for name in ["7.jsonl", "+0000000000000000007.jsonl", "00000000000000000007", "spare"] {
            assert_eq!(first_of(name), None, "{name}");
        }
    }

    #[test]
    fn the_reserve_stays_free() {
        let dir = tempfile::tempdir().unwrap();
        let directory = Directory::new(dir.path());
        let error = directory.preallocate_spare(4_096, u64::MAX / 2).unwrap_err();
        assert!(is_full(&error), "{error}");
        assert!(!directory.path(SPARE).exists());
        let spare = directory.preallocate_spare(4_096, 0).unwrap();
        assert_eq!(spare.metadata().unwrap().len(), 4_096);
    }
}
