//! A person authorizes a Web app: the state, the code and what is said in place of them.

use ionvault::pb::v1::authorization_service_client::AuthorizationServiceClient;
use ionvault::pb::v1::*;
use ionvault::simulator::{App, AppGrant, ServerKind};
use url::Url;

use super::calls::{Caller, full};
use super::notes::ANSWERS;
use super::providers::{FileSecrets, Providers};
use crate::browser;
use prost::Message as _;

/// Where its browser is sent back to.
pub(crate) const REDIRECT: &str = "https://docbits.example/callback";

/// The Web app, as the simulator knows it.
pub(crate) fn app(secrets: &FileSecrets) -> App {
    let mut app = secrets.app("web", ServerKind::PingFederate, true);
    app.grant = AppGrant::AuthorizationCode { redirect_uri: REDIRECT.to_owned() };
    app
}

impl Caller<'_> {
    /// Fails to authorize in each way, and then does.
    pub(crate) async fn authorize(&mut self, name: &str, providers: &Providers) {
        let planted = self.planted;
        for (what, redirect, expected) in [
            ("text", planted.any("text in place of a redirect"), "INVALID_ARGUMENT"),
            (
                "unknown state",
                format!(
                    "{REDIRECT}?code={}&state={}",
                    planted.token("code of nobody"),
                    planted.token("state of nobody")
                ),
                "AUTHORIZATION_STATE_INVALID",
            ),
            (
                "broken escape",
                format!("{REDIRECT}?code={}%&state=s", planted.token("broken code")),
                "INVALID_ARGUMENT",
            ),
        ] {
            self.complete(name, what, redirect, expected).await;
        }
        let started = self.start(name).await;
        let redirect = format!(
            "{REDIRECT}?error={}&error_description={}&state={}",
            planted.token("error of nobody"),
            planted.token("description of an error"),
            started.state
        );
        self.complete(name, "an error", redirect, "AUTHORIZATION_REQUIRED").await;
        let started = self.start(name).await;
        let wrong = planted.token("code that Infor refuses");
        let redirect = format!("{REDIRECT}?code={wrong}&state={}", started.state);
        self.complete(name, "a wrong code", redirect, "AUTHORIZATION_REQUIRED").await;

        let started = self.start(name).await;
        let uri = Url::parse(&started.authorization_uri).unwrap();
        let back = browser::open(&uri, providers.simulator.ca_pem()).await.unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap();
        planted.add("code of a Web app", code.1.as_bytes());
        self.complete(name, "a good redirect", back.to_string(), "OK").await;
        self.complete(name, "the same again", back.into(), "AUTHORIZATION_STATE_INVALID").await;
    }

    async fn start(&mut self, name: &str) -> StartAuthorizationResponse {
        let request = StartAuthorizationRequest { name: full(name) };
        let answer = self.people.start_authorization(request).await.unwrap();
        self.notes.debug("authorization", &answer);
        let started = answer.into_inner();
        self.planted.add(format!("state of {name}"), started.state.as_bytes());
        // Apart from these two, nothing in it may be a secret.
        let rest =
            StartAuthorizationResponse { expire_time: started.expire_time, ..Default::default() };
        self.notes.add(ANSWERS, "authorization", rest.encode_to_vec());
        started
    }

    async fn complete(&mut self, name: &str, what: &str, redirect_uri: String, expected: &str) {
        let request = CompleteAuthorizationRequest { name: full(name), redirect_uri };
        self.notes.debug(what, &request);
        let result = self.people.complete_authorization(request).await;
        assert_eq!(self.heard(what, result), expected, "{what}");
    }
}

/// The client of one connection.
pub(crate) type People = AuthorizationServiceClient<tonic::transport::Channel>;
