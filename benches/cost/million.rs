//! What the audit log does under a million calls: how many records a second, how many bytes each, and
//! what a call costs with it and without.
//!
//! All servers run at once and take turns: the no-op, the no-op whose calls are recorded, and the
//! vault, each for one burst of calls a round. So a moment in which the machine is busy with something
//! else falls on all alike. In the end the vault's log is verified, record by record.

use std::path::Path;
use std::time::Duration;

use ionvault::audit;
use tokio::time::Instant;

use super::load;
use super::server::Role;
use super::world::World;
use super::{Failure, Side};

/// Runs until the vault has recorded so many calls, and prints what they took.
pub(crate) async fn run(calls: f64) -> Result<(), Failure> {
    let world = World::new().await?;
    let noop = Measured::start(&world, Role::Noop).await?;
    let recorded = Measured::start(&world, Role::Recorded).await?;
    let vault = Measured::start(&world, Role::Vault).await?;
    let mut sides = [noop, recorded, vault];
    let mut rounds = 0;
    while sides.iter().any(|side| side.calls < calls) {
        for side in &mut sides {
            side.burst().await?;
        }
        rounds += 1;
        if rounds % ROUNDS_BETWEEN_LINES == 0 {
            println!("{:.0} of {calls:.0} calls of each", sides[0].calls);
        }
    }
    let [noop, recorded, vault] = sides.map(|side| side.end());
    let (noop, recorded, vault) = (noop?, recorded?, vault?);
    println!("{rounds} rounds of all three in turn; each call's answer compared");
    for figures in [&noop, &recorded, &vault] {
        println!("{}", figures.line());
    }
    println!(
        "a record costs {:.2} µs of CPU (ratio {:.3}) and {:.2} µs on the clock (ratio {:.3})",
        recorded.cpu - noop.cpu,
        recorded.cpu / noop.cpu,
        recorded.clock - noop.clock,
        recorded.clock / noop.clock,
    );
    report_log(&world.directory(Role::Vault), world.verifier_key())?;
    world.end().await;
    Ok(())
}

/// A server, and what its bursts took.
struct Measured {
    role: Role,
    side: Side,
    calls: f64,
    cpu: f64,
    clock: Duration,
}

/// Microseconds per call.
struct Figures {
    role: Role,
    calls: f64,
    cpu: f64,
    clock: f64,
}

impl Measured {
    async fn start(world: &World, role: Role) -> Result<Self, Failure> {
        let side = Side::start(world, role).await?;
        Ok(Self { role, side, calls: 0.0, cpu: 0.0, clock: Duration::ZERO })
    }

    async fn burst(&mut self) -> Result<(), Failure> {
        let (began, calls) = (Instant::now(), load::calls_per_burst(&self.side.clients));
        self.cpu += self.side.burst().await? * calls;
        self.clock += began.elapsed();
        self.calls += calls;
        Ok(())
    }

    fn end(self) -> Result<Figures, Failure> {
        let Self { role, side, calls, cpu, clock } = self;
        side.server.stop()?;
        Ok(Figures { role, calls, cpu: cpu / calls, clock: clock.as_secs_f64() * 1e6 / calls })
    }
}

impl Figures {
    fn line(&self) -> String {
        let Self { role, calls, cpu, clock } = self;
        let role = role.as_str();
        format!(
            "{role}: {calls:.0} calls, {:.0} a second, {clock:.2} µs on the clock and {cpu:.2} µs of \
             CPU for each",
            1e6 / clock
        )
    }
}

/// What the vault left, as an auditor reads it.
fn report_log(directory: &Path, verifier_key: &str) -> Result<(), Failure> {
    let log = directory.join("data").join("audit");
    let (mut records, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(&log)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            // The last one has room behind its records.
            let text = std::fs::read(path)?;
            records += text.iter().filter(|byte| **byte == b'\n').count();
            bytes += text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        }
    }
    let hashes = std::fs::metadata(log.join("hashes"))?.len();
    println!(
        "{records} records of {:.1} bytes, and {:.1} of hashes",
        bytes as f64 / records as f64,
        hashes as f64 / records as f64
    );
    let began = Instant::now();
    let report = audit::verify(&log, verifier_key, &[])?;
    println!(
        "verified: {} records, {} checkpoints, {} findings, in {:.1?}",
        report.records,
        report.checkpoints,
        report.findings.len(),
        began.elapsed()
    );
    if report.findings.is_empty() && report.records == records as u64 {
        Ok(())
    } else {
        Err("the log is not what was recorded".into())
    }
}

/// For who waits.
const ROUNDS_BETWEEN_LINES: u32 = 10;
