//! oidc-provider, and what it knows about the tokens that it gave.

use ionvault::simulator::{App, AppGrant, ServerKind};
use serde_json::Value;

use crate::browser;
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

    /// Whether a token works: the provider is asked (RFC 7662).
    pub(crate) async fn accepts(&self, app: &App, access_token: &str) -> bool {
        let path = match app.server {
            ServerKind::PingFederate => format!("/{}/as/introspect.oauth2", app.tenant),
            ServerKind::InforSts => "/InforIntSTS/connect/introspect".to_owned(),
        };
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("token", access_token)
            .append_pair("client_id", &app.client_id)
            .append_pair("client_secret", &app.client_secret)
            .finish();
        let request = self.client.post(format!("{}{path}", self.base_url()));
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        answer["active"].as_bool().unwrap()
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
