mod damage;
mod history;
mod memory_store;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use tokio::time::Instant;

use super::charges::{COMMITTED_WITHIN, DAY, GRANULE, MINUTE, ON_THE_WAY};
use super::*;
use crate::ion::HostRules;
use crate::ports::Store;
use crate::sealing::Keyring;

use memory_store::MemoryStore;

use std::time::{Duration, UNIX_EPOCH};

/// A wall clock that is wrong by as much as a test likes.
struct WrongClock {
    started: Instant,
    ahead: AtomicI64,
}

impl WrongClock {
    fn set_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    fn truth(&self) -> Duration {
        Duration::from_secs(1_790_000_000) + self.started.elapsed()
    }
}

impl Clock for WrongClock {
    fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::SeqCst);
        let by = Duration::from_secs(ahead.unsigned_abs());
        UNIX_EPOCH + if ahead < 0 { self.truth() - by } else { self.truth() + by }
    }
}

struct World {
    vault: Vault,
    memory: Arc<MemoryStore>,
    clock: Arc<WrongClock>,
    budgets: Budgets,
}

impl World {
    async fn new(limits: BudgetLimits) -> Self {
        let clock = Arc::new(WrongClock { started: Instant::now(), ahead: AtomicI64::new(0) });
        let memory = Arc::new(MemoryStore::default());
        let hosts = Arc::new(HostRules::new(vec![]));
        let keyring = Keyring::generate().unwrap();
        let vault = Vault::open(memory.clone(), keyring, hosts, clock.clone()).await.unwrap();
        let budgets = Budgets::new(vault.clone(), limits, clock.clone());
        Self { vault, memory, clock, budgets }
    }

    /// Everything in memory is gone.
    fn restart(&mut self, limits: BudgetLimits) {
        self.budgets = Budgets::new(self.vault.clone(), limits, self.clock.clone());
    }

    fn truth(&self) -> Duration {
        self.clock.truth()
    }

    fn store(&self) -> &dyn Store {
        &**self.vault.store()
    }

    /// Charges the attempt, or tells why not.
    async fn charge(&self, attempt: &Attempt<'_>) -> Result<(), BudgetExhausted> {
        charge(&self.budgets, self.store(), attempt).await
    }

    async fn usage(&self) -> BudgetUsage {
        self.budgets.usage(SERVER, "app", INFOR_TENANT).await.unwrap()
    }
}

async fn charge(
    budgets: &Budgets,
    store: &dyn Store,
    attempt: &Attempt<'_>,
) -> Result<(), BudgetExhausted> {
    loop {
        let reservation = match budgets.reserve(attempt).await {
            Ok(reservation) => reservation,
            Err(ReserveError::Exhausted(exhausted)) => return Err(exhausted),
            Err(error) => panic!("{error}"),
        };
        if let Ok(revision) = store.commit(reservation.expects(), reservation.writes()).await {
            reservation.committed(revision).unwrap();
            return Ok(());
        }
    }
}

const SERVER: &str = "https://sso.example/ACME_PRD/as/";
const INFOR_TENANT: &str = "ACME_PRD";

/// A log-in for an account that got tokens before.
fn attempt(client_id: &str) -> Attempt<'_> {
    let infor_tenant = INFOR_TENANT;
    Attempt { server: SERVER, client_id, infor_tenant, login: true, proven: true, early: false }
}

const REFRESH: Attempt<'_> = Attempt {
    server: SERVER,
    client_id: "app",
    infor_tenant: INFOR_TENANT,
    login: false,
    proven: true,
    early: false,
};

