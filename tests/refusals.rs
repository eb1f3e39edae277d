//! Every way in which Infor, or what stands in its place, can refuse: `docs/refusals.md` is what the
//! real program makes of each of them, asked through its command line and its RPCs.
//!
//! The test runs all of them against the simulator and compares the table with the document.
//! `IONVAULT_BLESS=1` writes the document anew.
#![cfg(feature = "simulator")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test that is how a wrong assumption is reported; clippy's own exception misses helpers"
)]

#[path = "refusals/cases.rs"]
mod cases;
#[path = "refusals/document.rs"]
mod document;
#[allow(dead_code, reason = "tests/process uses the rest")]
#[path = "process/installation.rs"]
mod installation;
#[allow(dead_code, reason = "tests/process uses the rest")]
#[path = "process/program.rs"]
mod program;
#[path = "refusals/trial.rs"]
mod trial;

use std::path::Path;

use installation::Installation;
use ionvault::simulator::{Simulator, SimulatorConfig};

#[test]
fn the_document_says_what_the_program_does() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let simulator = runtime.block_on(Simulator::start(SimulatorConfig::default())).unwrap();
    let installation = Installation::initialized();
    installation.approve(&simulator);
    let configuration = installation.read("ionvault.toml");
    installation.write("ionvault.toml", configuration + cases::VAULT_LIMITS);
    let server = installation.serve();
    let world =
        trial::World { simulator: &simulator, installation: &installation, server: &server };
    let rows: Vec<_> = cases::all().into_iter().map(|case| world.row(&runtime, case)).collect();
    server.stop();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/refusals.md");
    let document = document::of(&rows);
    if std::env::var_os("IONVAULT_BLESS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == document,
        "docs/refusals.md is not what the program does; see the difference after \
         `IONVAULT_BLESS=1 cargo test --test refusals`. It does:\n{document}"
    );
}
