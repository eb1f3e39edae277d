//! Power cuts: a traced process, and what its disk would hold if the power failed at some time.

use std::path::Path;

use data_encoding::BASE64;
use ionvault::audit::{AuditLog, AuditSettings, Event, Filter, Order, PageQuery, verify};
use tokio::runtime;

use crate::disk::{Disk, scramble};
use crate::samples::{Running, closed_log, copy, event, settings, try_open};
use crate::trace::{self, Call, Step};
use crate::{amount, child};

/// What the process had told others when the power failed.
#[derive(Clone, Debug, Default)]
struct Told {
    /// How many records it had called safe.
    synced: u64,
    /// The checkpoints that it had given out.
    checkpoints: Vec<String>,
}

#[test]
fn whenever_the_power_fails_the_log_opens_and_contradicts_nothing_that_was_told() {
    if !child::works(&["strace", "-f", "-o", "/dev/null", "true"]) {
        return;
    }
    let (traces, images) = (2, amount(40, 500));
    let (mut told, mut wrong) = (Told::default(), Vec::new());
    for number in 0..traces {
        let after = cut_power(number, images, true, &mut wrong);
        told.synced += after.synced;
        told.checkpoints.extend(after.checkpoints);
    }
    println!(
        "power cuts: {} images, {} records told to be safe and {} checkpoints given out in all, {} \
         contradicted or lost",
        traces as usize * images,
        told.synced,
        told.checkpoints.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(told.checkpoints.len() > 20, "{} checkpoints only", told.checkpoints.len());
}

#[test]
fn without_fdatasync_a_power_cut_contradicts_what_was_told() {
    if !child::works(&["strace", "-f", "-o", "/dev/null", "true"]) {
        return;
    }
    let mut wrong = Vec::new();
    cut_power(100, 40, false, &mut wrong);
    println!("power cuts without fdatasync: 40 images, {} contradicted or lost", wrong.len());
    assert!(!wrong.is_empty(), "the model of a disk cannot tell a sync from none");
}

/// Traces a writer, cuts the power so many times, and opens what is left. Returns what the writer
/// told in all.
fn cut_power(seed: u64, images: usize, with_fdatasync: bool, wrong: &mut Vec<String>) -> Told {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap());
    let (before, root) = (dir.path().join("before"), dir.path().join("root"));
    let key = prepare(&before, seed);
    std::fs::create_dir(&root).unwrap();
    if before.join(LOG).exists() {
        copy(&before.join(LOG), &root.join(LOG));
    }
    let steps = traced(&root, &before, &dir.path().join("trace"));
    let cuts = cuts(&steps, seed, images);
    let (mut disk, mut told) = (Disk::holding(&before), Told::default());
    let mut cuts = cuts.into_iter().enumerate().peekable();
    for (at, step) in steps.into_iter().enumerate() {
        while let Some((number, _)) = cuts.next_if(|(_, cut)| *cut == at) {
            let image = dir.path().join("image");
            disk.cut_power(&before, &image, scramble(seed << 32 | number as u64));
            let outcome = judge(&image.join(LOG), &key, &told);
            wrong.extend(outcome.err().map(|error| format!("trace {seed}, step {at}: {error}")));
            std::fs::remove_dir_all(image).unwrap();
        }
        match step {
            // Without its beginning, the end has no effect either.
            Step::Begin(_, Call::Sync { data_only: true, .. }) if !with_fdatasync => {}
            Step::Begin(_, Call::Told(said)) => told.hear(&said),
            step @ (Step::Begin(..) | Step::End(_)) => disk.step(step),
        }
    }
    // Without a power cut, the model holds what the process left.
    for entry in std::fs::read_dir(root.join(LOG)).unwrap() {
        let entry = entry.unwrap();
        let left = std::fs::read(entry.path()).unwrap();
        disk.assert_reads(&before.join(LOG).join(entry.file_name()), &left);
    }
    told
}

/// When the power fails: every second time beside something else than the writing of bytes, which most
/// steps are.
fn cuts(steps: &[Step], seed: u64, images: usize) -> Vec<usize> {
    let writes = |step: &Step| matches!(step, Step::End(_) | Step::Begin(_, Call::Write { .. }));
    let others: Vec<_> = (0..steps.len()).filter(|at| !writes(&steps[*at])).collect();
    let cut = |image: u64| {
        let random = scramble(seed << 32 | image) as usize;
        match image % 4 {
            0 => others[random % others.len()],
            1 => (others[random % others.len()] + 2).min(steps.len() - 1),
            _ => random % steps.len(),
        }
    };
    let mut cuts: Vec<_> = (0..images as u64).map(cut).collect();
    cuts.sort_unstable();
    cuts
}

