//! oidc-provider, and what it knows about the tokens that it gave.

use ionvault::simulator::{App, AppGrant, ServerKind};
use serde_json::Value;

use crate::browser;
use crate::introspection::is_active;
use crate::server::OidcProvider;

pub(crate) struct Provider {
    server: OidcProvider,
    pub(crate) client: reqwest::Client,
    pub(crate) apps: Vec<App>,
}

/// What the provider granted and revoked since its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Granted {
    pub(crate) log_ins: u64,
    pub(crate) refreshes: u64,
    /// Families that died because a refresh token was used again.
    pub(crate) families_revoked: u64,
}

impl Provider {
    /// Apps with service accounts, of both kinds of server; `None` if it is not installed.
    pub(crate) fn start(apps: usize) -> Option<Self> {
        let apps: Vec<App> = (0..apps).map(app).collect();
        let server = OidcProvider::start_with_life(&apps, TOKEN_LIFE_SECONDS)?;
        let client = browser::client(&server.ca_pem);
        Some(Self { server, client, apps })
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.server.base_url
    }

    /// Whether a token works.
    pub(crate) async fn accepts(&self, app: &App, access_token: &str) -> bool {
        is_active(&self.client, self.base_url(), app, access_token).await
    }

    pub(crate) async fn granted(&self) -> Granted {
        let answer = self.client.get(format!("{}/counts", self.base_url())).send().await.unwrap();
        let counts: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let count = |name: &str| counts[name].as_u64().unwrap_or(0);
        Granted {
            log_ins: count("password"),
            refreshes: count("refresh_token"),
            families_revoked: count("families_revoked"),
        }
    }
}

fn app(number: usize) -> App {
    let premises = number % 2 == 1;
    let mut app =
        App::sample(if premises { "infor" } else { "ACME_TST" }, &format!("app {number}"));
    if premises {
        app.server = ServerKind::InforSts;
    }
    assert!(matches!(app.grant, AppGrant::Password { .. }));
    app
}

/// What the provider says; its tokens work for two hours. So the vault renews often, and a test
/// on a slow machine finds a token that was just issued working.
pub(crate) const TOKEN_LIFE_SECONDS: u64 = 1;
