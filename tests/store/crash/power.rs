//! Power cuts: a traced process, and what its disk would hold if the power failed at some time.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};

use ionvault::adapters::SledStore;
use ionvault::ports::Store;

use super::disk::Disk;
use super::history::{Counts, check};
use super::trace::{self, Call, Step};
use super::{amount, copy, roles, scramble};
use crate::samples::put;

/// What became of the images.
#[derive(Debug, Default)]
struct Tally {
    images: usize,
    lost: Vec<String>,
    unopenable: Vec<String>,
    blobs: usize,
    acknowledged: u64,
}

#[test]
fn what_was_acknowledged_before_a_power_cut_is_found_after_it() {
    if !roles::strace_works() {
        return;
    }
    let mut all = Tally::default();
    for trace in 0..amount(1, 4) as u64 {
        let tally = cut_power(trace, amount(40, 525), true);
        all.images += tally.images;
        all.acknowledged += tally.acknowledged;
        all.lost.extend(tally.lost);
        all.unopenable.extend(tally.unopenable);
        all.blobs += tally.blobs;
    }
    println!(
        "power cuts: {} images, {} commits acknowledged in all, {} lost, {} unopenable, {} blobs",
        all.images,
        all.acknowledged,
        all.lost.len(),
        all.unopenable.len(),
        all.blobs
    );
    assert!(all.lost.is_empty() && all.unopenable.is_empty() && all.blobs == 0, "{all:?}");
}

#[test]
fn without_fdatasync_power_cuts_lose_what_was_acknowledged() {
    if !roles::strace_works() {
        return;
    }
    let tally = cut_power(100, amount(40, 200), false);
    println!(
        "power cuts without fdatasync: {} images, {} lost, {} unopenable",
        tally.images,
        tally.lost.len(),
        tally.unopenable.len()
    );
    let lost = tally.lost.len() + tally.unopenable.len();
    assert!(lost > 0, "the model of a disk cannot tell a sync from none");
}

/// Traces a writer, cuts the power `images` times, and opens what is left.
fn cut_power(seed: u64, images: usize, with_fdatasync: bool) -> Tally {
    let dir = quick_dir();
    let root = dir.path().join("store");
    let steps = traced(&root, dir.path());
    let disk = Disk::holding(&dir.path().join("before"));
    let mut cuts: Vec<usize> = (0..images)
        .map(|image| scramble(seed << 32 | image as u64) as usize % steps.len())
        .collect();
    cuts.sort_unstable();
    let tally = Arc::new(Mutex::new(Tally::default()));
    let (images, queue) = sync_channel::<(PathBuf, Counts)>(IMAGES_MAX);
    let queue = Arc::new(Mutex::new(queue));
    let checkers: Vec<_> = (0..IMAGES_MAX)
        .map(|_| {
            let (queue, tally) = (Arc::clone(&queue), Arc::clone(&tally));
            std::thread::spawn(move || {
                loop {
                    let next = queue.lock().unwrap().recv();
                    let Ok((image, told)) = next else { return };
                    // Pages of a disk that lied may lead in a circle: then sled never ends, and
                    // lets no other store of its process go on.
                    if with_fdatasync || opens_elsewhere(&image) {
                        judge(&image, &told, &tally);
                    } else {
                        let mut tally = tally.lock().unwrap();
                        tally.images += 1;
                        tally.unopenable.push("by a process of its own".to_owned());
                    }
                    std::fs::remove_dir_all(image).unwrap();
                }
            })
        })
        .collect();
    let (told, disk) = replay(disk, steps, &cuts, with_fdatasync, |number, disk, told| {
        let image = dir.path().join(format!("image-{number}"));
        disk.cut_power(&dir.path().join("before"), &image, scramble(seed << 32 | number as u64));
        images.send((image, *told)).unwrap();
    });
    // Without a power cut, the model holds what the process left.
    for file in ["db/db", "db/conf", "store.json", "progress"] {
        let left = std::fs::read(root.join(file)).unwrap();
        disk.assert_reads(&dir.path().join("before").join(file), &left);
    }
    drop(images);
    for checker in checkers {
        checker.join().unwrap();
    }
    let mut tally = std::mem::take(&mut *tally.lock().unwrap());
    tally.acknowledged = told.iter().sum();
    tally
}

/// In memory where there is such a directory: the disk that counts here is the modelled one.
fn quick_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Runs a writer on a new store under strace; leaves the store as it was before in `before`.
fn traced(root: &Path, dir: &Path) -> Vec<Step> {
    let before = dir.join("before");
    SledStore::create(&before, crate::samples::STORE_ID).unwrap();
    copy(&before, root);
    let log = dir.join("trace");
    let tracing = trace::options(&log);
    let output = roles::command("write", root, amount(60, 300), &tracing).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("done"));
    trace::read(&log, root, &before)
}

/// Goes through a trace, and stops at each cut.
fn replay(
    mut disk: Disk,
    steps: Vec<Step>,
    cuts: &[usize],
    with_fdatasync: bool,
    mut cut: impl FnMut(usize, &Disk, &Counts),
) -> (Counts, Disk) {
    let mut told = Counts::default();
    let mut cuts = cuts.iter().enumerate().peekable();
    for (at, step) in steps.into_iter().enumerate() {
        while let Some((number, _)) = cuts.next_if(|(_, cut)| **cut == at) {
            cut(number, &disk, &told);
        }
        match step {
            // Without its beginning, the end has no effect either.
            Step::Begin(_, Call::Sync { data_only: true, .. }) if !with_fdatasync => {}
            Step::Begin(_, Call::Told(line)) => {
                if let Some((writer, number)) = roles::acknowledgement(&line) {
                    told[writer] = number;
                }
            }
            step @ (Step::Begin(..) | Step::End(_)) => disk.step(step),
        }
    }
    (told, disk)
}

/// Whether another process opens an image.
fn opens_elsewhere(image: &Path) -> bool {
    let output = roles::command("open", image, 0, &[]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).contains("opened")
}

/// Opens an image as a start after the power cut would, and writes to it.
fn judge(image: &Path, told: &Counts, tally: &Mutex<Tally>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let opened = SledStore::open(image);
    let lost = match &opened {
        Ok(store) => runtime.block_on(async {
            check(store, told).await?;
            store.commit(vec![], vec![put([0, 0], 9_000, 1)]).await.map_err(|e| e.to_string())?;
            Ok(())
        }),
        Err(_) => Ok(()),
    };
    let blobs = opened.as_ref().map_or(0, |store| store.blob_files().unwrap());
    if let Ok(store) = &opened {
        runtime.block_on(store.close()).unwrap();
    }
    let mut tally = tally.lock().unwrap();
    tally.images += 1;
    tally.blobs += blobs;
    tally.lost.extend(lost.err());
    tally.unopenable.extend(opened.err().map(|error| format!("{error:?}")));
}

/// Images that wait or are being looked at.
const IMAGES_MAX: usize = 2;
