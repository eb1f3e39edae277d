//! A disk that loses its power, as far as POSIX lets it.
//!
//! - Data of a file is safe once an `fsync` or `fdatasync` of that file has succeeded that began
//!   after the write had ended. `sync_file_range` makes nothing safe.
//! - Any other write may be there, be missing, or be torn at sectors of 512 bytes, whatever became
//!   of the writes before and after it.
//! - Changes of names and lengths reach the disk in order: some beginning of them is there. An
//!   `fsync` of a directory makes all before it safe, one of a file those up to its creation.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::scramble;
use super::trace::{Call, Step};

/// What is on the disk, and what is on its way to it.
pub(super) struct Disk {
    files: Vec<File>,
    /// Names as the processes see them.
    names: Names,
    /// Names that are safe.
    safe_names: Names,
    /// Changes of names that are not safe, in order.
    changes: Vec<(usize, Change)>,
    /// Calls that have begun, with how much there was of each then.
    running: HashMap<usize, Call>,
    /// Numbers the changes of names and lengths.
    clock: usize,
    syncs: HashMap<usize, usize>,
}

type Names = BTreeMap<PathBuf, Node>;

#[derive(Clone, Copy)]
enum Node {
    Dir,
    File(usize),
}

#[derive(Default)]
struct File {
    safe: Vec<u8>,
    pending: Vec<Pending>,
}

struct Pending {
    call: usize,
    ended: bool,
    what: What,
}

enum What {
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    /// With its place in the order of changes.
    Truncate {
        length: usize,
        order: usize,
    },
}

#[derive(Clone)]
enum Change {
    Link(PathBuf, Node),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

impl Disk {
    /// Holds what lies in `dir`, safe.
    pub(super) fn holding(dir: &Path) -> Self {
        let mut disk = Self {
            files: Vec::new(),
            names: Names::new(),
            safe_names: Names::new(),
            changes: Vec::new(),
            running: HashMap::new(),
            clock: 0,
            syncs: HashMap::new(),
        };
        disk.add(dir);
        disk.safe_names = disk.names.clone();
        disk
    }

    fn add(&mut self, path: &Path) {
        if path.is_dir() {
            self.names.insert(path.to_owned(), Node::Dir);
            for entry in fs::read_dir(path).unwrap() {
                self.add(&entry.unwrap().path());
            }
        } else {
            self.files.push(File { safe: fs::read(path).unwrap(), pending: Vec::new() });
            self.names.insert(path.to_owned(), Node::File(self.files.len() - 1));
        }
    }

