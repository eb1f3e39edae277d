//! A fake of Infor's authorization server, at the port of the domain. What it holds true is what
//! `tests/oidc_provider.rs` checks against a real one.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use ionvault::ports::{
    ExchangeError, GrantRequest, OauthError, RevocationRequest, Target, TokenAnswer, TokenEndpoint,
    TokenKind, TokenRequest,
};
use ionvault::secret::Secret;
use tokio::sync::watch;

use super::codes::Codes;

/// Grants tokens to whoever knows the secret that its client id was first seen with.
pub(crate) struct FakeInfor {
    requests: watch::Sender<usize>,
    grants: Mutex<HashMap<&'static str, usize>>,
    secrets: Mutex<HashMap<String, Vec<u8>>>,
    fault: Mutex<Option<fn() -> ExchangeError>>,
    refresh_tokens: Mutex<RefreshTokens>,
    revoked: watch::Sender<Vec<(TokenKind, String)>>,
    revocation_fault: Mutex<Option<fn() -> ExchangeError>>,
    revocations_held: watch::Sender<bool>,
    /// Now, and at most until now.
    revocations_at_once: Mutex<(usize, usize)>,
    held: watch::Sender<bool>,
    life: Mutex<Duration>,
    last_target: Mutex<Option<Target>>,
    codes: Codes,
}

/// What it does about refresh tokens.
#[derive(Default)]
struct RefreshTokens {
    issue: bool,
    valid: Vec<Vec<u8>>,
}

/// The life of its tokens.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(7200);

impl FakeInfor {
    pub(crate) fn new() -> Self {
        Self {
            requests: watch::Sender::new(0),
            grants: Mutex::default(),
            secrets: Mutex::default(),
            fault: Mutex::default(),
            refresh_tokens: Mutex::default(),
            revoked: watch::Sender::new(vec![]),
            revocation_fault: Mutex::default(),
            revocations_held: watch::Sender::new(false),
            revocations_at_once: Mutex::default(),
            held: watch::Sender::new(false),
            life: Mutex::new(TOKEN_LIFE),
            last_target: Mutex::default(),
            codes: Codes::default(),
        }
    }

    /// A person opens the address and agrees; the address that the browser ends at.
    pub(crate) fn visit(&self, authorization_uri: &str) -> String {
        self.codes.visit(authorization_uri)
    }

    /// How many requests it got.
    pub(crate) fn requests(&self) -> usize {
        *self.requests.borrow()
    }

    /// Waits until it got so many.
    pub(crate) async fn until_requests(&self, count: usize) {
        self.requests.subscribe().wait_for(|requests| *requests >= count).await.unwrap();
    }

    /// How many requests of this grant it got.
    pub(crate) fn requests_by(&self, grant: &str) -> usize {
        self.grants.lock().unwrap().get(grant).copied().unwrap_or_default()
    }

    /// Where its last request was sent.
    pub(crate) fn last_target(&self) -> Target {
        self.last_target.lock().unwrap().clone().unwrap()
    }

    /// Holds all answers to token requests, until `release`.
    pub(crate) fn hold(&self) {
        self.held.send_replace(true);
    }

    pub(crate) fn release(&self) {
        self.held.send_replace(false);
    }

    /// Answers this from now on; `None` means tokens again.
    pub(crate) fn fail_with(&self, fault: Option<fn() -> ExchangeError>) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Answers this to revocations from now on; `None` means success again.
    pub(crate) fn fail_revocations_with(&self, fault: Option<fn() -> ExchangeError>) {
        *self.revocation_fault.lock().unwrap() = fault;
    }

    /// Holds all answers to revocations, until `release_revocations`.
    pub(crate) fn hold_revocations(&self) {
        self.revocations_held.send_replace(true);
    }

    pub(crate) fn release_revocations(&self) {
        self.revocations_held.send_replace(false);
    }

    /// How many revocations were with it at once, at most.
    pub(crate) fn revocations_at_once(&self) -> usize {
        self.revocations_at_once.lock().unwrap().1
    }

    /// Which tokens it was told to revoke, whatever it answered, as soon as there are so many.
    pub(crate) async fn until_revoked(&self, count: usize) -> Vec<(TokenKind, String)> {
        let mut revoked = self.revoked.subscribe();
        revoked.wait_for(|revoked| revoked.len() >= count).await.unwrap().clone()
    }

    /// Gives its tokens this life from now on.
    pub(crate) fn set_life(&self, life: Duration) {
        *self.life.lock().unwrap() = life;
    }

    /// Gives out refresh tokens from now on.
    pub(crate) fn issue_refresh_tokens(&self) {
        self.refresh_tokens.lock().unwrap().issue = true;
    }

