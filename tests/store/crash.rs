//! What a crash may do to a store, and what it must not: tried on the adapter, not on bare sled.
//!
//! A process writes, tells each acknowledgement through a pipe, and is killed, has its disk fail,
//! or has a power cut modelled from the trace of its system calls. Whatever was acknowledged must
//! be found afterwards, and nothing that was never asked for.

mod disk;
mod faults;
mod history;
mod kill;
mod opening;
mod power;
mod roles;
mod trace;

use std::fs;
use std::path::Path;

/// How much of something to do: little on a person's machine, all of it in CI.
fn amount(quick: usize, full: usize) -> usize {
    if std::env::var_os("IONVAULT_TEST_FULL").is_some_and(|value| value == "1") {
        full
    } else {
        quick
    }
}

/// Numbers that look random and are the same in each run.
fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
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
