//! Tokens that Infor gave out, and what becomes of refresh tokens.

use std::collections::BTreeSet;
use std::time::Duration;

use ionvault::ports::OauthError;

use super::super::fleet::{Fleet, GRACE, Kind, Rotation};

/// What tokens begin with; then comes their number.
pub(crate) const ACCESS: &str = "simulated-access-token-";
pub(crate) const REFRESH: &str = "simulated-refresh-token-";

/// All tokens, by their numbers.
#[derive(Default)]
pub(crate) struct Families {
    access: Vec<AccessToken>,
    refresh: Vec<RefreshToken>,
    families: Vec<Family>,
    /// Log-ins whose server may seem to forgive: what may have been a retry was granted. The vault
    /// cannot tell whether an earlier try ever reached Infor.
    forgiven: BTreeSet<usize>,
}

/// An access token.
#[derive(Clone, Copy)]
pub(crate) struct AccessToken {
    pub(crate) number: usize,
    pub(crate) login: usize,
    /// The request that it was granted to.
    pub(crate) asked: Asked,
    /// The refresh token that came with it, and whether it took the place of another.
    refresh: Option<usize>,
    rotated: bool,
}

/// A token request.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    /// How many requests there were before, and this one.
    pub(crate) request: u64,
    /// When the vault sent it: from then on it counts the token's life.
    pub(crate) at: Duration,
    /// The world's disturbances until then.
    pub(crate) disturbances: u64,
    /// How often the wall clock was set until then.
    pub(crate) wall_steps: u64,
}

struct RefreshToken {
    family: usize,
    /// When it was redeemed first.
    redeemed: Option<Duration>,
    /// The world's disturbances when it was issued.
    disturbances: u64,
    /// How often it was presented without the vault knowing what came of it.
    unknown: u32,
}

/// What descends from one log-in.
struct Family {
    login: usize,
    ended: bool,
    /// Whether the vault has seen that its refresh tokens are replaced when redeemed.
    seen_rotating: bool,
}

/// What a token request brought.
pub(crate) struct Grant {
    pub(crate) access: usize,
    pub(crate) refresh: Option<usize>,
}

impl Families {
    pub(crate) fn access_token(&self, number: usize) -> Option<AccessToken> {
        self.access.get(number).copied()
    }

    pub(crate) fn login_of(&self, refresh: usize) -> usize {
        self.families[self.refresh[refresh].family].login
    }

    /// A caller was given what this answer brought, so the vault has learned from it.
    pub(crate) fn answer_used(&mut self, token: AccessToken) {
        if let (Some(refresh), true) = (token.refresh, token.rotated) {
            let family = self.refresh[refresh].family;
            self.families[family].seen_rotating = true;
        }
    }

    /// A refresh token arrives. An error if it must not be presented any more: the vault has
    /// another way, and its profile forbids another try.
    pub(crate) fn present(&mut self, fleet: &Fleet, number: usize) -> Result<(), String> {
        let token = &mut self.refresh[number];
        let Family { login, seen_rotating, .. } = self.families[token.family];
        let most = if seen_rotating && !self.forgiven.contains(&login) { 1 } else { 2 };
        let unknown = token.unknown;
        token.unknown += 1;
        let has_another_way = fleet.logins[login].kind == Kind::Password;
        let rotates = fleet.client_of(login).rotation != Rotation::None;
        if has_another_way && rotates && unknown >= most {
            return Err(format!(
                "refresh token {number} comes again after {unknown} unknown outcomes"
            ));
        }
        Ok(())
    }

    /// The vault knows what came of the last time that this one was presented.
    pub(crate) fn outcome_known(&mut self, number: usize) {
        self.refresh[number].unknown -= 1;
    }

    pub(crate) fn log_in(&mut self, fleet: &Fleet, login: usize, asked: Asked) -> Grant {
        let refresh = fleet.client_of(login).issues_refresh_tokens.then(|| {
            self.families.push(Family { login, ended: false, seen_rotating: false });
            self.new_refresh(self.families.len() - 1, asked)
        });
        self.grant(AccessToken { number: 0, login, asked, refresh, rotated: false })
    }

    pub(crate) fn redeem(
        &mut self,
        fleet: &Fleet,
        number: usize,
        asked: Asked,
        now: Duration,
    ) -> Result<Grant, OauthError> {
        let family = self.refresh[number].family;
        let Family { login, ended, .. } = self.families[family];
        if ended {
            return Err(OauthError::InvalidGrant);
        }
        let redeemed = self.refresh[number].redeemed;
        let refresh = match (fleet.client_of(login).rotation, redeemed) {
            (Rotation::None, _) => None,
            (_, None) => Some(self.new_refresh(family, asked)),
            (Rotation::Grace, Some(at)) if now <= at + GRACE => {
                Some(self.new_refresh(family, asked))
            }
            (Rotation::Strict | Rotation::Grace, Some(_)) => {
                self.families[family].ended = true;
                return Err(OauthError::InvalidGrant);
            }
        };
        self.refresh[number].redeemed.get_or_insert(now);
        let RefreshToken { unknown, disturbances, .. } = self.refresh[number];
        if unknown > 1 || disturbances != asked.disturbances {
            self.forgiven.insert(login);
        }
        let rotated = refresh.is_some();
        Ok(self.grant(AccessToken { number: 0, login, asked, refresh, rotated }))
    }

    pub(crate) fn revoke(&mut self, number: usize) {
        let family = self.refresh[number].family;
        self.families[family].ended = true;
    }

    fn new_refresh(&mut self, family: usize, Asked { disturbances, .. }: Asked) -> usize {
        self.refresh.push(RefreshToken { family, redeemed: None, disturbances, unknown: 0 });
        self.refresh.len() - 1
    }

    fn grant(&mut self, token: AccessToken) -> Grant {
        let number = self.access.len();
        self.access.push(AccessToken { number, ..token });
        Grant { access: number, refresh: token.refresh }
    }
}
