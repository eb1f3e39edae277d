//! What the vault's callers were given, and whether what it does follows from that.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use super::fleet::Fleet;
use super::infor::AccessToken;
use super::world::World;

/// One account for each tenant and log-in.
pub(crate) struct Ledger {
    world: Arc<World>,
    fleet: Arc<Fleet>,
    accounts: Mutex<Vec<Account>>,
}

#[derive(Clone, Default)]
struct Account {
    /// The newest token that a caller was given.
    held: Option<Held>,
    /// A request was made, and no caller was given a token of it or of a later one.
    open: bool,
    /// What callers on their way need, in order of their visits.
    waiting: Vec<(u64, Duration)>,
    /// When a caller last reported the newest token.
    reported: Option<Duration>,
    /// Administrators who try the file now.
    testing: u32,
    /// Administrators who revoke its tokens now, and how often that began.
    revoking: u32,
    revocations: u64,
    /// Nobody may be given a token of this request or one before.
    revoked_until: u64,
    /// Whether they are revoked is for the next process to find out.
    perhaps_revoked: bool,
    stop: Option<Stop>,
}

/// Infor said no for good.
#[derive(Clone, Copy)]
struct Stop {
    at: Duration,
    /// Whether a caller was told: then it is in the store, and stops all attempts.
    told: bool,
}

/// A token that a caller was given.
#[derive(Clone)]
struct Held {
    token: AccessToken,
    id: String,
    /// As the vault told it, by its wall clock.
    expire_time: SystemTime,
}

/// A caller on its way.
pub(crate) struct Visitor {
    pub(crate) tenant: usize,
    pub(crate) login: usize,
    pub(crate) asked: Option<Duration>,
    pub(crate) reports_newest: bool,
    visit: u64,
    /// How often revoking had begun when it set out.
    revocations: u64,
    /// Whether a token was there that would do, and is the caller's due.
    due: bool,
}

impl Ledger {
    pub(crate) fn new(world: &Arc<World>, fleet: &Arc<Fleet>) -> Self {
        let accounts = vec![Account::default(); fleet.logins.len() * super::fleet::TENANTS];
        Self { world: world.clone(), fleet: fleet.clone(), accounts: Mutex::new(accounts) }
    }