/// Nothing, or a log of some records; returns the key that verifies it either way.
fn prepare(before: &Path, seed: u64) -> String {
    let elsewhere = before.with_extension("elsewhere");
    std::fs::create_dir(before).unwrap();
    let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        // Only what the two scenarios share matters of the other one: the key.
        let log = if seed.is_multiple_of(2) { elsewhere } else { before.join(LOG) };
        let records = if seed.is_multiple_of(2) { 0 } else { 25 };
        closed_log(&log, records).await
    })
}

fn traced(root: &Path, before: &Path, log: &Path) -> Vec<Step> {
    let options = trace::options(log);
    let mut strace = vec!["strace", "-f", "-qq"];
    strace.extend(options.iter().map(String::as_str));
    let output = child::command(&strace, "power::role_writer", root).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("finished"));
    trace::read(log, root, before)
}

/// Opens what is left as a start after the power cut would, and goes on with it.
fn judge(log: &Path, key: &str, told: &Told) -> Result<(), String> {
    let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let opened = try_open(log, scenario()).map_err(|error| format!("{error:?}"))?;
        let next = found(&opened).await?;
        if next < told.synced {
            return Err(format!("{} records were safe, {next} are there", told.synced));
        }
        let running = Running::start(opened);
        for number in next..next + 3 {
            record(&running.log, number);
        }
        running.stop().await;
        let report = verify(log, key, &told.checkpoints).map_err(|error| error.to_string())?;
        match report.is_sound() {
            true => Ok(()),
            false => Err(format!("{:?}", report.findings)),
        }
    })
}

/// Compares all records that are there with what was written; returns the sequence of the next.
async fn found(log: &AuditLog) -> Result<u64, String> {
    let (mut from, mut next) = (Some(0), log.checkpoint().size);
    while from.is_some() {
        let query = PageQuery { order: Order::OldestFirst, from, records_max: 1_000 };
        let page = log.list(Filter::default(), query).await.map_err(|error| error.to_string())?;
        for record in page.records {
            // Those that the log began with have no filling.
            let plain = record.event == event(record.sequence);
            if !plain && record.event != written(record.sequence) {
                return Err(format!("record {} is not what was recorded", record.sequence));
            }
            next = record.sequence + 1;
        }
        from = page.next;
    }
    Ok(next)
}

impl Told {
    fn hear(&mut self, said: &str) {
        // The harness may have left words of its own before it on the line.
        if let Some((_, sequence)) = said.split_once("synced ") {
            self.synced = sequence.trim_end().parse::<u64>().unwrap() + 1;
        } else if let Some((_, note)) = said.split_once("checkpoint ") {
            let note = BASE64.decode(note.trim_end().as_bytes()).unwrap();
            self.checkpoints.push(String::from_utf8(note).unwrap());
        }
    }
}

/// Everything that was recorded under the checkpoint before is old enough to go.
fn scenario() -> AuditSettings {
    AuditSettings { retention: Some(std::time::Duration::ZERO), ..settings() }
}

/// Records of all sizes; two hundred fill a segment.
fn written(sequence: u64) -> Event<'static> {
    let filling = "\\".repeat(scramble(sequence) as usize % 1_024);
    Event { requested_by: filling.into(), caller: "\"".repeat(2_560).into(), ..event(sequence) }
}

fn record(log: &AuditLog, sequence: u64) {
    assert_eq!(log.admit().unwrap().record(&written(sequence)).unwrap(), sequence);
}

/// Records, and tells what is safe and which checkpoints there are, until it has filled some segments.
#[test]
#[ignore = "a role of another test"]
fn role_writer() {
    let Some(dir) = child::dir() else { return };
    let mut runtime = runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let opened =
            tokio::task::spawn_blocking(move || try_open(&dir.join(LOG), scenario()).unwrap());
        let running = Running::start(opened.await.unwrap());
        let mut next = found(&running.log).await.unwrap();
        for round in 0..60 {
            for _ in 0..scramble(round) % 24 {
                record(&running.log, next);
                next += 1;
            }
            match round % 3 {
                0 if next > 0 => {
                    running.log.synced(next - 1).await.unwrap();
                    println!("synced {}", next - 1);
                }
                1 => {
                    let checkpoint = running.log.new_checkpoint().await.unwrap();
                    println!("checkpoint {}", BASE64.encode(checkpoint.note.as_bytes()));
                }
                // Recording goes on while the other thread commits.
                _ => tokio::task::yield_now().await,
            }
        }
        let log = running.log.clone();
        running.stop().await;
        println!("checkpoint {}", BASE64.encode(log.checkpoint().note.as_bytes()));
    });
    println!("finished");
}

/// Below the directory that stands for the disk.
const LOG: &str = "log";
