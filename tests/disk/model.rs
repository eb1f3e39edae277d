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
    syncs: HashMap<usize, Covered>,
}

/// What a sync makes safe: what had ended when it began.
enum Covered {
    /// These calls, of a file that may have another name when it ends.
    Calls(usize, Vec<usize>),
    /// Changes of names up to this one.
    Names(usize),
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
    /// Whether it was cut to several lengths at the same time: a trace does not tell which came last.
    length_unsure: bool,
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
    /// The same, of a file that is made longer, or stays as it is.
    Allocate {
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
            self.files.push(File { safe: fs::read(path).unwrap(), ..File::default() });
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
                    } else if let Call::Truncate { path, .. } = &call {
                        self.begin_truncate(path);
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
                let pending = self.files[*file].pending.iter();
                let ended = pending.filter(|one| one.ended).map(|one| one.call).collect();
                Covered::Calls(*file, ended)
            }
            Some(Node::Dir) => Covered::Names(self.clock),
            None => return,
        };
        self.syncs.insert(id, covered);
    }

    fn begin_truncate(&mut self, path: &Path) {
        let same =
            |call: &Call| matches!(call, Call::Truncate { path: other, .. } if other == path);
        if self.running.values().any(same)
            && let Some(Node::File(file)) = self.names.get(path)
        {
            self.files[*file].length_unsure = true;
        }
    }

    fn end(&mut self, id: usize, call: Call) {
        self.clock += 1;
        match call {
            Call::Write { .. } | Call::Told(_) => {}
            Call::Truncate { path, length } => self.truncate(id, &path, length),
            Call::Allocate { path, length } => {
                let what = What::Allocate { length, order: self.clock };
                self.push(&path, Pending { call: id, ended: true, what });
            }
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
            Call::Sync { data_only, .. } => self.end_sync(id, data_only),
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

    fn end_sync(&mut self, id: usize, data_only: bool) {
        match self.syncs.remove(&id) {
            Some(Covered::Calls(number, covered)) => {
                let file = &mut self.files[number];
                let (safe, rest) = std::mem::take(&mut file.pending)
                    .into_iter()
                    .partition(|pending| covered.contains(&pending.call));
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
            Some(Covered::Names(covered)) => {
                let before = self.changes.iter().filter(|(order, _)| *order <= covered).count();
                self.secure(before);
            }
            // It is not on this disk.
            None => {}
        }
    }

    fn secure(&mut self, count: usize) {
        for (_, change) in self.changes.drain(..count) {
            apply(&mut self.safe_names, &change);
        }
    }

    /// Holds the model to what processes read of a file. Of several lengths at the same time each may
    /// have been the last one; then the difference is zeros.
    pub(super) fn assert_reads(&self, path: &Path, read: &[u8]) {
        let Some(Node::File(file)) = self.names.get(path) else { panic!("no {}", path.display()) };
        let File { safe, pending, length_unsure } = &self.files[*file];
        let mut bytes = safe.clone();
        for Pending { what, .. } in pending {
            what.apply(&mut bytes, |_| true);
        }
        let same = bytes.iter().zip(read).take_while(|(one, other)| one == other).count();
        let (_, rest) = bytes.split_at(same);
        let (_, other) = read.split_at(same);
        let zeros = rest.iter().chain(other).all(|byte| *byte == 0);
        let good = rest.is_empty() && other.is_empty();
        let lengths = (bytes.len(), read.len());
        assert!(good || zeros && *length_unsure, "{}: {lengths:?} from {same} on", path.display());
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
                    let File { safe, pending, .. } = &self.files[file];
                    let mut bytes = safe.clone();
                    for Pending { what, .. } in pending {
                        if let What::Truncate { order: own, .. }
                        | What::Allocate { order: own, .. } = what
                        {
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
            Self::Allocate { length, .. } => {
                if file.len() < *length && arrives(0) {
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

/// Numbers that look random and are the same in each run.
pub(super) fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;
