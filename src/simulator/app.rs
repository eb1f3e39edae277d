//! Authorized apps, and the files that describe them.

use std::fmt::Write as _;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha512};

/// An app as an administrator defines it in Infor ION API → Authorized Apps.
///
/// `Debug` is missing on purpose, here as for real secrets.
#[derive(Clone)]
pub struct App {
    /// `ti`. It is part of the path at a [`ServerKind::PingFederate`].
    pub tenant: String,
    /// `cn`.
    pub name: String,
    /// `ci`. Names the app, across all tenants.
    pub client_id: String,
    /// `cs`.
    pub client_secret: String,
    /// The server that knows it.
    pub server: ServerKind,
    /// Its type.
    pub grant: AppGrant,
    /// The slider *Issue Refresh Tokens*.
    pub issue_refresh_tokens: bool,
    /// Whether the app is enabled; the client of a disabled one is unknown.
    pub enabled: bool,
    /// Whether its service account is enabled; a disabled one gets no token.
    pub service_account_enabled: bool,
    /// `expires_in` of its access tokens, in whole seconds; `None`: what
    /// [`SimulatorConfig`](super::SimulatorConfig) says.
    pub token_life: Option<Duration>,
    /// `sc`: the scopes assigned to it; a request for another is refused.
    pub scopes: Vec<String>,
}

/// Which product answers.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ServerKind {
    /// Infor's cloud. The tenant is part of the path.
    PingFederate,
    /// Infor STS, on-premises. A refresh token is given only to those who ask for the scope
    /// `offline_access`, which any app that issues refresh tokens may do.
    InforSts,
}

/// The only grant, beside the refresh grant, that the app may use.
#[derive(Clone)]
pub enum AppGrant {
    /// Backend Service with a service account.
    Password {
        /// `saak`, the user name.
        saak: String,
        /// `sask`, the password.
        sask: String,
    },
    /// Backend Service with the grant type Client Credentials. Never gets a refresh token.
    ClientCredentials,
    /// Web app or mobile app: a person authorizes it in a browser.
    AuthorizationCode {
        /// `ru`: where the browser is sent back to, to the letter.
        redirect_uri: String,
    },
}

impl App {
    /// A Backend Service in the cloud with a service account and refresh tokens: the most common
    /// file (variant A). Change its fields for the others.
    ///
    /// Its secrets are as long as Infor's and derived from `tenant` and `name`: the same in each
    /// run, so that files stay valid, and no secrets at all.
    #[must_use]
    pub fn sample(tenant: &str, name: &str) -> Self {
        let invent = |what: &str, length: usize| {
            let digest = Sha512::digest(format!("invented {what} of {tenant} {name}"));
            let mut text = BASE64URL_NOPAD.encode(&digest);
            text.truncate(length);
            text
        };
        Self {
            tenant: tenant.to_owned(),
            name: name.to_owned(),
            client_id: format!("{tenant}~{}", invent("ci", 43)),
            client_secret: invent("cs", 86),
            server: ServerKind::PingFederate,
            grant: AppGrant::Password {
                saak: format!("{tenant}#{}", invent("saak", 86)),
                sask: invent("sask", 86),
            },
            issue_refresh_tokens: true,
            enabled: true,
            service_account_enabled: true,
            token_life: None,
            scopes: Vec::new(),
        }
    }

    /// The file that Infor would let an administrator download for this app, of servers at
    /// `base_url` (`https://host:port`, without a slash at the end): for a simulator that is reached
    /// through something else. [`Simulator::ion_api_file`](super::Simulator::ion_api_file) knows
    /// its own.
    #[must_use]
    pub fn ion_api_file(&self, base_url: &str) -> Vec<u8> {
        let mut authorization_server = base_url.to_owned();
        let (oa, ot, or) = match self.server {
            ServerKind::PingFederate => {
                // Writing into a `String` does not fail.
                let _ = write!(authorization_server, "/{}/as/", self.tenant);
                ("authorization.oauth2", "token.oauth2", "revoke_token.oauth2")
            }
            ServerKind::InforSts => {
                authorization_server.push_str("/InforIntSTS/");
                ("connect/authorize", "connect/token", "connect/revocation")
            }
        };
        let mut file = Map::new();
        for (key, value) in [
            ("ti", self.tenant.as_str()),
            ("cn", &self.name),
            ("dt", "12"),
            ("ci", &self.client_id),
            ("cs", &self.client_secret),
            ("iu", base_url),
            ("pu", &authorization_server),
            ("oa", oa),
            ("ot", ot),
            ("or", or),
            ("ev", "U1470000000"),
            ("v", if self.scopes.is_empty() { "1.0" } else { "1.1" }),
        ] {
            file.insert(key.to_owned(), Value::from(value));
        }
        if !self.scopes.is_empty() {
            file.insert("sc".to_owned(), json!(self.scopes));
        }
        match &self.grant {
            AppGrant::Password { saak, sask } => {
                file.insert("saak".to_owned(), Value::from(saak.as_str()));
                file.insert("sask".to_owned(), Value::from(sask.as_str()));
            }
            AppGrant::ClientCredentials => {}
            AppGrant::AuthorizationCode { redirect_uri } => {
                file.insert("ru".to_owned(), Value::from(redirect_uri.as_str()));
            }
        }
        format!("{:#}\n", Value::Object(file)).into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(app: &App) -> Value {
        serde_json::from_slice(&app.ion_api_file("https://localhost:4433")).unwrap()
    }

    #[test]
    fn the_file_of_a_cloud_app_has_the_shape_of_infors() {
        let app = App::sample("ACME_TST", "DocBits");
        let file = file(&app);
        assert_eq!(file["pu"], "https://localhost:4433/ACME_TST/as/");
        assert_eq!(file["ot"], "token.oauth2");
        assert_eq!(file["v"], "1.0");
        assert_eq!(file.get("sc"), None);
        let length = |key: &str| file[key].as_str().unwrap().len();
        assert_eq!((length("ci"), length("cs")), ("ACME_TST~".len() + 43, 86));
        assert_eq!((length("saak"), length("sask")), ("ACME_TST#".len() + 86, 86));
        assert!(
            app.ion_api_file("https://localhost:4433")
                == app.clone().ion_api_file("https://localhost:4433")
        );
    }

    #[test]
    fn the_other_variants_differ_where_infors_do() {
        let mut app = App::sample("ACME_TST", "DocBits");
        app.scopes = vec!["Infor-ION".to_owned()];
        assert_eq!(file(&app)["v"], "1.1");
        assert_eq!(file(&app)["sc"], json!(["Infor-ION"]));
        app.server = ServerKind::InforSts;
        assert_eq!(file(&app)["pu"], "https://localhost:4433/InforIntSTS/");
        assert_eq!(file(&app)["or"], "connect/revocation");
        app.grant = AppGrant::ClientCredentials;
        let keys = |app: &App| ["saak", "sask", "ru"].map(|key| file(app).get(key).is_some());
        assert_eq!(keys(&app), [false, false, false]);
        let redirect_uri = "https://docbits.example/infor".to_owned();
        app.grant = AppGrant::AuthorizationCode { redirect_uri };
        assert_eq!(keys(&app), [false, false, true]);
        assert_eq!(file(&app)["ru"], "https://docbits.example/infor");
    }

    #[test]
    fn no_two_samples_share_a_secret() {
        let (one, other) = (App::sample("ACME_TST", "A"), App::sample("ACME_TST", "B"));
        assert_ne!(one.client_secret, other.client_secret);
        assert_ne!(one.client_id, other.client_id);
    }
}
