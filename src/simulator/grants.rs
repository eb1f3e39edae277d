//! Which grants are given, and what becomes of them.

mod authorization_code;
mod codes;
mod ledger;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use self::codes::Codes;
use self::ledger::{Grant, Ledger, Redeemed};
use super::answer::Refusal;
use super::app::{App, AppGrant, ServerKind};
use super::config::RefreshPolicy;
use super::form::Form;
use super::limits::Usage;
use super::token;

/// The grants given so far.
pub(super) struct Grants {
    token_life: Duration,
    refresh: RefreshPolicy,
    usage: Usage,
    /// Held for look-ups only, never across an `.await`. Taken before `ledger`.
    codes: Mutex<Codes>,
    /// As `codes`.
    ledger: Mutex<Ledger>,
}

impl Grants {
    pub(super) fn new(token_life: Duration, refresh: RefreshPolicy, usage: Usage) -> Self {
        Self { token_life, refresh, usage, codes: Mutex::default(), ledger: Mutex::default() }
    }

    /// The answer to a token request of an app whose client has authenticated.
    pub(super) fn grant(&self, app: &App, form: &Form) -> Result<Value, Refusal> {
        let grant_type = form.get("grant_type");
        if grant_type != Some("refresh_token") {
            self.usage.log_in(app)?;
        }
        self.usage.take_token(app)?;
        let granted = match (grant_type, &app.grant) {
            (Some("password"), AppGrant::Password { saak, sask }) => {
                self.log_in(app, form, saak, sask)
            }
            (Some("client_credentials"), AppGrant::ClientCredentials) => self.first(app, form),
            (Some("authorization_code"), AppGrant::AuthorizationCode { .. }) => {
                self.code(app, form)
            }
            (Some("refresh_token"), _) if app.issue_refresh_tokens => self.again(app, form),
            (
                Some("password" | "client_credentials" | "authorization_code" | "refresh_token"),
                _,
            ) => {
                Err(Refusal::new("unauthorized_client", "the app's type does not allow this grant"))
            }
            (Some(_), _) => {
                Err(Refusal::new("unsupported_grant_type", "this server does not know this grant"))
            }
            (None, _) => Err(Refusal::invalid_request("grant_type is missing")),
        };
        if granted.is_err() {
            self.usage.give_token_back(app);
        }
        granted
    }

