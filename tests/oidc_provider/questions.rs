//! One list of token requests, asked of any server, and what each came to in words.

use ionvault::adapters::HttpsTokenEndpoint;
use ionvault::ports::{
    ExchangeError, GrantRequest, OauthError, RevocationRequest, Target, TokenAnswer, TokenEndpoint,
    TokenKind, TokenRequest,
};
use ionvault::secret::Secret;
use ionvault::simulator::{App, AppGrant, ServerKind};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// For each kind of server two apps with service accounts, one without, and two for people.
pub(crate) fn apps() -> Vec<App> {
    let mut apps = Vec::new();
    for (server, tenant) in
        [(ServerKind::PingFederate, "ACME_TST"), (ServerKind::InforSts, "infor")]
    {
        let mut person = App::sample(tenant, "service account");
        person.server = server;
        person.scopes = vec!["Infor-ION".to_owned()];
        let mut service = App::sample(tenant, "client credentials");
        service.server = server;
        service.scopes = person.scopes.clone();
        service.grant = AppGrant::ClientCredentials;
        let mut colleague = App::sample(tenant, "another service account");
        colleague.server = server;
        colleague.scopes = vec!["Infor-M3".to_owned()];
        let mut web = App::sample(tenant, "web");
        web.server = server;
        web.scopes = vec!["Infor-ION".to_owned()];
        web.grant = AppGrant::AuthorizationCode { redirect_uri: REDIRECT.to_owned() };
        let mut stranger = App { scopes: web.scopes.clone(), ..App::sample(tenant, "another web") };
        stranger.server = server;
        stranger.grant = web.grant.clone();
        apps.extend([person, colleague, service, web, stranger]);
    }
    apps
}

/// Where browsers are sent back to; nobody is there.
pub(crate) const REDIRECT: &str = "https://docbits.example/infor";

pub(crate) struct Questions<'a> {
    pub(crate) target: Target,
    revocation: Target,
    nowhere: Target,
    pub(crate) apps: [&'a App; 5],
    pub(crate) answers: Vec<String>,
}

