//! The Merkle tree of RFC 6962, kept as `tlog_tiles` numbers its hashes: each leaf's hash, followed
//! by those of the subtrees that it completes. The file only ever grows.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use tlog_tiles::{
    EMPTY_HASH, Error, Hash, HashReader, record_hash, stored_hash_count,
    stored_hashes_for_record_hash, sub_tree_index, tree_hash,
};

/// The hashes of the largest whole subtrees of a tree: all that growing it needs.
#[derive(Clone)]
pub(super) struct Peaks {
    size: u64,
    /// Each with its number.
    hashes: Vec<(u64, Hash)>,
}

impl Peaks {
    /// Those of a tree without leaves.
    pub(super) fn empty() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// Those of the tree of that size, from a file of hashes.
    pub(super) fn read(size: u64, hashes: &HashFile<'_>) -> Result<Self, Error> {
        let indexes = sub_tree_index(0, size, Vec::new());
        let read = hashes.read_hashes(&indexes)?;
        Ok(Self { size, hashes: indexes.into_iter().zip(read).collect() })
    }

    /// How many leaves there are.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; returns the hashes to store for it.
    pub(super) fn push(&mut self, leaf: Hash) -> Result<Vec<Hash>, Error> {
        let new = stored_hashes_for_record_hash(self.size, leaf, self)?;
        let first = stored_hash_count(self.size);
        // Behind the leaf's own hash is one for each subtree that it completes, which takes the
        // place of the smallest peak.
        let completed = new.len().saturating_sub(1);
        self.hashes.truncate(self.hashes.len().saturating_sub(completed));
        self.hashes.extend(new.last().map(|hash| (first + completed as u64, *hash)));
        self.size += 1;
        Ok(new)
    }

    /// The hash of the whole tree.
    pub(super) fn root(&self) -> Result<Hash, Error> {
        if self.size == 0 { Ok(EMPTY_HASH) } else { tree_hash(self.size, self) }
    }
}

impl HashReader for Peaks {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let find = |index: &u64| {
            self.hashes.iter().find(|(known, _)| known == index).map(|(_, hash)| *hash)
        };
        indexes.iter().map(find).collect::<Option<_>>().ok_or(Error::IndexesNotInTree)
    }
}

/// The file of hashes.
pub(super) struct HashFile<'a>(pub(super) &'a File);

impl HashFile<'_> {
    pub(super) fn get(&self, index: u64) -> io::Result<Hash> {
        let mut hash = Hash::default();
        self.0.read_exact_at(&mut hash.0, index.saturating_mul(HASH_BYTES))?;
        Ok(hash)
    }
}

impl HashReader for HashFile<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let read = |index: &u64| self.get(*index).ok().ok_or(Error::IndexesNotInTree);
        indexes.iter().map(read).collect()
    }
}

/// The hash of a record's line.
pub(super) fn leaf(line: &[u8]) -> Hash {
    record_hash(line)
}

/// How long the file is for a tree of that size.
pub(super) fn hash_bytes(size: u64) -> u64 {
    stored_hash_count(size).saturating_mul(HASH_BYTES)
}

/// SHA-256.
pub(super) const HASH_BYTES: u64 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_by_peaks_stores_what_the_library_stores() {
        let file = tempfile::tempfile().unwrap();
        let mut peaks = Peaks::empty();
        assert_eq!(peaks.root().unwrap(), EMPTY_HASH);
        for n in 0..300_u64 {
            let line = n.to_string();
            let at = hash_bytes(n);
            let expected = tlog_tiles::stored_hashes(n, line.as_bytes(), &HashFile(&file)).unwrap();
            let new = peaks.push(leaf(line.as_bytes())).unwrap();
            assert_eq!(new, expected);
            file.write_all_at(&new.iter().flat_map(|hash| hash.0).collect::<Vec<_>>(), at).unwrap();
            let root = tree_hash(n + 1, &HashFile(&file)).unwrap();
            assert_eq!(peaks.root().unwrap(), root);
            let read = Peaks::read(n + 1, &HashFile(&file)).unwrap();
            assert_eq!(read.root().unwrap(), root);
        }
        assert_eq!(file.metadata().unwrap().len(), hash_bytes(300));
    }

    /// The trees that implementations of RFC 6962 are tested with.
    #[test]
    fn roots_are_those_of_rfc_6962() {
        let mut peaks = Peaks::empty();
        for (leaf, root) in [
            ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
            ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
            ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
        ] {
            let bytes = data_encoding::HEXLOWER.decode(leaf.as_bytes()).unwrap();
            peaks.push(self::leaf(&bytes)).unwrap();
            assert_eq!(data_encoding::HEXLOWER.encode(&peaks.root().unwrap().0), root);
        }
    }
}
