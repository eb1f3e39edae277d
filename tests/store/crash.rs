//! What a crash may do to a store, and what it must not: tried on the adapter, not on bare sled.
//!
//! A process writes, tells each acknowledgement through a pipe, and is killed, has its disk fail,
//! or has a power cut modelled from the trace of its system calls. Whatever was acknowledged must
//! be found afterwards, and nothing that was never asked for.

#[path = "../disk/model.rs"]
mod disk;
mod faults;
mod history;
mod kill;
mod opening;
mod power;
mod roles;
#[path = "../disk/trace.rs"]
mod trace;

use std::fs;
use std::path::Path;

use disk::scramble;

/// How much of something to do: little on a person's machine, all of it in CI.
fn amount(quick: usize, full: usize) -> usize {
    if std::env::var_os("IONVAULT_TEST_FULL").is_some_and(|value| value == "1") {
        full
    } else {
        quick
    }
}

/// Copies a directory that does not exist yet.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
