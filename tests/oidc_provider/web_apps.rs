//! A Web app end to end: a person authorizes it, its tokens are issued, renewed and given back, and
//! whatever is no answer to a question of ours is refused.

use std::time::Duration;

use ionvault::simulator::{App, AppGrant, RefreshPolicy, ServerKind, Simulator, SimulatorConfig};
use ionvault::tokens::{CompleteAuthorizationError, FlightError, IssueError, IssueQuery};
use serde_json::json;
use url::Url;

use crate::browser;
use crate::given_back::{self, Server};
use crate::questions::{REDIRECT, apps};
use crate::server::OidcProvider;
use crate::vault::{Account, House, caller, secret};

/// A little less than the life of the tokens: the next call renews.
const UNTIL_RENEWAL: Duration = Duration::from_secs(7190);

#[tokio::test]
async fn a_web_app_works_with_oidc_provider() {
    let apps = apps();
    let Some(server) = OidcProvider::start(&apps) else { return };
    check(&Server::OidcProvider(server), &apps).await;
}

#[tokio::test]
async fn a_web_app_works_with_the_simulator() {
    let apps = apps();
    let refresh = RefreshPolicy::RotateAndRevokeFamily;
    let config = SimulatorConfig { refresh, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config).await.unwrap();
    for app in &apps {
        simulator.add_app(app.clone()).unwrap();
    }
    check(&Server::Simulator(simulator), &apps).await;
}

async fn check(server: &Server, apps: &[App]) {
    let (base_url, ca_pem) = (&server.base_url(), server.ca_pem());
    let port = base_url.rsplit(':').next().unwrap().parse().unwrap();
    let is_web = |app: &&App| matches!(app.grant, AppGrant::AuthorizationCode { .. });
    for app in apps.iter().filter(is_web) {
        let house = House::new(port, ca_pem).await;
        let (name, sister) = ("tenants/acme/credentials/web", "tenants/acme/credentials/sister");
        let file = ion_api_file(app, base_url);
        let account = house.account(name, &file, ca_pem).await;
        let sister = house.account(sister, &file, ca_pem).await;
        let renewals = goes_its_way(&account).await;
        let refusals = refused(&account, &sister).await;
        let revoked = given_back::revoke(server, app, [&account, &sister]).await;
        eprintln!(
            "{}, {:?}: authorized, {renewals} renewals, {refusals} redirects refused, revoked: \
             {revoked} tokens",
            server.name(),
            app.server
        );
        house.stop().await;
    }
}

/// Variant D: what Infor's "Download Credentials" gives for a Web app.
fn ion_api_file(app: &App, base_url: &str) -> Vec<u8> {
    let (pu, oa, ot, or) = match app.server {
        ServerKind::PingFederate => (
            format!("{base_url}/{}/as/", app.tenant),
            "authorization.oauth2",
            "token.oauth2",
            "revoke_token.oauth2",
        ),
        ServerKind::InforSts => (
            format!("{base_url}/InforIntSTS/"),
            "connect/authorize",
            "connect/token",
            "connect/revocation",
        ),
    };
    let file = json!({
        "ti": app.tenant, "cn": app.name, "dt": "10", "v": "1.1",
        "ci": app.client_id, "cs": app.client_secret, "sc": app.scopes,
        "iu": base_url, "pu": pu, "oa": oa, "ot": ot, "or": or, "ru": REDIRECT,
    });
    file.to_string().into_bytes()
}

/// Authorize, token, rotation.
async fn goes_its_way(account: &Account<'_>) -> usize {
    let unserved = account.issue().await.unwrap_err();
    assert!(is(&unserved, |error| matches!(error, FlightError::AuthorizationRequired)));
    let back = account.visit("page").await;
    account.complete("page", &back).await.unwrap();
    let mut seen = vec![account.issue().await.unwrap()];
    // The server rotates: each renewal needs the refresh token that the last one brought.
    for _ in 0..3 {
        account.house.clock.advance(UNTIL_RENEWAL);
        let next = account.issue().await.unwrap();
        assert!(!seen.contains(&next));
        seen.push(next);
    }
    seen.len() - 1
}

/// Each redirect that must complete nothing. The first is refused by the server, the others here.
async fn refused(account: &Account<'_>, sister: &Account<'_>) -> usize {
    let before = account.issue().await.unwrap();
    // The verifier is another's: a stolen code, brought with a state of one's own.
    let (stolen, own) = (account.visit("page").await, account.visit("page").await);
    let injected = own.replace(&code(&own), &code(&stolen));
    let told = account.complete("page", &injected).await.unwrap_err();
    assert!(matches!(told, CompleteAuthorizationError::CodeRefused), "{told:?}");

    let good = account.visit("page").await;
    let late = account.visit("page").await;
    let answers = [
        ("reused after a refusal", account.complete("page", &own).await),
        ("another caller's", account.complete("somebody", &good).await),
        ("another credential's", sister.complete("page", &good).await),
        ("elsewhere", account.complete("page", &good.replace("docbits", "evil")).await),
        ("from elsewhere", account.complete("page", &from_elsewhere(&good)).await),
        ("good", account.complete("page", &good).await),
        ("reused", account.complete("page", &good).await),
        ("expired", {
            account.house.clock.advance(Duration::from_secs(600));
            account.complete("page", &late).await
        }),
    ];
    let mut refusals = 1;
    for (what, answer) in answers {
        match answer {
            Ok(()) => assert_eq!(what, "good"),
            Err(CompleteAuthorizationError::State) => refusals += 1,
            Err(other) => panic!("{what}: {other:?}"),
        }
    }
    assert_eq!(refusals, 8);
    // The good one among them took the place of the first authorization.
    assert_ne!(account.issue().await.unwrap(), before);
    refusals
}

/// The server's own `iss`, or one where it sends none, made another's.
fn from_elsewhere(redirect: &str) -> String {
    let mut url = Url::parse(redirect).unwrap();
    let pairs: Vec<(String, String)> =
        url.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url.query_pairs_mut().append_pair("iss", "https://evil.example/ACME_TST/as");
    url.into()
}

fn code(redirect: &str) -> String {
    let url = Url::parse(redirect).unwrap();
    let code = url.query_pairs().find(|(name, _)| name == "code").unwrap();
    code.1.into_owned()
}

impl Account<'_> {
    /// Begins, and has a person log in and agree; where the browser ends.
    async fn visit(&self, who: &str) -> String {
        let started = self.house.authorizations.start(&caller(who), &self.credential).await;
        let uri = Url::parse(&started.unwrap().authorization_uri).unwrap();
        let back = browser::open(&uri, &self.ca_pem).await.unwrap();
        assert!(back.as_str().starts_with(REDIRECT));
        back.into()
    }

    async fn complete(&self, who: &str, back: &str) -> Result<(), CompleteAuthorizationError> {
        self.house.authorizations.complete(&caller(who), &self.credential, secret(back)).await
    }

    /// The id of the token that callers are given.
    pub(crate) async fn issue(&self) -> Result<String, IssueError> {
        let issued = self.house.issuer.issue(&self.credential, IssueQuery::default()).await?;
        Ok(issued.token.id.clone())
    }
}

pub(crate) fn is(error: &IssueError, what: impl Fn(&FlightError) -> bool) -> bool {
    matches!(error, IssueError::Flight { error, .. } if what(error))
}
