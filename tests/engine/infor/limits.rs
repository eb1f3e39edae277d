//! Infor's limits, counted in true time: in no window may the vault pass them.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::fleet::Fleet;
use super::super::world::World;

/// What Infor allows; as in `infor.md`, or smaller.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) tokens_per_client_and_day: usize,
    pub(crate) logins_per_tenant_and_day: usize,
    pub(crate) logins_per_tenant_and_minute: usize,
}

/// The requests of the last day.
pub(crate) struct Requests {
    limits: Limits,
    /// By app; and among them those of log-ins that never succeed.
    clients: Vec<VecDeque<Duration>>,
    invented: Vec<VecDeque<Duration>>,
    /// Log-ins, by Infor tenant.
    tenants: Vec<VecDeque<Duration>>,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Requests {
    pub(crate) fn new(fleet: &Fleet, limits: Limits) -> Self {
        let clients = vec![VecDeque::new(); fleet.clients.len()];
        let tenants = vec![VecDeque::new(); fleet.servers.len()];
        Self { limits, invented: clients.clone(), clients, tenants }
    }

    /// Counts a request, and says which limit it passed, if one.
    pub(crate) fn count(
        &mut self,
        fleet: &Fleet,
        login: usize,
        own_grant: bool,
        world: &World,
    ) -> Option<String> {
        // What the wall clock gained between two lives of the process, nobody could tell it.
        let (now, gained) = (world.now(), world.wall_gained(DAY));
        let client = fleet.logins[login].client;
        let server = fleet.clients[client].server;
        let Limits {
            tokens_per_client_and_day,
            logins_per_tenant_and_day,
            logins_per_tenant_and_minute,
        } = self.limits;
        let mut passed = None;
        let mut check = |count, limit, of: &str| {
            if count > limit {
                passed = Some(format!("{count} {of}, and {limit} are allowed"));
            }
        };
        check(
            add(&mut self.clients[client], now, gained),
            tokens_per_client_and_day,
            "tokens in a day",
        );
        if !fleet.is_genuine(login) {
            let share = (tokens_per_client_and_day / INVENTED_SHARE).max(1);
            let count = add(&mut self.invented[client], now, gained);
            check(count, share, "tokens for invented secrets in a day");
        }
        if own_grant {
            let tenant = &mut self.tenants[server];
            check(add(tenant, now, gained), logins_per_tenant_and_day, "log-ins in a day");
            let minute = within(tenant, now, MINUTE.saturating_sub(gained));
            check(minute, logins_per_tenant_and_minute, "log-ins in a minute");
        }
        passed
    }
}

/// 5 of 100.
const INVENTED_SHARE: usize = 20;

/// Adds one, and counts those of the last day.
fn add(requests: &mut VecDeque<Duration>, now: Duration, gained: Duration) -> usize {
    while requests.front().is_some_and(|at| *at + DAY <= now) {
        requests.pop_front();
    }
    requests.push_back(now);
    within(requests, now, DAY.saturating_sub(gained))
}

fn within(requests: &VecDeque<Duration>, now: Duration, window: Duration) -> usize {
    requests.iter().rev().take_while(|at| **at + window > now).count()
}
