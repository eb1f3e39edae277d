//! Infor in the simulated world: it sees every request of the vault, and counts in true time.

mod families;
mod faults;
mod limits;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use ionvault::ports::{
    ExchangeError, GrantRequest, OauthError, RevocationRequest, TokenAnswer, TokenEndpoint,
    TokenKind, TokenRequest,
};
use ionvault::secret::Secret;

pub(crate) use families::AccessToken;
pub(crate) use faults::{Fault, Spell, Switch};
pub(crate) use limits::Limits;

use super::fleet::{Fleet, Kind};
use super::ledger::Ledger;
use super::world::World;

use families::{ACCESS, Asked, Families, Grant, REFRESH};
use faults::{Fate, Faults};
use limits::Requests;

/// All authorization servers.
pub(crate) struct Infor {
    world: Arc<World>,
    fleet: Arc<Fleet>,
    ledger: Arc<Ledger>,
    state: Mutex<State>,
}

struct State {
    families: Families,
    faults: Faults,
    requests: Requests,
    /// Requests under way, by log-in.
    under_way: Vec<usize>,
    /// How many token requests were made.
    count: u64,
}

/// One token request.
struct Visit<'a> {
    infor: &'a Infor,
    login: usize,
    number: u64,
    /// The refresh token in it.
    presented: Option<usize>,
    began: Duration,
    over: bool,
}

