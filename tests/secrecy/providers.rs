//! Infor's side: the simulator, and servers that repeat what they should not.

use std::net::{Ipv4Addr, TcpListener};

use ionvault::simulator::certificates::Authority;
use ionvault::simulator::{App, AppGrant, ServerKind, Simulator, SimulatorConfig};
use serde_json::json;

use super::planted::Planted;
use crate::raw_server::{RawServer, Then};

/// All providers of one run.
pub(crate) struct Providers {
    pub(crate) simulator: Simulator,
    /// Gives out planted tokens that live for two seconds.
    pub(crate) hasty: RawServer,
    /// Answers with every secret that it was sent, each in another wrong way.
    pub(crate) echoes: Vec<Echo>,
    /// Nobody listens there.
    pub(crate) closed_port: u16,
}

/// A server that repeats the secrets of one file.
pub(crate) struct Echo {
    pub(crate) server: RawServer,
    pub(crate) file: Vec<u8>,
    /// How its answer is refused.
    pub(crate) reason: &'static str,
}

impl Providers {
    pub(crate) async fn start(planted: &Planted, authority: &Authority) -> Self {
        let identity = authority.server().unwrap();
        let hasty = json!({
            "access_token": planted.token("access token of a hasty server"),
            "refresh_token": planted.token("refresh token of a hasty server"),
            "token_type": "Bearer",
            "expires_in": 2,
        });
        let hasty = Then::Say(http("200 OK", &hasty.to_string()));
        let mut echoes = Vec::new();
        for (number, (reason, answer)) in ANSWERS.iter().enumerate() {
            let secrets = FileSecrets::plant(planted, &format!("of the file echoed in {number}"));
            let then = answer.map_or(Then::Reset, |answer| Then::Say(answer(&secrets)));
            let server = RawServer::start(&identity, then).await;
            let file = secrets.file(&origin(&server));
            echoes.push(Echo { server, file, reason });
        }
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self {
            simulator: Simulator::start(SimulatorConfig::default()).await.unwrap(),
            hasty: RawServer::start(&identity, hasty).await,
            echoes,
            closed_port: closed.local_addr().unwrap().port(),
        }
    }

    /// All ports that files may point to.
    pub(crate) fn ports(&self) -> Vec<u16> {
        let raw = self.echoes.iter().map(|echo| &echo.server).chain([&self.hasty]);
        let mut ports: Vec<u16> = raw.map(|server| port(&server.url())).collect();
        ports.extend([self.simulator.port(), self.closed_port]);
        ports
    }
}

/// The secrets of one service account.
pub(crate) struct FileSecrets {
    pub(crate) client_secret: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl FileSecrets {
    pub(crate) fn plant(planted: &Planted, of: &str) -> Self {
        Self {
            client_secret: planted.any(&format!("cs {of}")),
            access_key: planted.any(&format!("saak {of}")),
            secret_key: planted.any(&format!("sask {of}")),
        }
    }

    /// A file for the server at `origin`, whose token endpoint is `/token`.
    pub(crate) fn file(&self, origin: &str) -> Vec<u8> {
        let file = json!({
            "ti": "ACME_TST", "cn": "DocBits", "dt": "12", "ci": "ACME_TST~client",
            "cs": self.client_secret, "iu": origin, "pu": origin, "oa": "authorize",
            "ot": "token", "or": "revoke", "v": "1.0",
            "saak": self.access_key, "sask": self.secret_key,
        });
        file.to_string().into_bytes()
    }

    /// The app at the simulator that these log in to.
    pub(crate) fn app(&self, name: &str, server: ServerKind, with_account: bool) -> App {
        let mut app = App::sample("ACME_TST", name);
        app.client_secret.clone_from(&self.client_secret);
        app.server = server;
        let (saak, sask) = (self.access_key.clone(), self.secret_key.clone());
        app.grant = match with_account {
            true => AppGrant::Password { saak, sask },
            false => AppGrant::ClientCredentials,
        };
        app
    }

    /// All of them in one text.
    fn all(&self) -> String {
        format!("{} {} {}", self.client_secret, self.access_key, self.secret_key)
    }
}

/// Makes an answer out of the secrets that came.
type Answer = Option<fn(&FileSecrets) -> Vec<u8>>;

/// Wrong answers, and the reason that callers get. `None` is a reset connection.
const ANSWERS: [(&str, Answer); 12] = [
    ("CREDENTIAL_REFUSED", Some(|s| oauth("400 Bad Request", "invalid_grant", &s.all()))),
    ("CREDENTIAL_REFUSED", Some(|s| oauth("401 Unauthorized", "invalid_client", &s.all()))),
    ("PROVIDER_MISBEHAVED", Some(|s| oauth("400 Bad Request", &s.client_secret, ""))),
    ("PROVIDER_UNAVAILABLE", Some(|s| http("500 Failed", &format!("<html>{}</html>", s.all())))),
    ("PROVIDER_UNAVAILABLE", Some(|s| http(&format!("503 {}", s.secret_key), &s.all()))),
    (
        "PROVIDER_MISBEHAVED",
        Some(|s| http(&format!("302 Found\r\nlocation: https://localhost/?{}", s.access_key), "")),
    ),
    ("PROVIDER_MISBEHAVED", Some(|s| http("200 OK", &s.all()))),
    ("PROVIDER_MISBEHAVED", Some(|s| token(&s.all(), "Bearer"))),
    ("PROVIDER_MISBEHAVED", Some(|s| token("token", &s.all()))),
    ("PROVIDER_MISBEHAVED", Some(|s| format!("220 {}\r\n", s.all()).into_bytes())),
    (
        "PROVIDER_MISBEHAVED",
        Some(|s| http(&format!("200 OK\r\ncontent-encoding: {}", s.secret_key), &s.all())),
    ),
    ("PROVIDER_UNAVAILABLE", None),
];

fn oauth(head: &str, error: &str, description: &str) -> Vec<u8> {
    let body =
        json!({ "error": error, "error_description": description, "error_uri": description });
    http(head, &body.to_string())
}

fn token(access_token: &str, token_type: &str) -> Vec<u8> {
    let body = json!({ "access_token": access_token, "token_type": token_type, "expires_in": 60 });
    http("200 OK", &body.to_string())
}

fn http(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// `https://localhost:{port}` of a server.
pub(crate) fn origin(server: &RawServer) -> String {
    server.url().trim_end_matches("/token").to_owned()
}

fn port(url: &str) -> u16 {
    url.parse::<url::Url>().unwrap().port().unwrap()
}
