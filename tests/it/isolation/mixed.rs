//! Requests for a thousand credentials at once, while their tokens come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ionvault::model::{BudgetLimits, CredentialName};
use ionvault::tokens::{IssueQuery, TokenSettings};
use tokio::sync::Barrier;
use tokio::time::Instant;

use crate::support::{World, ionapi};

/// They give their credentials the same names.
const TENANTS: usize = 100;
const CREDENTIALS: usize = 1_000;
const CALLERS: usize = 50;
/// What each caller asks in a round; the clock moves once a round.
const ROUND: usize = 500;
/// Four rounds see a token out.
const STEP: Duration = Duration::from_secs(2_000);

/// Which credential; and how its client and its name say so.
#[derive(Clone, Copy)]
struct Which(usize);

impl Which {
    fn name(self) -> CredentialName {
        let (tenant, app) = (self.0 % TENANTS, self.0 / TENANTS);
        format!("tenants/t{tenant}/credentials/app{app}").parse().unwrap()
    }

    fn file(self) -> Vec<u8> {
        let (tenant, app) = (self.0 % TENANTS, self.0 / TENANTS);
        ionapi(&format!("T{tenant}_PRD"), &format!("app{app}"))
    }

    /// What Infor's tokens for it begin with.
    fn begin(self) -> String {
        let (tenant, app) = (self.0 % TENANTS, self.0 / TENANTS);
        format!("access.T{tenant}_PRD~app{app}.")
    }
}

/// A million requests, or twenty-five thousand unless `IONVAULT_TEST_FULL` is set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mixed_requests_never_come_back_with_anothers_token() {
    let rounds = if std::env::var_os("IONVAULT_TEST_FULL").is_some() { 40 } else { 1 };
    let world = Arc::new(busy_world().await);
    let began = Instant::now();
    let before = world.infor.requests();
    let (barrier, wrong) = (Arc::new(Barrier::new(CALLERS)), Arc::new(AtomicUsize::new(0)));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (world, barrier, wrong) = (world.clone(), barrier.clone(), wrong.clone());
        callers.spawn(async move {
            for round in 0..rounds {
                let mistaken = ask(&world, caller, round).await;
                wrong.fetch_add(mistaken, Ordering::SeqCst);
                // Nobody is left behind by more than one step of the clock: the token that it
                // waits for would expire on the way.
                barrier.wait().await;
            }
        });
    }
    let joined: Vec<()> = callers.join_all().await;
    world.issuer.drain().await;
    let refreshes = world.infor.requests() - before;
    let (asked, wrong) = (joined.len() * ROUND * rounds, wrong.load(Ordering::SeqCst));
    println!(
        "{asked} requests over {CREDENTIALS} credentials, {refreshes} refreshes ({} with a \
         refresh token), {wrong} wrong, {:?}",
        world.infor.requests_by("refresh_token"),
        began.elapsed()
    );
    assert_eq!(wrong, 0);
    assert!(refreshes > CREDENTIALS / 2, "tokens were renewed on the way");
}

/// A vault with a token for each of the credentials, most of which are at their end.
async fn busy_world() -> World {
    let limits = BudgetLimits {
        tokens_per_client_and_day: *BudgetLimits::PER_DAY.end(),
        logins_per_tenant_and_day: *BudgetLimits::PER_DAY.end(),
        logins_per_tenant_and_minute: *BudgetLimits::PER_MINUTE.end(),
    };
    let world = World::with_settings(TokenSettings { limits, ..TokenSettings::default() }).await;
    for which in (0..CREDENTIALS).map(Which) {
        // Half of them begin with a refresh token; the others get one when they log in again.
        if which.0 == CREDENTIALS / 2 {
            world.infor.issue_refresh_tokens();
        }
        world.upload(&which.name().to_string(), &which.file()).await;
        let credential = world.vault.find(&which.name()).unwrap().unwrap();
        world.issuer.issue(&credential, IssueQuery::default()).await.unwrap();
    }
    world.clock.advance(3 * STEP);
    world
}

/// What a caller asks in a round; how often the answer was not the credential's own.
async fn ask(world: &World, caller: usize, round: usize) -> usize {
    let mut wrong = 0;
    let mut last: Option<(usize, String)> = None;
    for call in 0..ROUND {
        if caller == 0 && call == ROUND / 2 {
            world.clock.advance(STEP);
        }
        // A walk over all credentials, another for each caller and round. Now and then it stays to
        // say that the token which just came was refused.
        let rejected = last.take().filter(|_| call % 100 == 99);
        let walk = (call * 37 + caller * 61 + round * 113) % CREDENTIALS;
        let which = Which(rejected.as_ref().map_or(walk, |(which, _)| *which));
        let credential = world.vault.find(&which.name()).unwrap().unwrap();
        let rejected = rejected.as_ref().map(|(_, id)| id.as_str());
        let query = IssueQuery { rejected, ..IssueQuery::default() };
        let issued = world.issuer.issue(&credential, query).await.unwrap();
        let own = issued.token.token.expose().starts_with(which.begin().as_bytes());
        wrong += usize::from(!own);
        last = Some((which.0, issued.token.id.clone()));
        // A kept token is given without a wait; nobody else would get a turn.
        if call % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    wrong
}