impl<'a> Questions<'a> {
    pub(crate) fn new(base_url: &str, ca_pem: &str, apps: [&'a App; 5]) -> Self {
        let [person, ..] = apps;
        let [token, revocation] = match person.server {
            ServerKind::PingFederate => ["token.oauth2", "revoke_token.oauth2"]
                .map(|path| format!("/{}/as/{path}", person.tenant)),
            ServerKind::InforSts => {
                ["token", "revocation"].map(|path| format!("/InforIntSTS/connect/{path}"))
            }
        };
        let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap();
        let target = |path: &str| Target {
            url: format!("{base_url}{path}").parse().unwrap(),
            private_addresses: true,
            trust_anchors: vec![ca.clone()],
        };
        let nowhere = target("/NOBODY_TST/as/token.oauth2");
        let [target, revocation] = [target(&token), target(&revocation)];
        Self { target, revocation, nowhere, apps, answers: Vec::new() }
    }

    /// Asks everything; one line per question.
    pub(crate) async fn ask(mut self) -> Vec<String> {
        let [person, colleague, service, ..] = self.apps;
        let AppGrant::Password { saak, sask } = &person.grant else { panic!("no account") };
        let (saak, sask, wrong) = (secret(saak), secret(sask), secret("wrong#~+ &%"));
        let log_in = || GrantRequest::Password { username: &saak, password: &sask };
        // Infor STS gives a refresh token to those who ask for one.
        let offline = matches!(person.server, ServerKind::InforSts).then_some("offline_access");

        let first = self.put("log in", person, log_in(), offline).await.unwrap();
        let second = self.put("refresh", person, redeem(&first), None).await.unwrap();
        let third = self.put("refresh twice", person, redeem(&second), None).await.unwrap();
        self.put("replay the first refresh token", person, redeem(&first), None).await;
        self.put("use the newest after the replay", person, redeem(&third), None).await;
        let fresh = self.put("log in again", person, log_in(), offline).await.unwrap();
        self.put("another client's refresh token", colleague, redeem(&fresh), None).await;
        let fresh = self.put("its own client's", person, redeem(&fresh), None).await.unwrap();

        let mut forged = person.clone();
        forged.client_secret = "wrong".to_owned();
        self.put("wrong client secret", &forged, log_in(), None).await;
        forged.client_id = "ACME_TST~unknown".to_owned();
        self.put("unknown client", &forged, log_in(), None).await;
        let bad = GrantRequest::Password { username: &saak, password: &wrong };
        self.put("wrong password", person, bad, None).await;
        let bad = GrantRequest::Password { username: &wrong, password: &sask };
        self.put("wrong user name", person, bad, None).await;
        self.put("unknown refresh token", person, GrantRequest::RefreshToken(&wrong), None).await;

        // Whatever another client is told, it does not end the grant.
        let _told = self.revoke(colleague, &fresh).await;
        let kept = self.put("after another client revoked it", person, redeem(&fresh), None).await;
        let kept = kept.unwrap();
        self.revoke(person, &kept).await.unwrap();
        self.put("after its own client did", person, redeem(&kept), None).await;
        // To revoke what is dead already is no error.
        self.revoke(person, &kept).await.unwrap();

        let own = || GrantRequest::ClientCredentials;
        self.put("client credentials", service, own(), None).await;
        self.put("a scope that is assigned", service, own(), Some("Infor-ION")).await;
        self.put("a scope that is not", service, own(), Some("Infor-M3")).await;
        self.put("a log-in where the app's grant is another", service, log_in(), None).await;
        std::mem::swap(&mut self.target, &mut self.nowhere);
        self.put("a path that does not exist", person, log_in(), None).await;
        self.answers
    }

    async fn revoke(&self, app: &App, answer: &TokenAnswer) -> Result<(), ExchangeError> {
        let client_secret = secret(&app.client_secret);
        let request = RevocationRequest {
            target: &self.revocation,
            client_id: &app.client_id,
            client_secret: &client_secret,
            token: answer.refresh_token.as_ref().unwrap(),
            kind: TokenKind::Refresh,
        };
        HttpsTokenEndpoint::new().revoke(&request).await
    }

    /// Asks for a token, and notes what came of it.
    pub(crate) async fn put(
        &mut self,
        question: &str,
        app: &App,
        grant: GrantRequest<'_>,
        scope: Option<&str>,
    ) -> Option<TokenAnswer> {
        let client_secret = secret(&app.client_secret);
        let request = TokenRequest {
            target: &self.target,
            client_id: &app.client_id,
            client_secret: &client_secret,
            grant,
            scope,
        };
        let answer = HttpsTokenEndpoint::new().exchange(&request).await;
        self.answers.push(format!("{question}: {}", in_words(&answer)));
        answer.ok()
    }
}

fn in_words(answer: &Result<TokenAnswer, ExchangeError>) -> String {
    match answer {
        Ok(token) => {
            let refresh = if token.refresh_token.is_some() { " and refresh token" } else { "" };
            let assigned = token.scopes.iter().flatten().find(|scope| *scope == "Infor-ION");
            let scope = if assigned.is_some() { " with the scope" } else { "" };
            format!("token{refresh} for {} s{scope}", token.expires_in.as_secs())
        }
        // oidc-provider says invalid_request of a grant that is not the app's.
        Err(ExchangeError::Refused(
            OauthError::UnauthorizedClient | OauthError::InvalidRequest,
        )) => "refused, as the app's or the request's fault".to_owned(),
        Err(ExchangeError::Refused(code)) => format!("refused, {code}"),
        Err(ExchangeError::NoEndpoint) => "no token endpoint".to_owned(),
        Err(error) => format!("{error}"),
    }
}

pub(crate) fn redeem(answer: &TokenAnswer) -> GrantRequest<'_> {
    GrantRequest::RefreshToken(answer.refresh_token.as_ref().unwrap())
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}
