//! Secrets that are planted everywhere come out nowhere.
//!
//! A whole vault runs over mTLS, with providers that answer well, not at all, and with the very
//! secrets that they were sent. Everything that comes out of it is then searched for everything
//! that went in: the files of the store, the log, the metrics, answers, errors and `Debug` output.
#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

#[path = "oidc_provider/browser.rs"]
mod browser;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "it/support/raw.rs"]
mod raw;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "token_endpoint/raw_server.rs"]
mod raw_server;
mod secrecy {
    pub(crate) mod calls;
    pub(crate) mod controls;
    pub(crate) mod days;
    pub(crate) mod debugs;
    pub(crate) mod every_rpc;
    pub(crate) mod files;
    pub(crate) mod house;
    pub(crate) mod keys;
    pub(crate) mod misuse;
    pub(crate) mod notes;
    pub(crate) mod people;
    pub(crate) mod planted;
    pub(crate) mod providers;
    pub(crate) mod recorded;
    pub(crate) mod running;
    pub(crate) mod search;
    pub(crate) mod starts;
}

use secrecy::controls::Controls;
use secrecy::house::House;
use secrecy::notes::{LOG_OF_ALL, LOG_OF_OPERATOR, METRICS, Notes};
use secrecy::planted::Planted;
use secrecy::providers::Providers;
use secrecy::running::{self, Running};
use secrecy::search::{ENCODINGS, Search};
use secrecy::{days, debugs, every_rpc, keys, recorded, starts};

/// How a vault runs, and how it writes its log.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Run {
    /// Here, where all crates are heard.
    Here,
    /// As the operator runs it.
    Apart(&'static str),
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_gets_out() {
    running::listen_to_all();
    for run in [Run::Here, Run::Apart("text"), Run::Apart("json")] {
        let planted = Planted::default();
        let controls = Controls::new();
        let (notes, records) = live(run, &planted, &controls).await;
        let secrets = planted.all();
        assert!(secrets.len() >= 40, "{}", secrets.len());
        let found = notes.found(&Search::new(&secrets));
        assert!(found.is_empty(), "{run:?}: {found:#?}");
        let controls = controls.find(&notes);
        let sizes = notes.sizes();
        let sizes: Vec<_> = sizes.iter().map(|(of, bytes)| format!("{of} {bytes} bytes")).collect();
        println!(
            "{run:?}: {} secrets x {} encodings, {} RPCs, {} refusals, {records} records: {}: 0 found; \
             controls found: {controls} of {controls}",
            secrets.len(),
            ENCODINGS.len(),
            every_rpc::every_rpc().len(),
            notes.refusals(),
            sizes.join(", "),
        );
    }
}

/// The vault of [`Run::Apart`].
#[tokio::test(flavor = "multi_thread")]
#[ignore = "the other test starts it"]
async fn serves() {
    running::serve_apart().await;
}

/// Two days in the life of a vault, and all that came out.
///
/// With them the number of records in its audit log.
async fn live(run: Run, planted: &Planted, controls: &Controls) -> (Notes, usize) {
    let mut notes = Notes::default();
    let house = House::new(planted);
    let providers = Providers::start(planted, &house.authority).await;
    let format = if let Run::Apart(format) = run { format } else { "text" };
    house.furnish(planted, providers.simulator.ca_pem(), &providers.ports(), format).await;
    for day in 1..=2 {
        let running = match run {
            Run::Here => Running::here(&house).await,
            Run::Apart(_) => Running::apart(&house, &controls.to_text()).await,
        };
        match day {
            1 => days::first(&running, &house, &providers, planted, &mut notes).await,
            _ => days::second(&running, &house, planted, &mut notes).await,
        }
        notes.store(&house);
        if let Run::Apart(_) = run {
            notes.add(METRICS, "/metrics", running.metrics().await);
            notes.add(LOG_OF_OPERATOR, "standard error", running.stop().await);
        } else {
            running.stop().await;
        }
        notes.store(&house);
    }
    let records = recorded::collect(&house, planted, &mut notes);
    recorded::assert_complete(&records, &notes);
    keys::plant(&house, planted, &mut notes).await;
    starts::fail(&house, planted, &mut notes).await;
    debugs::print(&house.config(), planted, &mut notes);
    controls.log();
    controls.plant(&house, &mut notes);
    providers.simulator.shutdown().await;
    let log = running::take_all();
    for heard in ["TRACE h2::", "TRACE hyper", "TRACE rustls::", "TRACE sled::", "DEBUG ionvault::"]
    {
        let there = run != Run::Here || String::from_utf8_lossy(&log).contains(heard);
        assert!(there, "{heard} was not heard");
    }
    notes.add(LOG_OF_ALL, "all crates", log);
    let log = if run == Run::Here { LOG_OF_ALL } else { LOG_OF_OPERATOR };
    assert!(notes.hold(log, "the audit log has a new checkpoint"), "what the log witnesses");
    if run != Run::Here {
        assert!(notes.hold(METRICS, "ionvault_audit_records_total"));
    }
    (notes, records.len())
}