    /// How many refresh tokens it would take.
    pub(crate) fn refresh_tokens(&self) -> usize {
        self.refresh_tokens.lock().unwrap().valid.len()
    }

    /// Forgets all refresh tokens that were given out.
    pub(crate) fn forget_refresh_tokens(&self) {
        self.refresh_tokens.lock().unwrap().valid.clear();
    }
}

#[async_trait]
impl TokenEndpoint for FakeInfor {
    async fn exchange(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, ExchangeError> {
        let mut number = 0;
        self.requests.send_modify(|requests| {
            *requests += 1;
            number = *requests;
        });
        *self.last_target.lock().unwrap() = Some(request.target.clone());
        self.held.subscribe().wait_for(|held| !held).await.unwrap();
        if let Some(fault) = *self.fault.lock().unwrap() {
            return Err(fault());
        }
        let secret = request.client_secret.expose().to_vec();
        let known = self
            .secrets
            .lock()
            .unwrap()
            .entry(request.client_id.to_owned())
            .or_insert(secret.clone())
            .clone();
        if known != secret {
            return Err(ExchangeError::Refused(OauthError::InvalidClient));
        }
        if !self.codes.redeem(request) {
            return Err(ExchangeError::Refused(OauthError::InvalidGrant));
        }
        let mut refresh = self.refresh_tokens.lock().unwrap();
        let grant = match &request.grant {
            GrantRequest::Password { .. } => "password",
            GrantRequest::ClientCredentials => "client_credentials",
            GrantRequest::RefreshToken(token) => {
                let known = refresh.valid.iter().position(|known| known == token.expose());
                let Some(at) = known else {
                    *self.grants.lock().unwrap().entry("refused refresh_token").or_default() += 1;
                    return Err(ExchangeError::Refused(OauthError::InvalidGrant));
                };
                refresh.valid.remove(at);
                "refresh_token"
            }
            GrantRequest::AuthorizationCode { .. } => "authorization_code",
        };
        *self.grants.lock().unwrap().entry(grant).or_default() += 1;
        let refresh_token = (refresh.issue && grant != "client_credentials").then(|| {
            let token = format!("refresh.{}.{number}", request.client_id).into_bytes();
            refresh.valid.push(token.clone());
            Secret::from(token)
        });
        Ok(TokenAnswer {
            // The client id is part of the token, so that tests see whose it is.
            access_token: Secret::from(format!("access.{}.{number}", request.client_id)),
            expires_in: *self.life.lock().unwrap(),
            refresh_token,
            scopes: None,
        })
    }

    async fn revoke(&self, request: &RevocationRequest<'_>) -> Result<(), ExchangeError> {
        let token = String::from_utf8(request.token.expose().to_vec()).unwrap();
        *self.last_target.lock().unwrap() = Some(request.target.clone());
        let fault = *self.revocation_fault.lock().unwrap();
        if fault.is_none() {
            let mut refresh = self.refresh_tokens.lock().unwrap();
            refresh.valid.retain(|known| known != request.token.expose());
        }
        {
            let mut at_once = self.revocations_at_once.lock().unwrap();
            at_once.0 += 1;
            at_once.1 = at_once.1.max(at_once.0);
        }
        self.revoked.send_modify(|revoked| revoked.push((request.kind, token)));
        self.revocations_held.subscribe().wait_for(|held| !held).await.unwrap();
        self.revocations_at_once.lock().unwrap().0 -= 1;
        fault.map_or(Ok(()), |fault| Err(fault()))
    }
}

/// A file like Infor's (variant A of a Backend Service), for one app of one tenant.
pub(crate) fn ionapi(infor_tenant: &str, app: &str) -> Vec<u8> {
    ionapi_with_secret(infor_tenant, app, "invented-client-secret")
}

/// The same, with another client secret.
pub(crate) fn ionapi_with_secret(infor_tenant: &str, app: &str, secret: &str) -> Vec<u8> {
    format!(
        r##"{{"ti":"{infor_tenant}","cn":"{app}","dt":"12","ci":"{infor_tenant}~{app}","cs":"{secret}",
"iu":"https://mingle-ionapi.eu1.inforcloudsuite.com","pu":"https://mingle-sso.eu1.inforcloudsuite.com:443/{infor_tenant}/as/",
"oa":"authorization.oauth2","ot":"token.oauth2","or":"revoke_token.oauth2","ev":"U1470000000","v":"1.0",
"saak":"{infor_tenant}#invented-access-key","sask":"invented-secret-key"}}"##
    )
    .into_bytes()
}
