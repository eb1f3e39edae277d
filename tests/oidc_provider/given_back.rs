//! The end of an authorization: the vault gives the tokens back, and the server takes them no more.

use ionvault::ports::{ExchangeError, OauthError, TokenKind};
use ionvault::simulator::{App, Simulator};
use ionvault::tokens::{FlightError, IssueQuery, Revocation};

use crate::browser;
use crate::introspection::is_active;
use crate::server::OidcProvider;
use crate::tap::Tokens;
use crate::vault::Account;
use crate::web_apps::is;

/// Who gave the tokens.
pub(crate) enum Server {
    OidcProvider(OidcProvider),
    Simulator(Simulator),
}

/// Revokes the tokens of an account that several credentials share. How many there were.
pub(crate) async fn revoke(server: &Server, app: &App, accounts: [&Account<'_>; 2]) -> usize {
    let [account, _] = accounts;
    let house = account.house;
    let issued = house.issuer.issue(&account.credential, IssueQuery::default()).await.unwrap();
    let tokens = house.endpoint.newest();
    // `assert_eq!` would print them.
    assert!(issued.token.token.expose() == tokens.access.as_bytes(), "callers have another token");
    server.expect(app, &tokens, true).await;
    assert_eq!(house.endpoint.revoked(), []);

    let revocation = house.issuer.revoke(&account.credential).await.unwrap();
    assert_eq!(revocation, Revocation::Done);
    server.expect(app, &tokens, false).await;
    let redeemed = tokens.redeem(app).await.map(drop);
    let refused = matches!(redeemed, Err(ExchangeError::Refused(OauthError::InvalidGrant)));
    assert!(refused, "the refresh token: {redeemed:?}");
    let revoked = house.endpoint.revoked();
    assert_eq!(revoked, [TokenKind::Refresh, TokenKind::Access]);

    // Without a person there is no way back, for none of the credentials.
    for account in accounts {
        let unserved = account.issue().await.unwrap_err();
        assert!(is(&unserved, |error| matches!(error, FlightError::AuthorizationRequired)));
    }
    let again = house.issuer.revoke(&account.credential).await.unwrap();
    assert_eq!(again, Revocation::None, "nothing was left");
    revoked.len()
}

impl Server {
    /// Fails unless both tokens are good there, or neither. Nobody looks at the simulator's access
    /// tokens, and revoking one alone does nothing, as at Infor: it only counts what it was asked.
    /// What it makes of the refresh token, who redeems it sees.
    async fn expect(&self, app: &App, tokens: &Tokens, good: bool) {
        match self {
            Self::OidcProvider(server) => {
                let client = browser::client(&server.ca_pem);
                for (what, token) in
                    [("access token", &tokens.access), ("refresh token", &tokens.refresh)]
                {
                    let told = is_active(&client, &server.base_url, app, token).await;
                    assert_eq!(told, good, "the {what}");
                }
            }
            Self::Simulator(simulator) => {
                let asked = simulator.requests_of(&app.client_id).revocations;
                assert_eq!(asked, if good { 0 } else { 2 });
            }
        }
    }

    pub(crate) fn base_url(&self) -> String {
        match self {
            Self::OidcProvider(server) => server.base_url.clone(),
            Self::Simulator(simulator) => simulator.base_url(),
        }
    }

    pub(crate) fn ca_pem(&self) -> &str {
        match self {
            Self::OidcProvider(server) => &server.ca_pem,
            Self::Simulator(simulator) => simulator.ca_pem(),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::OidcProvider(_) => "oidc-provider",
            Self::Simulator(_) => "the simulator",
        }
    }
}
