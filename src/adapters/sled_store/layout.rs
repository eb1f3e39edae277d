//! The directory of a store, apart from the engine's own files.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::Uid;
use crate::ports::Revision;

/// Names the files of one store.
pub(super) struct Layout {
    dir: PathBuf,
}

/// What `store.json` holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identity {
    pub(super) format: u32,
    pub(super) store_id: Uid,
    pub(super) generation: u64,
}

/// The one format of the directory that there is.
pub(super) const FORMAT: u32 = 1;

impl Layout {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where sled lives.
    pub(super) fn db(&self) -> PathBuf {
        self.dir.join("db")
    }

    /// Where a copy of it is tried.
    pub(super) fn trial(&self) -> PathBuf {
        self.dir.join("db.trial")
    }

    /// Makes the directory, or takes an empty one, for its owner only.
    pub(super) fn make_dir(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700))?;
        match self.dir.parent() {
            Some(parent) if parent != Path::new("") => sync(parent),
            _ => sync(Path::new(".")),
        }
    }

    /// `NotFound` if there is no such file, `InvalidData` if it is not what it should be.
    pub(super) fn read_identity(&self) -> io::Result<Identity> {
        let bytes = read_at_most(&self.dir.join(IDENTITY), IDENTITY_BYTES_MAX)?;
        serde_json::from_slice(&bytes).map_err(io::Error::from)
    }

    pub(super) fn replace_identity(&self, identity: &Identity) -> io::Result<()> {
        let mut text = serde_json::to_vec(identity)?;
        text.push(b'\n');
        self.replace(IDENTITY, &text)
    }

    pub(super) fn read_keyring(&self, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        match read_at_most(&self.dir.join(KEYRING), bytes_max) {
            Ok(keyring) => Ok(Some(keyring)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn replace_keyring(&self, keyring: &[u8]) -> io::Result<()> {
        self.replace(KEYRING, keyring)
    }

    /// Whatever interrupts this, the old or the new file is found whole.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let new = self.dir.join(format!("{name}.new"));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, self.dir.join(name))?;
        sync(&self.dir)
    }

    /// Makes the file of the last acknowledged revision.
    pub(super) fn make_progress(&self, revision: Revision) -> io::Result<()> {
        self.replace(PROGRESS, &progress_bytes(revision))
    }

    /// `InvalidData` if it is not what it should be.
    pub(super) fn read_progress(&self) -> io::Result<Revision> {
        let bytes = read_at_most(&self.dir.join(PROGRESS), PROGRESS_BYTES)?;
        let revision = bytes.first_chunk::<8>().map(|bytes| Revision(u64::from_be_bytes(*bytes)));
        // The second half is the complement of the first; nothing else is a progress.
        revision
            .filter(|revision| bytes == progress_bytes(*revision))
            .ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Opens it for [`note_progress`].
    pub(super) fn open_progress(&self) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.dir.join(PROGRESS))
    }

    /// How many files sled put aside.
    pub(super) fn blob_files(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.db().join("blobs"))?.count())
    }

    /// Removes what an interrupted replacement or trial left.
    pub(super) fn remove_leftovers(&self) -> io::Result<()> {
        for name in [IDENTITY, KEYRING, PROGRESS] {
            ignore_missing(fs::remove_file(self.dir.join(format!("{name}.new"))))?;
        }
        self.remove_trial()
    }

    pub(super) fn remove_trial(&self) -> io::Result<()> {
        ignore_missing(fs::remove_dir_all(self.trial()))
    }
}

/// Overwrites the last acknowledged revision, in place: 16 bytes, which a sector holds whole.
pub(super) fn note_progress(file: &File, revision: Revision) -> io::Result<()> {
    file.write_all_at(&progress_bytes(revision), 0)
}

fn progress_bytes(revision: Revision) -> Vec<u8> {
    [revision.0.to_be_bytes(), (!revision.0).to_be_bytes()].concat()
}

/// Makes durable what a file or directory holds.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Copies sled's files: those in `from`, and those in its one directory, `blobs`.
pub(super) fn copy_engine(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_engine(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Removes snapshots that were not finished. A finished one is never touched: without it, sled
/// opens empty and overwrites what there was.
pub(super) fn remove_unfinished_snapshots(db: &Path) -> io::Result<()> {
    for entry in fs::read_dir(db)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    sync(db)
}

fn read_at_most(path: &Path, bytes_max: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(bytes)
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

const IDENTITY: &str = "store.json";
const PROGRESS: &str = "progress";
const KEYRING: &str = "keyring";

/// Far more than its three fields need.
const IDENTITY_BYTES_MAX: usize = 4_096;
const PROGRESS_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_back_and_a_flipped_bit_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        layout.make_progress(Revision(9)).unwrap();
        let file = layout.open_progress().unwrap();
        note_progress(&file, Revision(u64::MAX - 5)).unwrap();
        assert_eq!(layout.read_progress().unwrap(), Revision(u64::MAX - 5));
        let path = dir.path().join(PROGRESS);
        let good = fs::read(&path).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bad).unwrap();
            assert_eq!(layout.read_progress().unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn only_unfinished_snapshots_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["snap.00A0", "snap.00B0.generating", "db", "conf", "other.generating"] {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        remove_unfinished_snapshots(dir.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["conf", "db", "other.generating", "snap.00A0"]);
    }

    #[test]
    fn an_endless_identity_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(IDENTITY), vec![b' '; IDENTITY_BYTES_MAX + 1]).unwrap();
        let error = Layout::new(dir.path()).read_identity().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
