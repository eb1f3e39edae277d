//! The HTTPS client, and what came through it. The vault shows its refresh tokens to nobody; a test
//! that asks the server about one has it from here.

use std::sync::Mutex;

use async_trait::async_trait;
use ionvault::adapters::HttpsTokenEndpoint;
use ionvault::ports::{
    ExchangeError, GrantRequest, RevocationRequest, Target, TokenAnswer, TokenEndpoint, TokenKind,
    TokenRequest,
};
use ionvault::secret::Secret;
use ionvault::simulator::App;

pub(crate) struct Tap {
    client: HttpsTokenEndpoint,
    newest: Mutex<Option<Tokens>>,
    revoked: Mutex<Vec<TokenKind>>,
}

/// What the server granted, and where.
#[derive(Clone)]
pub(crate) struct Tokens {
    target: Target,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Tap {
    pub(crate) fn new() -> Self {
        Self {
            client: HttpsTokenEndpoint::new(),
            newest: Mutex::default(),
            revoked: Mutex::default(),
        }
    }

    /// The tokens that the server granted last.
    pub(crate) fn newest(&self) -> Tokens {
        self.newest.lock().unwrap().clone().unwrap()
    }

    /// What the server has confirmed as revoked, in that order.
    pub(crate) fn revoked(&self) -> Vec<TokenKind> {
        self.revoked.lock().unwrap().clone()
    }
}

impl Tokens {
    /// Asks for others with this refresh token.
    pub(crate) async fn redeem(&self, app: &App) -> Result<TokenAnswer, ExchangeError> {
        let request = TokenRequest {
            target: &self.target,
            client_id: &app.client_id,
            client_secret: &Secret::from(app.client_secret.clone()),
            grant: GrantRequest::RefreshToken(&Secret::from(self.refresh.clone())),
            scope: None,
        };
        HttpsTokenEndpoint::new().exchange(&request).await
    }
}

#[async_trait]
impl TokenEndpoint for Tap {
    async fn exchange(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, ExchangeError> {
        let answer = self.client.exchange(request).await?;
        *self.newest.lock().unwrap() = Some(Tokens {
            target: request.target.clone(),
            access: text(&answer.access_token),
            refresh: text(answer.refresh_token.as_ref().unwrap()),
        });
        Ok(answer)
    }

    async fn revoke(&self, request: &RevocationRequest<'_>) -> Result<(), ExchangeError> {
        self.client.revoke(request).await?;
        self.revoked.lock().unwrap().push(request.kind);
        Ok(())
    }
}

fn text(secret: &Secret) -> String {
    String::from_utf8(secret.expose().to_vec()).unwrap()
}
