//! Which grants are given, and what becomes of them.

mod ledger;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use self::ledger::{Grant, Ledger, Redeemed};
use super::RefreshPolicy;
use super::answer::Refusal;
use super::app::{App, AppGrant, ServerKind};
use super::endpoints::Form;
use super::token;

/// The grants given so far.
pub(super) struct Grants {
    token_life: Duration,
    refresh: RefreshPolicy,
    /// Held for look-ups only, never across an `.await`.
    ledger: Mutex<Ledger>,
}

impl Grants {
    pub(super) fn new(token_life: Duration, refresh: RefreshPolicy) -> Self {
        Self { token_life, refresh, ledger: Mutex::default() }
    }

    /// The answer to a token request of an app whose client has authenticated.
    pub(super) fn grant(&self, app: &App, form: &Form) -> Result<Value, Refusal> {
        match (form.get("grant_type"), &app.grant) {
            (Some("password"), AppGrant::Password { saak, sask }) => {
                let pair = (form.get("username"), form.get("password"));
                let (Some(username), Some(password)) = pair else {
                    return Err(Refusal::invalid_request("username or password is missing"));
                };
                if username != saak || password != sask {
                    return Err(Refusal::new("invalid_grant", "username or password is wrong"));
                }
                self.first(app, form)
            }
            (Some("client_credentials"), AppGrant::ClientCredentials) => self.first(app, form),
            (Some("refresh_token"), _) if app.issue_refresh_tokens => self.again(app, form),
            (Some("password" | "client_credentials" | "refresh_token"), _) => {
                Err(Refusal::new("unauthorized_client", "the app's type does not allow this grant"))
            }
            (Some(_), _) => {
                Err(Refusal::new("unsupported_grant_type", "this server does not know this grant"))
            }
            (None, _) => Err(Refusal::invalid_request("grant_type is missing")),
        }
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

    fn first(&self, app: &App, form: &Form) -> Result<Value, Refusal> {
        let scopes = scopes(form);
        if !scopes.iter().all(|scope| may_have(app, scope)) {
            return Err(Refusal::new("invalid_scope", "a scope is not assigned to the app"));
        }
        let asks = app.server == ServerKind::PingFederate || scopes.iter().any(|s| s == OFFLINE);
        let refreshable =
            matches!(app.grant, AppGrant::Password { .. }) && app.issue_refresh_tokens && asks;
        let refresh_token = if refreshable {
            let token = new_token()?;
            let grant = Grant { client_id: app.client_id.clone(), scopes: scopes.clone() };
            self.ledger.lock().unwrap_or_else(PoisonError::into_inner).open(token.clone(), grant);
            Some(token)
        } else {
            None
        };
        self.answer(app, &scopes, refresh_token)
    }

    fn again(&self, app: &App, form: &Form) -> Result<Value, Refusal> {
        let old = form.get("refresh_token");
        let old = old.ok_or(Refusal::invalid_request("refresh_token is missing"))?;
        let asked = scopes(form);
        let next = new_token()?;
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let dead = Refusal::new("invalid_grant", "the refresh token is not good, or no longer");
        let grant = match ledger.redeem(old, &app.client_id) {
            Redeemed::Good(grant) => grant.clone(),
            Redeemed::Used => {
                if self.refresh == RefreshPolicy::RotateAndRevokeFamily {
                    ledger.revoke(old);
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
            RefreshPolicy::Rotate | RefreshPolicy::RotateAndRevokeFamily => {
                ledger.rotate(old, next.clone());
                Some(next)
            }
        };
        drop(ledger);
        self.answer(app, if asked.is_empty() { &grant.scopes } else { &asked }, refresh_token)
    }

    fn answer(
        &self,
        app: &App,
        scopes: &[String],
        refresh_token: Option<String>,
    ) -> Result<Value, Refusal> {
        let Ok(access_token) = token::access(app, scopes, self.token_life) else {
            return Err(Refusal::failed());
        };
        let mut answer = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.token_life.as_secs(),
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

fn may_have(app: &App, scope: &str) -> bool {
    let offline = app.server == ServerKind::InforSts && app.issue_refresh_tokens;
    app.scopes.iter().any(|assigned| assigned == scope) || (offline && scope == OFFLINE)
}

fn new_token() -> Result<String, Refusal> {
    match token::opaque() {
        Ok(token) => Ok(token),
        Err(_) => Err(Refusal::failed()),
    }
}

/// The scope that asks Infor STS for a refresh token.
const OFFLINE: &str = "offline_access";