    /// Goes one step on in a trace.
    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Begin(id, call) => {
                if let Call::Write { path, offset, bytes } = call {
                    let what = What::Write { offset, bytes };
                    self.push(&path, Pending { call: id, ended: false, what });
                } else {
                    if let Call::Sync { path, .. } = &call {
                        self.begin_sync(id, path);
                    }
                    self.running.insert(id, call);
                }
            }
            Step::End(id) => {
                for pending in self.files.iter_mut().flat_map(|file| &mut file.pending) {
                    pending.ended |= pending.call == id;
                }
                if let Some(call) = self.running.remove(&id) {
                    self.end(id, call);
                }
            }
        }
    }

    fn push(&mut self, path: &Path, pending: Pending) {
        // What is not below the directory, such as a pipe, is not on this disk.
        if let Some(Node::File(file)) = self.names.get(path) {
            self.files[*file].pending.push(pending);
        }
    }

    /// Marks what a sync covers: what has ended by now.
    fn begin_sync(&mut self, id: usize, path: &Path) {
        let covered = match self.names.get(path) {
            Some(Node::File(file)) => {
                let pending = &self.files[*file].pending;
                pending.iter().filter(|pending| pending.ended).map(|one| one.call).max()
            }
            Some(Node::Dir) => Some(self.clock),
            None => None,
        };
        self.syncs.insert(id, covered.unwrap_or(0));
    }

    fn end(&mut self, id: usize, call: Call) {
        self.clock += 1;
        match call {
            Call::Write { .. } | Call::Told { .. } => {}
            Call::Truncate { path, length } => self.truncate(id, &path, length),
            Call::Create { path, truncate } => {
                if self.names.contains_key(&path) {
                    if truncate {
                        self.truncate(id, &path, 0);
                    }
                } else if self.is_inside(&path) {
                    self.files.push(File::default());
                    self.change(Change::Link(path, Node::File(self.files.len() - 1)));
                }
            }
            Call::Rename { from, to } => self.change(Change::Rename(from, to)),
            Call::Unlink { path } => self.change(Change::Unlink(path)),
            Call::MakeDir { path } => {
                if self.is_inside(&path) {
                    self.change(Change::Link(path, Node::Dir));
                }
            }
            Call::Sync { path, data_only } => self.end_sync(id, &path, data_only),
        }
    }

    fn truncate(&mut self, id: usize, path: &Path, length: usize) {
        let what = What::Truncate { length, order: self.clock };
        self.push(path, Pending { call: id, ended: true, what });
    }

    fn is_inside(&self, path: &Path) -> bool {
        path.parent().is_some_and(|parent| self.names.contains_key(parent))
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.names, &change);
        self.changes.push((self.clock, change));
    }

    fn end_sync(&mut self, id: usize, path: &Path, data_only: bool) {
        let covered = self.syncs.remove(&id).unwrap();
        match self.names.get(path).copied() {
            Some(Node::File(number)) => {
                let file = &mut self.files[number];
                let (safe, rest) = std::mem::take(&mut file.pending)
                    .into_iter()
                    .partition(|pending| pending.ended && pending.call <= covered);
                file.pending = rest;
                let safe: Vec<Pending> = safe;
                for pending in &safe {
                    pending.what.apply(&mut file.safe, |_| true);
                }
                if !data_only {
                    let created = |change: &Change| matches!(change, Change::Link(_, Node::File(file)) if *file == number);
                    let created = self.changes.iter().rposition(|(_, change)| created(change));
                    self.secure(created.map_or(0, |at| at + 1));
                }
            }
            Some(Node::Dir) => {
                let before = self.changes.iter().filter(|(order, _)| *order <= covered).count();
                self.secure(before);
            }
            None => {}
        }
    }

    fn secure(&mut self, count: usize) {
        for (_, change) in self.changes.drain(..count) {
            apply(&mut self.safe_names, &change);
        }
    }

    /// What a process would read.
    pub(super) fn read(&self, path: &Path) -> Vec<u8> {
        let Some(Node::File(file)) = self.names.get(path) else { panic!("no {}", path.display()) };
        let File { safe, pending } = &self.files[*file];
        let mut bytes = safe.clone();
        for Pending { what, .. } in pending {
            what.apply(&mut bytes, |_| true);
        }
        bytes
    }

    /// Writes into `to` what a power cut now leaves of `root`; `chance` decides what is lost.
    pub(super) fn cut_power(&self, root: &Path, to: &Path, chance: u64) {
        let mut chance = chance;
        let mut draw = |below: usize| {
            chance = scramble(chance);
            (chance >> 16) as usize % below
        };
        let kept = draw(self.changes.len() + 1);
        // A third of the cuts come after all names were written.
        let kept = if draw(3) == 0 { self.changes.len() } else { kept };
        let order = self.changes.get(kept).map_or(usize::MAX, |(order, _)| *order);
        let mut names = self.safe_names.clone();
        for (_, change) in &self.changes[..kept] {
            apply(&mut names, change);
        }
        for (path, node) in names {
            let target = to.join(path.strip_prefix(root).unwrap());
            match node {
                Node::Dir => fs::create_dir_all(&target).unwrap(),
                Node::File(file) => {
                    let File { safe, pending } = &self.files[file];
                    let mut bytes = safe.clone();
                    for Pending { what, .. } in pending {
                        if let What::Truncate { order: own, .. } = what {
                            what.apply(&mut bytes, |_| *own < order);
                            continue;
                        }
                        match draw(4) {
                            0 => {}
                            1 | 2 => what.apply(&mut bytes, |_| true),
                            _ => what.apply(&mut bytes, |_| draw(2) == 0),
                        }
                    }
                    fs::write(&target, bytes).unwrap();
                }
            }
        }
    }
}

impl What {
    /// Applies what arrives, sector by sector.
    fn apply(&self, file: &mut Vec<u8>, mut arrives: impl FnMut(usize) -> bool) {
        match self {
            Self::Truncate { length, .. } => {
                if arrives(0) {
                    file.resize(*length, 0);
                }
            }
            Self::Write { offset, bytes } => {
                let (mut at, end) = (*offset, offset + bytes.len());
                while at < end {
                    let next = end.min((at / SECTOR_BYTES + 1) * SECTOR_BYTES);
                    if arrives(at) {
                        if file.len() < next {
                            file.resize(next, 0);
                        }
                        file[at..next].copy_from_slice(&bytes[at - offset..next - offset]);
                    }
                    at = next;
                }
            }
        }
    }
}

fn apply(names: &mut Names, change: &Change) {
    match change {
        Change::Link(path, node) => {
            names.insert(path.clone(), *node);
        }
        Change::Rename(from, to) => {
            if let Some(node) = names.remove(from) {
                names.insert(to.clone(), node);
            }
        }
        Change::Unlink(path) => {
            names.remove(path);
        }
    }
}

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;