#[tokio::test(start_paused = true)]
async fn a_client_gets_a_hundred_tokens_a_day_and_others_theirs() {
    let world = World::new(BudgetLimits::default()).await;
    for _ in 0..100 {
        world.charge(&REFRESH).await.unwrap();
    }
    let exhausted = world.charge(&REFRESH).await.unwrap_err();
    assert_eq!(
        exhausted,
        BudgetExhausted {
            limit: BudgetLimit::TokensPerClientAndDay,
            share: BudgetShare::Whole,
            max: 100,
            retry_after: DAY + GRANULE + ON_THE_WAY,
        }
    );
    let usage = world.usage().await;
    assert_eq!((usage.tokens_used, usage.tokens_limit), (100, 100));
    assert_eq!((usage.logins_used, usage.logins_limit), (0, 1_000), "refreshing is no log-in");
    world.charge(&Attempt { client_id: "other", ..REFRESH }).await.unwrap();
    world.charge(&Attempt { server: "https://other.example/", ..REFRESH }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_tenant_gets_twenty_log_ins_a_minute_whatever_the_client() {
    let world = World::new(BudgetLimits::default()).await;
    let clients: Vec<String> = (0..21).map(|client| format!("app{client}")).collect();
    for client in &clients[..20] {
        world.charge(&attempt(client)).await.unwrap();
    }
    let exhausted = world.charge(&attempt(&clients[20])).await.unwrap_err();
    assert_eq!(exhausted.limit, BudgetLimit::LoginsPerTenantAndMinute);
    assert_eq!(exhausted.retry_after, MINUTE + GRANULE + ON_THE_WAY);
    world.charge(&Attempt { login: false, ..attempt(&clients[20]) }).await.unwrap();
    tokio::time::advance(exhausted.retry_after).await;
    world.charge(&attempt(&clients[20])).await.unwrap();
    assert_eq!(world.usage().await.logins_used, 21);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_one_limit_charges_nothing_to_the_other() {
    let limits = BudgetLimits { logins_per_tenant_and_day: 1, ..BudgetLimits::default() };
    let world = World::new(limits).await;
    world.charge(&attempt("app")).await.unwrap();
    world.charge(&attempt("app")).await.unwrap_err();
    let usage = world.usage().await;
    assert_eq!((usage.tokens_used, usage.logins_used), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn accounts_that_never_got_a_token_use_a_small_share_only() {
    let world = World::new(BudgetLimits::default()).await;
    let invented = Attempt { login: false, proven: false, ..attempt("app") };
    for _ in 0..5 {
        world.charge(&invented).await.unwrap();
    }
    let exhausted = world.charge(&invented).await.unwrap_err();
    assert_eq!((exhausted.share, exhausted.max), (BudgetShare::Unproven, 5));
    for _ in 0..95 {
        world.charge(&REFRESH).await.unwrap();
    }
    let log_in = |client_id| Attempt { client_id, proven: false, ..attempt("two") };
    for client_id in ["two", "three", "four", "five", "six"] {
        world.charge(&log_in(client_id)).await.unwrap();
    }
    let exhausted = world.charge(&log_in("seven")).await.unwrap_err();
    assert_eq!(exhausted.limit, BudgetLimit::LoginsPerTenantAndMinute);
    assert_eq!((exhausted.share, exhausted.max), (BudgetShare::Unproven, 5));
}

#[tokio::test(start_paused = true)]
async fn renewals_ahead_of_time_leave_a_fifth() {
    let world = World::new(BudgetLimits::default()).await;
    let early = Attempt { early: true, ..REFRESH };
    for _ in 0..80 {
        world.charge(&early).await.unwrap();
    }
    let exhausted = world.charge(&early).await.unwrap_err();
    assert_eq!((exhausted.share, exhausted.max), (BudgetShare::Early, 80));
    for _ in 0..20 {
        world.charge(&REFRESH).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_is_late_in_the_store_counts_and_is_good_for_nothing() {
    let world = World::new(BudgetLimits::default()).await;
    let tick = Duration::from_millis(1);
    for (number, (late, time)) in
        [(false, COMMITTED_WITHIN), (true, COMMITTED_WITHIN + tick)].into_iter().enumerate()
    {
        let reservation = world.budgets.reserve(&REFRESH).await.unwrap();
        let (expects, writes) = (reservation.expects(), reservation.writes());
        tokio::time::advance(time).await;
        let revision = world.store().commit(expects, writes).await.unwrap();
        assert_eq!(reservation.committed(revision).is_err(), late);
        assert_eq!(world.usage().await.tokens_used, 1 + number as u32);
    }
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_crashes_in_a_loop_passes_no_limit() {
    let mut world = World::new(BudgetLimits::default()).await;
    let mut charged = 0;
    for _ in 0..500 {
        charged += u32::from(world.charge(&REFRESH).await.is_ok());
        world.restart(BudgetLimits::default());
        tokio::time::advance(Duration::from_secs(7)).await;
    }
    assert_eq!(charged, 100);
}

#[tokio::test(start_paused = true)]
async fn two_vaults_on_one_store_pass_no_limit_together() {
    let world = Arc::new(World::new(BudgetLimits::default()).await);
    let other = Budgets::new(world.vault.clone(), BudgetLimits::default(), world.clock.clone());
    let other = Arc::new(other);
    let mut attempts = tokio::task::JoinSet::new();
    for number in 0..300 {
        let (world, other) = (Arc::clone(&world), Arc::clone(&other));
        attempts.spawn(async move {
            let budgets = if number % 2 == 0 { &world.budgets } else { &*other };
            charge(budgets, world.store(), &REFRESH).await.is_ok()
        });
    }
    let charged = attempts.join_all().await.into_iter().filter(|charged| *charged).count();
    assert_eq!(charged, 100);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_count_any_more_is_removed() {
    let mut world = World::new(BudgetLimits::default()).await;
    world.charge(&attempt("app")).await.unwrap();
    assert_eq!(world.memory.records(), 2);
    tokio::time::advance(DAY).await;
    world.charge(&REFRESH).await.unwrap();
    world.budgets.forget_idle().await.unwrap();
    assert_eq!(world.memory.records(), 2, "the tenant's counts for 40 s more");
    tokio::time::advance(GRANULE + ON_THE_WAY).await;
    world.budgets.forget_idle().await.unwrap();
    assert_eq!(world.memory.records(), 1, "the client's was charged again");
    world.charge(&attempt("app")).await.unwrap();
    assert_eq!(world.usage().await.logins_used, 1);
    world.restart(BudgetLimits::default());
    assert_eq!(world.usage().await.tokens_used, 2);
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Paper(Arc<std::sync::Mutex<Vec<u8>>>);

impl Paper {
    /// Writes down what this thread logs, until the guard is dropped.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        // While there is one subscriber alone, the thread that comes first by a line decides for all
        // whether anybody listens; and that may be another test's.
        std::sync::LazyLock::force(&NOBODY);
        let paper = self.clone();
        let lines = tracing_subscriber::fmt().with_writer(move || paper.clone()).finish();
        tracing::subscriber::set_default(lines)
    }

    /// How many lines contain this.
    fn lines_with(&self, what: &str) -> usize {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.lines().filter(|line| line.contains(what)).count()
    }
}

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

static NOBODY: std::sync::LazyLock<tracing::Dispatch> =
    std::sync::LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));

#[tokio::test(start_paused = true)]
async fn four_fifths_are_told_once_until_half_is_free_again() {
    let paper = Paper::default();
    let _listening = paper.listen();
    let told = || paper.lines_with("tokens_per_client_and_day");
    let world = World::new(BudgetLimits::default()).await;
    for used in 1..=100 {
        world.charge(&REFRESH).await.unwrap();
        assert_eq!(told(), usize::from(used >= 80), "{used}");
        // Sixty of them leave the window together.
        let half = if used == 60 { DAY / 2 } else { Duration::ZERO };
        tokio::time::advance(half).await;
    }
    tokio::time::advance(DAY / 2 + GRANULE + ON_THE_WAY).await;
    for used in 41..=80 {
        world.charge(&REFRESH).await.unwrap();
        assert_eq!(told(), 1 + usize::from(used >= 80), "{used}");
    }
}
