//! A deterministic simulation of all below gRPC: the real vault, the real issuer and real sealing,
//! over a store, an Infor, clocks and chance that a seed determines. A process dies at any step of
//! it, and the world goes on.
//!
//! `IONVAULT_TEST_FULL=1` runs 5,000 seeds of three days instead of 30 of half a day, in release
//! builds; `IONVAULT_SIM_SEED=n` runs one of them, and prints all its events if it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::indexing_slicing, clippy::print_stdout, clippy::print_stderr, reason = "tests")]

mod administrators;
mod callers;
mod events;
mod fleet;
mod infor;
mod ledger;
mod life;
#[path = "../store/model.rs"]
mod model;
mod randomness;
mod run;
mod store;
mod weather;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use events::Kept;
use run::{Plan, run};

use world::Report;

/// Seeds, and how long faults happen in each: here, and in CI.
const SEEDS: u64 = 30;
const STORMY: Duration = Duration::from_secs(12 * 3600);
const SEEDS_FULL: u64 = 5_000;
const STORMY_FULL: Duration = Duration::from_secs(3 * 24 * 3600);

/// Seeds at the same time; CI's machines have so many cores.
const THREADS: usize = 2;

/// Seeds after which a line says how far it is.
const PROGRESS: u64 = 500;

#[test]
fn a_fleet_under_faults_keeps_every_invariant() {
    if let Ok(seed) = std::env::var("IONVAULT_SIM_SEED") {
        let stormy = if is_full() { STORMY_FULL } else { STORMY };
        let report = run(Plan { seed: seed.parse().unwrap(), stormy, kept: Kept::All });
        assert!(report.broken.is_none(), "seed {seed}: {}", report.broken.unwrap_or_default());
        return;
    }
    let (seeds, stormy) = if is_full() { (SEEDS_FULL, STORMY_FULL) } else { (SEEDS, STORMY) };
    let (began, next) = (Instant::now(), AtomicU64::new(0));
    let totals = Mutex::new(Totals::default());
    let worker = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let report = run(Plan { seed, stormy, kept: Kept::Last });
            if let Some(broken) = &report.broken {
                // The others stop, too.
                next.store(seeds, Ordering::Relaxed);
                panic!("seed {seed}: {broken}");
            }
            let mut totals = totals.lock().unwrap();
            totals.add(&report);
            if totals.seeds.is_multiple_of(PROGRESS) {
                eprintln!("{} of {seeds} seeds", totals.seeds);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(worker);
        }
    });
    let Totals { seeds, hours, steps, crashes, events } = totals.into_inner().unwrap();
    println!(
        "{seeds} seeds, {hours} simulated hours, {steps} steps, {crashes} crashes, \
         {events} events, in {:.1} s",
        began.elapsed().as_secs_f64()
    );
}

/// Unoptimized cryptography would make an hour of minutes.
fn is_full() -> bool {
    std::env::var_os("IONVAULT_TEST_FULL").is_some() && !cfg!(debug_assertions)
}

#[derive(Default)]
struct Totals {
    seeds: u64,
    hours: u64,
    steps: u64,
    crashes: u64,
    events: u64,
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.hours += report.simulated.as_secs() / 3600;
        self.steps += report.steps;
        self.crashes += report.crashes;
        self.events += report.events;
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let hash = |seed| {
        let report = run(Plan { seed, stormy: STORMY, kept: Kept::Last });
        assert!(report.events > 500, "{} events", report.events);
        report.hash
    };
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}
