//! Random histories against an exact reference: the time of every single charge.

use std::time::Duration;

use proptest::prelude::*;

use crate::model::BudgetLimits;

use super::super::charges::{GRANULE, ON_THE_WAY};
use super::super::{Attempt, BudgetLimit, BudgetShare, ReserveError};
use super::World;

/// Small, so that histories reach them.
const LIMITS: BudgetLimits = BudgetLimits {
    tokens_per_client_and_day: 12,
    logins_per_tenant_and_day: 9,
    logins_per_tenant_and_minute: 4,
};

#[derive(Clone, Copy, Debug)]
struct Ask {
    client: usize,
    login: bool,
    proven: bool,
    early: bool,
    end: End,
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Committed,
    /// The commit happens, and nobody hears of it.
    Unknown,
    /// It does not happen.
    Dropped,
}

#[derive(Clone, Debug)]
enum Step {
    Ask(Ask),
    Wait(Duration),
    /// Sets the wall clock so many seconds ahead of the truth.
    SetClock(i32),
    /// Starts again, with a wall clock that is so many seconds ahead, and is set right at once.
    Restart {
        ahead: i32,
        /// Whether the records do not open any more.
        damaged: bool,
    },
}

fn steps(faults: bool) -> impl Strategy<Value = Vec<Step>> {
    let end =
        prop_oneof![8 => Just(End::Committed), 1 => Just(End::Unknown), 1 => Just(End::Dropped)];
    let ask = (0..2_usize, any::<bool>(), proptest::bool::weighted(0.8), any::<bool>(), end)
        .prop_map(|(client, login, proven, early, end)| {
            Step::Ask(Ask { client, login, proven, early, end })
        });
    let wait = prop_oneof![
        (0..15_000_u64).prop_map(Duration::from_millis),
        (0..100_u64).prop_map(Duration::from_secs),
        (0..6 * 60 * 60_u64).prop_map(Duration::from_secs),
    ];
    let wrong = i32::from(faults) * 200_000;
    let wrong = || prop_oneof![Just(0), -wrong..=wrong];
    let clock = wrong().prop_map(Step::SetClock);
    let damaged = proptest::bool::weighted(if faults { 0.3 } else { 0.0 });
    let restart = (wrong(), damaged).prop_map(|(ahead, damaged)| Step::Restart { ahead, damaged });
    let step = prop_oneof![
        12 => ask,
        4 => wait.prop_map(Step::Wait),
        1 => clock,
        1 => restart,
    ];
    prop::collection::vec(step, 1..120)
}

/// One charge, at its true time.
struct Charge {
    at: Duration,
    ask: Ask,
}

impl Charge {
    fn counts_for(&self, limit: BudgetLimit, client: usize) -> bool {
        match limit {
            BudgetLimit::TokensPerClientAndDay => self.ask.client == client,
            BudgetLimit::LoginsPerTenantAndDay | BudgetLimit::LoginsPerTenantAndMinute => {
                self.ask.login
            }
        }
    }
}

/// How many charges lie in the last `window` towards each bound of `ask`, and what the bound is.
fn counts(
    charges: &[Charge],
    ask: Ask,
    now: Duration,
    more: Duration,
) -> Vec<(BudgetLimit, BudgetShare, usize, usize)> {
    let limits = [BudgetLimit::OF_CLIENT.as_slice(), BudgetLimit::OF_TENANT.as_slice()];
    let limits = limits.into_iter().take(1 + usize::from(ask.login)).flatten();
    let mut found = Vec::new();
    for &limit in limits {
        let all = if ask.early { BudgetShare::Early } else { BudgetShare::Whole };
        for share in
            [Some(all), (!ask.proven).then_some(BudgetShare::Unproven)].into_iter().flatten()
        {
            let counting = charges.iter().filter(|charge| {
                charge.at + limit.window() + more > now
                    && charge.counts_for(limit, ask.client)
                    && (share != BudgetShare::Unproven || !charge.ask.proven)
            });
            found.push((limit, share, counting.count(), limit.share(share, &LIMITS) as usize));
        }
    }
    found
}

struct Run {
    world: World,
    charges: Vec<Charge>,
    refused: usize,
    /// Whether the clock was always right.
    exact: bool,
    /// How far ahead the clock was when the process started.
    started_ahead: i32,
}

impl Run {
    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Ask(ask) => self.ask(ask).await,
            Step::Wait(time) => tokio::time::advance(time).await,
            Step::SetClock(ahead) => {
                // Twice wrong in the same direction, nothing would ever have told the truth.
                let ahead = match self.started_ahead.signum() {
                    0 => ahead,
                    sign => -sign * ahead.abs(),
                };
                self.world.clock.set_ahead(i64::from(ahead));
            }
            Step::Restart { ahead, damaged } => {
                if damaged {
                    self.world.memory.damage();
                }
                self.world.clock.set_ahead(i64::from(ahead));
                self.world.restart(LIMITS);
                self.world.clock.set_ahead(0);
                self.started_ahead = ahead;
            }
        }
    }

    async fn ask(&mut self, ask: Ask) {
        let client_id = ["one", "two"][ask.client];
        let attempt = Attempt {
            login: ask.login,
            proven: ask.proven,
            early: ask.early,
            ..super::attempt(client_id)
        };
        let now = self.world.truth();
        let reserved = self.world.budgets.reserve(&attempt).await;
        match reserved {
            Ok(reservation) => {
                for (limit, share, used, max) in counts(&self.charges, ask, now, ON_THE_WAY) {
                    assert!(used < max, "{limit:?} {share:?}: {used} of {max} and one more");
                }
                let commit = self.world.store().commit(reservation.expects(), reservation.writes());
                match ask.end {
                    End::Committed => reservation.committed(commit.await.unwrap()).unwrap(),
                    End::Unknown => _ = commit.await.unwrap(),
                    End::Dropped => return,
                }
                self.charges.push(Charge { at: now, ask });
            }
            Err(ReserveError::Exhausted(exhausted)) => {
                self.refused += 1;
                assert!(!exhausted.retry_after.is_zero());
                if self.exact {
                    let counts = counts(&self.charges, ask, now, ON_THE_WAY + GRANULE);
                    let full = counts.iter().any(|(limit, share, used, max)| {
                        *limit == exhausted.limit && *share == exhausted.share && used >= max
                    });
                    assert!(full, "{exhausted:?} and yet {counts:?}");
                    self.check_retry_after(&attempt, exhausted.retry_after).await;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Not a millisecond before, and then at once.
    async fn check_retry_after(&self, attempt: &Attempt<'_>, retry_after: Duration) {
        const TICK: Duration = Duration::from_millis(1);
        tokio::time::advance(retry_after.saturating_sub(TICK)).await;
        assert!(self.world.budgets.reserve(attempt).await.is_err());
        tokio::time::advance(TICK).await;
        assert!(self.world.budgets.reserve(attempt).await.is_ok());
    }
}

fn run(steps: &[Step], exact: bool) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(LIMITS).await;
        let mut run = Run { world, charges: vec![], refused: 0, exact, started_ahead: 0 };
        for step in steps {
            run.step(step).await;
        }
        (run.charges.len(), run.refused)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_limit_is_passed_in_any_window_whatever_the_wall_clock_does(steps in steps(true)) {
        run(&steps, false);
    }

    #[test]
    fn nobody_is_refused_without_a_reason_or_told_to_wait_too_long(steps in steps(false)) {
        run(&steps, true);
    }
}