impl Infor {
    pub(crate) fn new(
        world: &Arc<World>,
        fleet: &Arc<Fleet>,
        ledger: &Arc<Ledger>,
        limits: Limits,
    ) -> Self {
        let state = State {
            families: Families::default(),
            faults: Faults::new(fleet),
            requests: Requests::new(fleet, limits),
            under_way: vec![0; fleet.logins.len()],
            count: 0,
        };
        let (world, fleet, ledger) = (world.clone(), fleet.clone(), ledger.clone());
        Self { world, fleet, ledger, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn begin_spell(&self, spell: Spell) {
        self.state().faults.begin(spell);
    }

    pub(crate) fn switch_off(&self, switch: Switch) {
        self.state().faults.switch_off(&self.fleet, &switch);
    }

    /// No faults from now on, and nothing is switched off.
    pub(crate) fn calm(&self) {
        self.state().faults = Faults::new(&self.fleet);
    }

    /// A process died: its requests are nobody's.
    pub(crate) fn forget_the_dead(&self) {
        self.state().under_way.fill(0);
    }

    /// How many token requests were made so far.
    pub(crate) fn requests(&self) -> u64 {
        self.state().count
    }

    /// What Infor knows of an access token.
    pub(crate) fn token(&self, token: &Secret) -> Option<AccessToken> {
        self.state().families.access_token(number(token, ACCESS)?)
    }

    /// A caller was given this token: the vault knows all that came with it.
    pub(crate) fn answer_used(&self, token: AccessToken) {
        self.state().families.answer_used(token);
    }

    fn begin(&self, request: &TokenRequest<'_>) -> Visit<'_> {
        let server = self.fleet.server_at(request.target.url.as_str());
        let mut state = self.state();
        let presented = match &request.grant {
            GrantRequest::RefreshToken(token) => Some(number(token, REFRESH).unwrap()),
            GrantRequest::Password { .. }
            | GrantRequest::ClientCredentials
            | GrantRequest::AuthorizationCode { .. } => None,
        };
        let login = match presented {
            Some(presented) => state.families.login_of(presented),
            None => self.login_of(request),
        };
        let client = self.fleet.client_of(login);
        if client.id != request.client_id || client.server != server {
            self.world
                .broken(format_args!("login {login}'s secrets were sent as another client's"));
        }
        state.count += 1;
        let (number, began) = (state.count, self.world.now());
        let grant =
            presented.map_or_else(|| "own grant".to_owned(), |n| format!("refresh token {n}"));
        self.world.note(format_args!("request {number}: login {login}, {grant}"));
        state.under_way[login] += 1;
        // Two tenants with the same file have an account each.
        if state.under_way[login] > self.fleet.tenants_of(login).len() {
            self.world.broken(format_args!("two requests of login {login} at once"));
        }
        drop(state);
        self.ledger.asks(login, number);
        Visit { infor: self, login, number, presented, began, over: false }
    }

    /// Whose secrets these are.
    fn login_of(&self, request: &TokenRequest<'_>) -> usize {
        let (fleet, secret) = (&self.fleet, request.client_secret.expose());
        let is = |login: &usize| {
            fleet.client_of(*login).id == request.client_id
                && fleet.client_secret(*login).as_bytes() == secret
                && match (&request.grant, fleet.logins[*login].kind) {
                    (GrantRequest::Password { username, password }, Kind::Password) => {
                        Fleet::access_key(*login).as_bytes() == username.expose()
                            && fleet.secret_key(*login).as_bytes() == password.expose()
                    }
                    (GrantRequest::ClientCredentials, Kind::ClientCredentials)
                    | (GrantRequest::AuthorizationCode { .. }, Kind::Web) => true,
                    _ => false,
                }
        };
        (0..fleet.logins.len()).find(is).unwrap()
    }
}

impl Visit<'_> {
    /// The request has arrived: Infor counts it.
    fn arrive(&self) {
        let Self { infor, login, presented, .. } = self;
        let state = &mut *infor.state();
        let passed = state.requests.count(&infor.fleet, *login, presented.is_none(), &infor.world);
        if let Some(passed) = passed {
            infor.world.broken(format_args!("request {}: {passed}", self.number));
        }
        if let Some(presented) = presented
            && let Err(again) = state.families.present(&infor.fleet, *presented)
        {
            infor.world.broken(format_args!("request {}: {again}", self.number));
        }
    }

    /// What Infor does about it.
    fn effect(&self) -> Result<Grant, OauthError> {
        let Self { infor, login, presented, number, .. } = self;
        let (fleet, now) = (&infor.fleet, infor.world.now());
        let state = &mut *infor.state();
        let asked = Asked {
            request: *number,
            at: self.began,
            disturbances: infor.world.disturbances(),
            wall_steps: infor.world.wall_steps(),
        };
        let no = state.faults.refusal(fleet, *login, now);
        let done = match (no, presented) {
            (Some(no), _) => Err(no),
            (None, Some(presented)) => state.families.redeem(fleet, *presented, asked, now),
            (None, None) => Ok(state.families.log_in(fleet, *login, asked)),
        };
        match &done {
            Ok(grant) => infor.world.note(format_args!(
                "request {number}: grants token {}, refresh token {:?}",
                grant.access, grant.refresh
            )),
            Err(no) => infor.world.note(format_args!("request {number}: refuses, {no}")),
        }
        done
    }

    /// It is over. Whether the vault knows what became of the refresh token that Infor saw.
    fn answered(mut self, known: bool) {
        self.over = true;
        let Self { infor, presented, .. } = &self;
        if let (Some(presented), true) = (presented, known) {
            infor.state().families.outcome_known(*presented);
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let Self { infor, login, number, began, over, .. } = self;
        if infor.world.is_dead() {
            return;
        }
        infor.state().under_way[*login] -= 1;
        // A flight's own deadline may end one that had to wait for its turn.
        if !*over && infor.world.now() - *began < EXCHANGE_TIME_MAX / 2 {
            infor.world.broken(format_args!("request {number} was abandoned"));
        }
    }
}

/// The port's limit.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(10);

#[async_trait]
impl TokenEndpoint for Infor {
    async fn exchange(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, ExchangeError> {
        let visit = self.begin(request);
        let server = self.fleet.client_of(visit.login).server;
        let fate = self.world.draw(|rng| self.state().faults.fate(rng, server, visit.began));
        self.world.step().await;
        if let Fate { fault: Some(Fault::Unreachable), there, .. } = fate {
            tokio::time::sleep(there).await;
            self.world.note(format_args!("request {}: unreachable", visit.number));
            visit.answered(false);
            return Err(ExchangeError::Unreachable("the simulated network"));
        }
        tokio::time::sleep(fate.there).await;
        visit.arrive();
        self.world.step().await;
        let effect = fate.has_effect().then(|| visit.effect());
        self.world.step().await;
        tokio::time::sleep(fate.back).await;
        let answer = match (fate.error(), effect) {
            (Some(error), _) => Err(error),
            (None, Some(effect)) => effect.map_err(ExchangeError::Refused),
            (None, None) => unreachable!("without a fault there is an effect"),
        };
        let known = !answer.as_ref().is_err_and(ExchangeError::may_have_had_effect);
        if let Err(error) = &answer {
            self.world.note(format_args!("request {}: {error}", visit.number));
        }
        // A refresh token that is refused is followed by the own grant, unless the client is wrong.
        if let Err(ExchangeError::Refused(no)) = &answer
            && (visit.presented.is_none() || *no == OauthError::InvalidClient)
        {
            self.ledger.is_refused(visit.login);
        }
        let life = self.fleet.client_of(visit.login).life;
        visit.answered(known);
        answer.map(|grant| TokenAnswer {
            access_token: Secret::from(format!("{ACCESS}{}", grant.access)),
            expires_in: life,
            refresh_token: grant.refresh.map(|n| Secret::from(format!("{REFRESH}{n}"))),
            scopes: None,
        })
    }

    async fn revoke(&self, request: &RevocationRequest<'_>) -> Result<(), ExchangeError> {
        let server = self.fleet.server_at(request.target.url.as_str());
        let now = self.world.now();
        let fate = self.world.draw(|rng| self.state().faults.fate(rng, server, now));
        self.world.step().await;
        tokio::time::sleep(fate.there).await;
        if fate.has_effect()
            && let (TokenKind::Refresh, Some(token)) =
                (request.kind, number(request.token, REFRESH))
        {
            self.world.note(format_args!("refresh token {token} is revoked"));
            self.state().families.revoke(token);
        }
        self.world.step().await;
        tokio::time::sleep(fate.back).await;
        fate.error().map_or(Ok(()), Err)
    }
}

/// The number of a token, which is all there is to it.
fn number(token: &Secret, prefix: &str) -> Option<usize> {
    std::str::from_utf8(token.expose()).unwrap().strip_prefix(prefix)?.parse().ok()
}
