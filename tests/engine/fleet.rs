//! The fleet: twenty credentials of five tenants, and the log-ins at Infor behind their files.

use std::time::Duration;

use ionvault::model::CredentialName;

use super::randomness::Rng;

/// What does not change during a run.
pub(crate) struct Fleet {
    pub(crate) servers: Vec<Server>,
    pub(crate) clients: Vec<Client>,
    pub(crate) logins: Vec<Login>,
    pub(crate) credentials: Vec<Member>,
}

/// An authorization server: in the cloud, one per Infor tenant.
pub(crate) struct Server {
    pub(crate) infor_tenant: String,
    pub(crate) base: String,
    pub(crate) paths: [&'static str; 3],
}

/// An authorized app at Infor.
pub(crate) struct Client {
    pub(crate) server: usize,
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) rotation: Rotation,
    /// The life of its access tokens.
    pub(crate) life: Duration,
    /// Infor's switch *Issue Refresh Tokens*.
    pub(crate) issues_refresh_tokens: bool,
}

/// What a server does when a refresh token is redeemed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rotation {
    /// A new one comes; redeeming an old one again ends the family.
    Strict,
    /// A new one comes; the old one may be redeemed again for [`GRACE`].
    Grace,
    /// It stays good.
    None,
}

/// How long a forgiving server forgives.
pub(crate) const GRACE: Duration = Duration::from_secs(60);

/// What the vault calls an account, without the tenant.
pub(crate) struct Login {
    pub(crate) client: usize,
    pub(crate) kind: Kind,
    /// Whether the file's client secret is the client's.
    pub(crate) knows_client_secret: bool,
    /// Whether the service account's secret key is right.
    pub(crate) knows_secret_key: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Password,
    ClientCredentials,
    Web,
}

/// A credential, and the log-ins whose files are uploaded to it.
pub(crate) struct Member {
    pub(crate) name: CredentialName,
    pub(crate) tenant: usize,
    pub(crate) logins: Vec<usize>,
}

pub(crate) const TENANTS: usize = 5;