    fn accounts(&self) -> MutexGuard<'_, Vec<Account>> {
        self.accounts.lock().unwrap()
    }

    fn at(&self, tenant: usize, login: usize) -> usize {
        tenant * self.fleet.logins.len() + login
    }

    /// The id of the newest token that a caller of this account was given.
    pub(crate) fn newest(&self, (tenant, login): (usize, usize)) -> Option<String> {
        self.accounts()[self.at(tenant, login)].held.as_ref().map(|held| held.id.clone())
    }

    /// A caller sets out.
    pub(crate) fn arrives(
        &self,
        (tenant, login): (usize, usize),
        asked: Option<Duration>,
        reports_newest: bool,
        visit: u64,
    ) -> Visitor {
        let due = self.due(tenant, login, asked);
        let account = &mut self.accounts()[self.at(tenant, login)];
        account.waiting.push((visit, asked.unwrap_or_default()));
        if reports_newest {
            account.reported = Some(self.world.now());
        }
        let revocations = account.revocations;
        Visitor { tenant, login, asked, reports_newest, visit, revocations, due }
    }

    /// A caller has an answer, or gave up: then what was begun for it goes on.
    pub(crate) fn leaves(&self, visitor: &Visitor, gave_up: bool) {
        let account = &mut self.accounts()[self.at(visitor.tenant, visitor.login)];
        account.open |= gave_up;
        account.waiting.retain(|(visit, _)| *visit != visitor.visit);
    }

    /// A process ends, and its callers with it. What it began for them, the next one may finish.
    pub(crate) fn end_life(&self) {
        for (at, account) in self.accounts().iter_mut().enumerate() {
            // The next process knows the refusal by its wall clock, which may be another.
            account.stop = None;
            if account.revoking > 0 || account.perhaps_revoked {
                account.held = None;
            }
            (account.testing, account.revoking, account.perhaps_revoked) = (0, 0, false);
            account.open |= self.has_cause(account, at % self.fleet.logins.len());
            account.waiting.clear();
        }
    }

    /// Nobody knows whether an attempt was announced: the next process may find it.
    pub(crate) fn may_be_open(&self) {
        self.accounts().iter_mut().for_each(|account| account.open = true);
    }

    /// A caller was given a token.
    pub(crate) fn given(
        &self,
        visitor: &Visitor,
        token: AccessToken,
        id: &str,
        expire_time: SystemTime,
    ) {
        let Visitor { tenant, login, asked, .. } = *visitor;
        if token.login != login {
            let other = token.login;
            self.world.broken(format_args!("login {login} was given a token of login {other}"));
        }
        let mut accounts = self.accounts();
        if token.asked.request <= accounts[self.at(tenant, login)].revoked_until {
            let number = token.number;
            self.world
                .broken(format_args!("login {login} was given token {number}, revoked before"));
        }
        for other in (0..super::fleet::TENANTS).filter(|other| *other != tenant) {
            let held = &accounts[self.at(other, login)].held;
            if held.as_ref().is_some_and(|held| held.token.number == token.number) {
                self.world
                    .broken(format_args!("tenant {tenant} was given a token of tenant {other}"));
            }
        }
        let left = expire_time.duration_since(self.world.wall()).unwrap_or_default();
        if left.is_zero() || left < asked.unwrap_or_default() {
            self.world.broken(format_args!(
                "login {login} was given a token with {left:?} left, and asked {asked:?}"
            ));
        }
        let account = &mut accounts[self.at(tenant, login)];
        let number = token.number;
        self.world
            .note(format_args!("tenant {tenant}: a caller of login {login} has token {number}"));
        if account.held.as_ref().is_none_or(|held| held.token.number < token.number) {
            account.held = Some(Held { token, id: id.to_owned(), expire_time });
            account.open = false;
        }
    }

    /// A caller was given no token; `told` says why.
    pub(crate) fn refused(&self, visitor: &Visitor, definite: bool, told: fmt::Arguments<'_>) {
        let Visitor { tenant, login, asked, due, reports_newest, .. } = *visitor;
        if definite && let Some(stop) = &mut self.accounts()[self.at(tenant, login)].stop {
            stop.told = true;
        }
        // Who reports a token hears it if Infor says no to the next one.
        if reports_newest && definite {
            return;
        }
        // Who reports it waits for another, and it ages. Somebody may have revoked it meanwhile.
        let due = due
            && !reports_newest
            && self.accounts()[self.at(tenant, login)].revocations == visitor.revocations;
        if due || self.due(tenant, login, asked) {
            self.world.broken(format_args!(
                "a caller of login {login} was refused ({told}), and there is a good token"
            ));
        }
    }

    /// Whether there is a token that lives long enough for this caller, by both clocks.
    fn due(&self, tenant: usize, login: usize, asked: Option<Duration>) -> bool {
        let accounts = self.accounts();
        let account = &accounts[self.at(tenant, login)];
        let Some(held) = account.held.as_ref().filter(|_| account.revoking == 0) else {
            return false;
        };
        // A newer one may have come that nobody was given yet. By a wall clock that was put back, it
        // can end before this one.
        if account.open && held.token.asked.wall_steps != self.world.wall_steps() {
            return false;
        }
        let life = self.fleet.client_of(login).life;
        let needed = asked.unwrap_or_default().max(mandatory(life)) + TICK;
        self.left(held) >= needed && asked.unwrap_or_default() <= life / 2
    }

    /// What is left of a token, by the clock of the vault that says less. Of a token from before its
    /// start, its monotonic clock knows what its wall clock said then.
    fn left(&self, held: &Held) -> Duration {
        let (started, wall_then) = self.world.start();
        let (asked, life) = (held.token.asked.at, self.fleet.client_of(held.token.login).life);
        let until = |wall| held.expire_time.duration_since(wall).unwrap_or_default();
        let ends =
            if asked < started { started + until(wall_then).min(life) } else { asked + life };
        until(self.world.wall()).min(ends.saturating_sub(self.world.now()))
    }

    /// Infor is asked for a token: somebody must need one.
    pub(crate) fn asks(&self, login: usize, request: u64) {
        let tenants = self.fleet.tenants_of(login);
        let mut accounts = self.accounts();
        let account = |tenant: &usize| &accounts[self.at(*tenant, login)];
        if let [tenant] = tenants[..]
            && let Some(Stop { at, told: true }) = account(&tenant).stop
            && self.world.now() < at + REPROBE_MIN
        {
            self.world
                .broken(format_args!("request {request} of login {login}: refused since {at:?}"));
        }
        // Infor cannot tell which of the tenants with the same file asks.
        if !tenants.iter().any(|tenant| self.has_cause(account(tenant), login)) {
            let held = account(&tenants[0]).held.as_ref();
            let (token, left) =
                held.map_or((0, Duration::ZERO), |held| (held.token.number, self.left(held)));
            self.world.broken(format_args!(
                "request {request} of login {login} is needless: token {token} has {left:?} left"
            ));
        }
        for tenant in tenants {
            let account = &mut accounts[self.at(tenant, login)];
            (account.open, account.stop) = (true, None);
        }
    }

    /// An administrator tries a file, whatever was refused before. What it came to is told later.
    pub(crate) fn test_begins(&self, (tenant, login): (usize, usize)) {
        let account = &mut self.accounts()[self.at(tenant, login)];
        (account.testing, account.stop, account.open) = (account.testing + 1, None, true);
    }

    pub(crate) fn test_ends(&self, (tenant, login): (usize, usize)) {
        self.accounts()[self.at(tenant, login)].testing -= 1;
    }

    /// An administrator revokes the tokens of an account.
    pub(crate) fn revocation_begins(&self, (tenant, login): (usize, usize)) {
        let account = &mut self.accounts()[self.at(tenant, login)];
        (account.revoking, account.revocations) = (account.revoking + 1, account.revocations + 1);
        account.open = true;
    }

    /// It has ended. If it is `acknowledged`, no token of this request or of one before is given to
    /// anybody who comes from now on; else nobody knows.
    pub(crate) fn revocation_ends(
        &self,
        (tenant, login): (usize, usize),
        acknowledged: bool,
        request: u64,
    ) {
        let account = &mut self.accounts()[self.at(tenant, login)];
        account.revoking -= 1;
        // What came meanwhile may have been taken with the rest.
        account.held = None;
        if acknowledged {
            account.revoked_until = account.revoked_until.max(request);
        } else {
            account.perhaps_revoked = true;
        }
    }

    /// Infor has said no for good to a log-in, and the vault knows it.
    pub(crate) fn is_refused(&self, login: usize) {
        let at = self.world.now();
        for tenant in self.fleet.tenants_of(login) {
            self.accounts()[self.at(tenant, login)].stop = Some(Stop { at, told: false });
        }
    }

    fn has_cause(&self, account: &Account, login: usize) -> bool {
        let Some(held) = &account.held else { return true };
        if account.testing > 0 || account.revoking > 0 {
            return true;
        }
        let left = self.left(held);
        let reported = account.reported.is_some_and(|at| self.world.now() <= at + REPORT_TIME);
        account.open
            || reported
            || left <= advisory_max(self.fleet.client_of(login).life) + TICK
            || account.waiting.iter().any(|(_, asked)| *asked > left.saturating_sub(TICK))
    }
}

/// The vault's clocks are read a little before ours.
const TICK: Duration = Duration::from_secs(1);

/// An hour, up to an eighth less.
const REPROBE_MIN: Duration = Duration::from_secs(3600 * 7 / 8);

/// A renewal that a report started may wait for its turn for so long.
const REPORT_TIME: Duration = Duration::from_secs(60);

/// A token with less left is renewed while its callers wait.
fn mandatory(life: Duration) -> Duration {
    Duration::from_secs(60).min(life / 4)
}

/// A token with more left is not renewed early.
fn advisory_max(life: Duration) -> Duration {
    mandatory(life) + Duration::from_secs(240).min(life / 8).mul_f64(1.25)
}
