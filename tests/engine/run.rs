//! One run: days of a fleet under faults, then a quiet day, then the questions at the end.

use std::sync::Arc;
use std::time::Duration;

use ionvault::model::{BudgetLimits, State};
use ionvault::sealing::Keyring;
use ionvault::tokens::TokenSettings;

use super::callers::{Call, Outcome, PATIENCE_MAX, Reports};
use super::events::Kept;
use super::fleet::{Fleet, Kind};
use super::infor::{Infor, Limits};
use super::ledger::Ledger;
use super::life::{Life, Outside};
use super::model::ModelStore;
use super::randomness::{Rng, seed_the_operating_system};
use super::world::{Report, World};
use super::{administrators, callers, weather};

const HOUR: Duration = Duration::from_secs(3600);

/// What a run is.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Faults happen for so long.
    pub(crate) stormy: Duration,
    pub(crate) kept: Kept,
}

/// Then none for so long: the slowest re-probe comes once in 24 hours.
const QUIET: Duration = Duration::from_secs(28 * 3600);

/// Few enough callers for the budgets of all clients.
const QUIET_PAUSE: Duration = Duration::from_secs(4 * 3600);

/// Infor's are 100, 1,000 and 20; smaller ones are met more often.
const LIMITS: Limits = Limits {
    tokens_per_client_and_day: 100,
    logins_per_tenant_and_day: 1_000,
    logins_per_tenant_and_minute: 20,
};

/// How the life of a process ended.
enum End {
    Crashed,
    Stopped,
    /// The run is over.
    Over,
}

/// Runs in a thread of its own, as the states of its hash maps are the thread's.
pub(crate) fn run(plan: Plan) -> Report {
    std::thread::spawn(move || run_here(plan)).join().unwrap()
}

fn run_here(Plan { seed, stormy, kept }: Plan) -> Report {
    seed_the_operating_system(seed);
    let world = Arc::new(World::new(seed, kept));
    let fleet = Arc::new(Fleet::new(&mut Rng::new(seed)));
    let ledger = Arc::new(Ledger::new(&world, &fleet));
    let infor = Arc::new(Infor::new(&world, &fleet, &ledger, LIMITS));
    let keyring = Keyring::generate().unwrap();
    let (kept, store_id) = (Arc::new(ModelStore::default()), keyring.store_id());
    let settings = settings(&LIMITS);
    let outside = Outside { world, fleet, ledger, infor, kept, store_id, settings };
    live(&outside, async |outside| {
        outside.init(&keyring).await;
        End::Stopped
    });
    while !outside.world.is_broken()
        && !matches!(live(&outside, async |outside| a_life(outside, stormy).await), End::Over)
    {}
    if !outside.world.is_broken() {
        // Attempts for those who never asked again were left open until now.
        live(&outside, async |outside| aftermath(outside, true).await);
        live(&outside, async |outside| aftermath(outside, false).await);
    }
    outside.world.report()
}

/// The vault is told what Infor's limits are.
fn settings(limits: &Limits) -> TokenSettings {
    let limit = |limit: usize| u32::try_from(limit).unwrap();
    let limits = BudgetLimits {
        tokens_per_client_and_day: limit(limits.tokens_per_client_and_day),
        logins_per_tenant_and_day: limit(limits.logins_per_tenant_and_day),
        logins_per_tenant_and_minute: limit(limits.logins_per_tenant_and_minute),
    };
    TokenSettings { limits, ..TokenSettings::default() }
}

/// Lets a process live until it dies.
fn live(outside: &Outside, life: impl AsyncFnOnce(&Outside) -> End) -> End {
    let world = &outside.world;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let end = runtime.block_on(async {
        world.begin_life();
        let end = tokio::select! {
            biased;
            () = world.crashed() => End::Crashed,
            end = life(outside) => end,
        };
        outside.ledger.end_life();
        let pause = world.draw(|rng| {
            let mean = if rng.chance(800) { Duration::from_secs(5) } else { HOUR / 4 };
            rng.about(mean)
        });
        world.end_life(pause);
        end
    });
    drop(runtime);
    outside.infor.forget_the_dead();
    end
}