impl Fleet {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        let servers = (0..4).map(cloud).chain([on_premises()]).collect();
        let clients = (0..CLIENTS).map(|number| client(rng, number)).collect();
        let mut fleet = Self { servers, clients, logins: Vec::new(), credentials: Vec::new() };
        for (tenant, logins) in fleet.plan(rng) {
            let number = fleet.credentials.len();
            let name = format!("tenants/tenant-{tenant}/credentials/infor-{number}");
            fleet.credentials.push(Member { name: name.parse().unwrap(), tenant, logins });
        }
        fleet
    }

    /// Which credential has which log-ins; the first is the one that it starts with.
    fn plan(&mut self, rng: &mut Rng) -> Vec<(usize, Vec<usize>)> {
        let shared = self.login(0, Kind::Password);
        let after_it = self.login(0, Kind::Password);
        let (client_invented, key_invented) =
            (self.login(0, Kind::Password), self.login(1, Kind::Password));
        self.logins[client_invented].knows_client_secret = false;
        self.logins[key_invented].knows_secret_key = false;
        let mut plan = vec![
            // Two credentials of one tenant with one account, and another tenant with the same file.
            (0, vec![shared, after_it]),
            (0, vec![shared]),
            (1, vec![shared]),
            // Somebody who knows all names of others, and invents the secrets.
            (2, vec![client_invented]),
            (2, vec![key_invented]),
        ];
        for (client, kind) in [
            (2, Kind::ClientCredentials),
            (3, Kind::ClientCredentials),
            (4, Kind::Web),
            (5, Kind::Web),
        ] {
            plan.push((rng.below(TENANTS), vec![self.login(client, kind)]));
        }
        while plan.len() < CREDENTIALS {
            let mut logins = vec![self.password_login(rng)];
            if rng.chance(300) {
                logins.push(self.password_login(rng));
            }
            plan.push((rng.below(TENANTS), logins));
        }
        plan
    }

    fn password_login(&mut self, rng: &mut Rng) -> usize {
        // The clients above serve other grants.
        let client = *rng.pick(&[0, 1, 6, 7, 8, 9, 10, 11]);
        self.login(client, Kind::Password)
    }

    fn login(&mut self, client: usize, kind: Kind) -> usize {
        let (knows_client_secret, knows_secret_key) = (true, true);
        self.logins.push(Login { client, kind, knows_client_secret, knows_secret_key });
        self.logins.len() - 1
    }

    pub(crate) fn client_of(&self, login: usize) -> &Client {
        &self.clients[self.logins[login].client]
    }

    /// Whether Infor grants it tokens when nothing is switched off.
    pub(crate) fn is_genuine(&self, login: usize) -> bool {
        self.logins[login].knows_client_secret && self.logins[login].knows_secret_key
    }

    /// Tenants that may have an account with this log-in.
    pub(crate) fn tenants_of(&self, login: usize) -> Vec<usize> {
        let holds = |member: &&Member| member.logins.contains(&login);
        let mut tenants: Vec<_> = self.credentials.iter().filter(holds).map(|m| m.tenant).collect();
        tenants.sort_unstable();
        tenants.dedup();
        tenants
    }

    pub(crate) fn client_secret(&self, login: usize) -> String {
        let secret = &self.client_of(login).secret;
        if self.logins[login].knows_client_secret {
            secret.clone()
        } else {
            format!("not-{secret}")
        }
    }

    pub(crate) fn access_key(login: usize) -> String {
        format!("invented-access-key-{login}")
    }

    /// The secret key in the file. The right one begins with `right`.
    pub(crate) fn secret_key(&self, login: usize) -> String {
        let known = if self.logins[login].knows_secret_key { "right" } else { "wrong" };
        format!("{known}-secret-key-{login}")
    }

    /// The file of a log-in; other copies have other bytes and the same account.
    pub(crate) fn file(&self, login: usize, copy: usize) -> Vec<u8> {
        let Login { client, kind, .. } = self.logins[login];
        let Client { server, id, .. } = &self.clients[client];
        let Server { infor_tenant, base, paths: [oa, ot, or] } = &self.servers[*server];
        let secret = self.client_secret(login);
        let rest = match kind {
            Kind::Password => format!(
                r#","saak":"{}","sask":"{}""#,
                Self::access_key(login),
                self.secret_key(login)
            ),
            Kind::ClientCredentials => String::new(),
            Kind::Web => r#","ru":"https://docbits.example/callback""#.to_owned(),
        };
        format!(
            r#"{{"ti":"{infor_tenant}","cn":"login-{login}-copy-{copy}","dt":"12","ci":"{id}","cs":"{secret}",
"iu":"https://mingle-ionapi.eu1.inforcloudsuite.com","pu":"{base}","oa":"{oa}","ot":"{ot}","or":"{or}","v":"1.0"{rest}}}"#
        )
        .into_bytes()
    }

    /// The log-in of a file, by the name of the application in it.
    pub(crate) fn login_named(application_name: &str) -> usize {
        let number =
            application_name.strip_prefix("login-").and_then(|rest| rest.split('-').next());
        number.unwrap().parse().unwrap()
    }

    /// The server that a token or revocation endpoint belongs to.
    pub(crate) fn server_at(&self, url: &str) -> usize {
        let at = |server: &Server| {
            url.replace(":443/", "/").starts_with(&server.base.replace(":443/", "/"))
        };
        self.servers.iter().position(at).unwrap()
    }
}

const CLIENTS: usize = 12;
const CREDENTIALS: usize = 20;

fn cloud(number: usize) -> Server {
    let infor_tenant = format!("SIM{number}_PRD");
    Server {
        base: format!("https://mingle-sso.eu1.inforcloudsuite.com:443/{infor_tenant}/as/"),
        infor_tenant,
        paths: ["authorization.oauth2", "token.oauth2", "revoke_token.oauth2"],
    }
}

fn on_premises() -> Server {
    Server {
        infor_tenant: "infor".to_owned(),
        base: format!("https://{ON_PREMISES}/InforIntSTS/"),
        paths: ["connect/authorize", "connect/token", "connect/revocation"],
    }
}

/// The host that the operator approved.
pub(crate) const ON_PREMISES: &str = "inforos.customer.example";

fn client(rng: &mut Rng, number: usize) -> Client {
    let minutes = *rng.pick(&[120, 120, 120, 120, 60, 20, 5]);
    Client {
        server: number % 5,
        id: format!("farm~app-{number}"),
        secret: format!("invented-client-secret-{number}"),
        rotation: *rng.pick(&[Rotation::Strict, Rotation::Strict, Rotation::Grace, Rotation::None]),
        life: Duration::from_secs(60 * minutes),
        // Client-credentials apps get none.
        issues_refresh_tokens: !(2..=3).contains(&number) && rng.chance(850),
    }
}
