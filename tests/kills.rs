//! The real process, killed at each step of renewing a token, against a real authorization server
//! that rotates refresh tokens and revokes a family when an old one is used again.
//!
//! After each kill the vault is started again, and every credential must give a token that the
//! provider accepts: without a person, and without an old refresh token being used twice where the
//! operator said what the server makes of that.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]
#![allow(clippy::indexing_slicing, reason = "a test")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test that tells its figures")]

#[allow(dead_code, reason = "other tests open pages")]
#[path = "oidc_provider/browser.rs"]
mod browser;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "process/installation.rs"]
mod installation;
#[path = "third_party/installed.rs"]
mod installed;
#[path = "oidc_provider/introspection.rs"]
mod introspection;
mod kills {
    pub(crate) mod figures;
    pub(crate) mod house;
    pub(crate) mod provider;
    pub(crate) mod proxy;
    pub(crate) mod rounds;
    pub(crate) mod steps;
    pub(crate) mod tracing;
    pub(crate) mod vault;
}
#[allow(dead_code, reason = "other tests read what it prints")]
#[path = "process/program.rs"]
mod program;
#[allow(dead_code, reason = "other tests start it as it is")]
#[path = "oidc_provider/server.rs"]
mod server;

use kills::figures::Figures;
use kills::house::House;

/// Enough for a day in which hardly anything else happens than kills.
const LIMITS: &str = "[tokens.limits]\ntokens_per_client_and_day = 5000\n\
                      logins_per_tenant_and_day = 5000\nlogins_per_tenant_and_minute = 1000\n";

const STRICT: &str = "[[tokens.server]]\nhost = \"localhost\"\nport = {port}\n\
                      refresh_rotation = \"strict\"\n";

/// `None` where something is missing that the test needs.
async fn killed(more: &str, quick: usize, full: usize) -> Option<Figures> {
    if !kills::tracing::strace_works() {
        return None;
    }
    let house = House::build(&format!("{LIMITS}{more}")).await?;
    let full_size = std::env::var_os("IONVAULT_TEST_FULL").is_some_and(|value| value == "1");
    let figures = kills::rounds::run(&house, if full_size { full } else { quick }).await;
    println!("{figures}");
    assert!(figures.stuck.is_empty(), "{:#?}", figures.stuck);
    assert!(figures.lost.is_empty(), "durable tokens are gone: {:?}", figures.lost);
    assert!(figures.astray.is_empty(), "{:#?}", figures.astray);
    Some(figures)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_leaves_a_credential_stuck_or_replays_a_refresh_token() {
    let Some(figures) = killed(STRICT, 20, 160).await else { return };
    assert_eq!(figures.families_revoked(), 0, "a refresh token was used twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_kill_leaves_a_credential_stuck_at_a_server_that_nobody_described() {
    killed("", 10, 150).await;
}