async fn a_life(outside: &Outside, stormy: Duration) -> End {
    let life = outside.start().await;
    outside.world.note(format_args!("started"));
    for member in 0..life.fleet.credentials.len() {
        let name = &life.fleet.credentials[member].name;
        if life.vault.find(name).unwrap().is_none() {
            administrators::upload_first(&life, member).await;
        }
    }
    while life.world.now() < stormy {
        let pause = life.world.draw(|rng| rng.about(Duration::from_secs(40)));
        tokio::time::sleep(pause).await;
        match life.world.draw(|rng| rng.below(1000)) {
            0..=14 => {
                let member = life.world.draw(|rng| rng.below(life.fleet.credentials.len()));
                tokio::spawn(administrators::change(life.clone(), member));
            }
            15..=49 => {
                if weather::change(&life) {
                    life.stop().await;
                    life.world.note(format_args!("stopped"));
                    return End::Stopped;
                }
            }
            _ => callers_come(&life),
        }
        if life.store.has_failed() && life.world.draw(|rng| rng.chance(100)) {
            life.world.note(format_args!("restarted because of its store"));
            return End::Crashed;
        }
    }
    if life.store.has_failed() {
        return End::Crashed;
    }
    quiet(&life).await;
    life.stop().await;
    End::Over
}

/// One or more callers of a credential.
fn callers_come(life: &Arc<Life>) {
    let (member, callers) = life.world.draw(|rng| {
        let callers = if rng.chance(50) { 1 + rng.below(8) } else { 1 };
        (rng.below(life.fleet.credentials.len()), callers)
    });
    for _ in 0..callers {
        let call = life.world.draw(|rng| Call {
            member,
            min_remaining: match rng.below(10) {
                0 => Some(rng.between(Duration::ZERO, 2 * HOUR)),
                1..=2 => Some(rng.between(Duration::ZERO, HOUR / 6)),
                _ => None,
            },
            reports: match rng.below(20) {
                0 => Reports::Newest,
                1 => Reports::AnOldOne,
                _ => Reports::Nothing,
            },
            patience: if rng.chance(100) { rng.about(HOUR / 3600) } else { PATIENCE_MAX },
        });
        let life = life.clone();
        tokio::spawn(async move { call.make(&life).await });
    }
}

/// Nothing goes wrong any more: in the end all is well.
async fn quiet(life: &Arc<Life>) {
    let world = &life.world;
    world.note(format_args!("it is quiet now"));
    world.spare();
    life.infor.calm();
    life.store.spare();
    let end = world.now() + QUIET;
    while world.now() < end {
        tokio::time::sleep(QUIET_PAUSE).await;
        for member in 0..life.fleet.credentials.len() {
            let (outcome, expected) =
                (Call::plain(member).make(life).await, expected(life, member));
            if outcome != expected && world.now() >= end {
                world.broken(format_args!(
                    "in the end credential {member} is {outcome:?}, not {expected:?}"
                ));
            }
        }
    }
}

/// What a caller of a credential gets when all is well.
fn expected(life: &Life, member: usize) -> Outcome {
    let name = &life.fleet.credentials[member].name;
    let Ok(Some(credential)) = life.vault.find(name) else { return Outcome::Nothing };
    if credential.state != State::Active {
        return Outcome::Nothing;
    }
    let login = callers::login_of(&credential);
    // Nobody has authorized the web apps.
    let good = life.fleet.is_genuine(login) && life.fleet.logins[login].kind != Kind::Web;
    if good { Outcome::Token } else { Outcome::Refused }
}

/// A process starts, and nobody comes: it asks Infor for nothing, unless attempts may be open.
async fn aftermath(outside: &Outside, may_be_open: bool) -> End {
    let before = outside.infor.requests();
    let _life = outside.start().await;
    tokio::time::sleep(HOUR).await;
    let asked = outside.infor.requests() - before;
    if asked > 0 && !may_be_open {
        outside.world.broken(format_args!("{asked} attempts were open in the end"));
    }
    End::Over
}