    /// Revokes a refresh token and with it its grant. A token that is not known is as good as
    /// revoked (RFC 7009, section 2.2); access tokens cannot be revoked alone, as at Infor.
    pub(super) fn revoke(&self, app: &App, token: &str) -> Result<(), Refusal> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        match ledger.client_of(token) {
            Some(client_id) if client_id != app.client_id => {
                Err(Refusal::new("unauthorized_client", "the token was given to another client"))
            }
            Some(_) => {
                ledger.revoke(token);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// How many families died because somebody used a code or a refresh token again.
    pub(super) fn families_revoked(&self) -> u64 {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).families_revoked()
    }

    fn log_in(&self, app: &App, form: &Form, saak: &str, sask: &str) -> Result<Value, Refusal> {
        let pair = (form.get("username"), form.get("password"));
        let (Some(username), Some(password)) = pair else {
            return Err(Refusal::invalid_request("username or password is missing"));
        };
        if username != saak || password != sask {
            return Err(Refusal::new("invalid_grant", "username or password is wrong"));
        }
        service_account(app)?;
        self.first(app, form)
    }

    fn first(&self, app: &App, form: &Form) -> Result<Value, Refusal> {
        let scopes = assigned_scopes(app, form)?;
        let refresh_token = self.open(app, &scopes)?;
        self.answer(app, &scopes, refresh_token)
    }

    fn again(&self, app: &App, form: &Form) -> Result<Value, Refusal> {
        let old = form.get("refresh_token");
        let old = old.ok_or(Refusal::invalid_request("refresh_token is missing"))?;
        service_account(app)?;
        let asked = scopes(form);
        let next = new_token()?;
        let grace = match self.refresh {
            RefreshPolicy::RotateWithGrace(grace) => grace,
            RefreshPolicy::Keep | RefreshPolicy::Rotate | RefreshPolicy::RotateAndRevokeFamily => {
                Duration::ZERO
            }
        };
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let dead = Refusal::new("invalid_grant", "the refresh token is not good, or no longer");
        let grant = match ledger.redeem(old, &app.client_id, grace) {
            Redeemed::Good(grant) => grant.clone(),
            Redeemed::Used => {
                if self.refresh != RefreshPolicy::Rotate {
                    ledger.revoke_reused(old);
                }
                return Err(dead);
            }
            Redeemed::Unknown => return Err(dead),
        };
        if !asked.iter().all(|scope| grant.scopes.contains(scope)) {
            return Err(Refusal::new("invalid_scope", "a scope was not granted before"));
        }
        let refresh_token = match self.refresh {
            RefreshPolicy::Keep => None,
            RefreshPolicy::Rotate
            | RefreshPolicy::RotateAndRevokeFamily
            | RefreshPolicy::RotateWithGrace(_) => {
                ledger.rotate(old, next.clone());
                Some(next)
            }
        };
        drop(ledger);
        self.answer(app, if asked.is_empty() { &grant.scopes } else { &asked }, refresh_token)
    }

    /// A first refresh token, if the app and the request call for one.
    fn open(&self, app: &App, scopes: &[String]) -> Result<Option<String>, Refusal> {
        let may = !matches!(app.grant, AppGrant::ClientCredentials) && app.issue_refresh_tokens;
        let asks = app.server == ServerKind::PingFederate || scopes.iter().any(|s| s == OFFLINE);
        if !(may && asks) {
            return Ok(None);
        }
        let token = new_token()?;
        let grant = Grant { client_id: app.client_id.clone(), scopes: scopes.to_vec() };
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).open(token.clone(), grant);
        Ok(Some(token))
    }

    fn answer(
        &self,
        app: &App,
        scopes: &[String],
        refresh_token: Option<String>,
    ) -> Result<Value, Refusal> {
        let life = app.token_life.unwrap_or(self.token_life);
        let Ok(access_token) = token::access(app, scopes, life) else {
            return Err(Refusal::failed());
        };
        let mut answer = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": life.as_secs(),
        });
        if let Value::Object(fields) = &mut answer {
            if let Some(token) = refresh_token {
                fields.insert("refresh_token".to_owned(), token.into());
            }
            if !scopes.is_empty() {
                fields.insert("scope".to_owned(), scopes.join(" ").into());
            }
        }
        Ok(answer)
    }
}

fn scopes(form: &Form) -> Vec<String> {
    form.get("scope").unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect()
}

fn assigned_scopes(app: &App, form: &Form) -> Result<Vec<String>, Refusal> {
    let scopes = scopes(form);
    let offline = app.server == ServerKind::InforSts && app.issue_refresh_tokens;
    let assigned =
        |scope: &String| app.scopes.contains(scope) || (offline && scope.as_str() == OFFLINE);
    match scopes.iter().all(assigned) {
        true => Ok(scopes),
        false => Err(Refusal::new("invalid_scope", "a scope is not assigned to the app")),
    }
}

/// Whether Infor also refuses the refresh tokens of an account that was disabled is not known;
/// here it does.
fn service_account(app: &App) -> Result<(), Refusal> {
    let has_one = matches!(app.grant, AppGrant::Password { .. });
    match has_one && !app.service_account_enabled {
        true => Err(Refusal::new("invalid_grant", "the service account is disabled")),
        false => Ok(()),
    }
}

fn new_token() -> Result<String, Refusal> {
    match token::opaque() {
        Ok(token) => Ok(token),
        Err(_) => Err(Refusal::failed()),
    }
}

/// The scope that asks Infor STS for a refresh token.
const OFFLINE: &str = "offline_access";
