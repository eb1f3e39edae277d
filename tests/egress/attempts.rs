//! An attempt: a file, all the way from its bytes to what Infor's place would hear of it.

use std::net::SocketAddr;

use ionvault::adapters::HttpsTokenEndpoint;
use ionvault::ion::{ApprovedHost, HostRules, IonApiFile};
use ionvault::ports::{
    ExchangeError, GrantRequest, RevocationRequest, TokenEndpoint, TokenKind, TokenRequest,
};
use ionvault::secret::Secret;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::listener::{DOMAIN, Listener};
use crate::name_server::{NameServer, Records};

/// Everything that hostile files and name servers could reach, and what they tried.
pub(crate) struct World {
    pub(crate) listener: Listener,
    pub(crate) names: NameServer,
    pub(crate) endpoint: HttpsTokenEndpoint,
    /// Attempts that came to nothing, without a connection to anywhere.
    pub(crate) refused: usize,
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Outcome {
    Token,
    /// The file was refused for what is written in it.
    File,
    /// A host was refused by its name.
    Host,
    /// The exchange was.
    Exchange(ExchangeError),
}

/// An address of the internet, as far as the vault can tell.
pub(crate) const PUBLIC: &str = "20.30.40.50";

pub(crate) const TOKEN: &str = r#"{"access_token":"t","token_type":"Bearer"}"#;

impl World {
    pub(crate) async fn new() -> Self {
        let listener = Listener::start();
        listener.answer("200 OK", TOKEN);
        let names = NameServer::start().await;
        Self { listener, names, endpoint: HttpsTokenEndpoint::new(), refused: 0 }
    }

    /// Without this, silence would prove nothing.
    pub(crate) async fn can_tell_what_is_reached(&self) {
        let inside = ["127.0.0.1:443", "10.0.0.7:8443", "169.254.169.254:80", "[::1]:443"];
        let inside = inside.iter().chain(&["[fd00:ec2::254]:80", "20.30.40.50:443"]);
        let inside: Vec<SocketAddr> = inside.map(|address| address.parse().unwrap()).collect();
        for address in &inside {
            let connection = TcpStream::connect(address).await.unwrap();
            assert_eq!(connection.peer_addr().unwrap(), *address);
        }
        // Connected is not yet accepted.
        let mut reached = self.listener.reached();
        while reached.len() < inside.len() {
            tokio::task::yield_now().await;
            reached.extend(self.listener.reached());
        }
        reached.sort();
        let mut expected = inside;
        expected.sort();
        assert_eq!(reached, expected);
        let outcome = self.ask("good", Records::a(&[PUBLIC]), false).await;
        assert!(matches!(outcome, Outcome::Token), "{outcome:?}");
        self.only_reached(PUBLIC);
    }

    /// An attempt with a file whose `pu` names a host that an operator approved, at which the name
    /// server has these records.
    pub(crate) async fn ask(&self, name: &str, records: Records, private: bool) -> Outcome {
        let host = format!("{name}.{DOMAIN}");
        self.names.set(&host, records);
        self.attempt(&file(&[("pu", &format!("https://{host}/sts/"))]), &self.rules(&host, private))
            .await
    }

    /// Approves one host, at the port of https.
    pub(crate) fn rules(&self, host: &str, private_addresses: bool) -> HostRules {
        HostRules::new(vec![ApprovedHost {
            host: host.to_owned(),
            port: 443,
            private_addresses,
            trust_anchors: vec![self.listener.authority()],
        }])
    }

    /// The whole way of a file: it is parsed, its hosts are checked, a token is asked for, and at
    /// the end revoked.
    pub(crate) async fn attempt(&self, file: &Value, rules: &HostRules) -> Outcome {
        let Ok(file) = IonApiFile::parse(file.to_string().as_bytes()) else {
            return Outcome::File;
        };
        let Ok(target) = rules.check(&file, &[]) else { return Outcome::Host };
        let secret = Secret::from(b"invented".to_vec());
        let request = TokenRequest {
            target: &target,
            client_id: file.client_id(),
            client_secret: &secret,
            grant: GrantRequest::ClientCredentials,
            scope: None,
        };
        if let Err(error) = self.endpoint.exchange(&request).await {
            return Outcome::Exchange(error);
        }
        let Ok(target) = rules.target(file.revocation_endpoint().unwrap(), &[]) else {
            return Outcome::Host;
        };
        let request = RevocationRequest {
            target: &target,
            client_id: file.client_id(),
            client_secret: &secret,
            token: &secret,
            kind: TokenKind::Refresh,
        };
        match self.endpoint.revoke(&request).await {
            Ok(()) => Outcome::Token,
            Err(error) => Outcome::Exchange(error),
        }
    }

    /// Counts an attempt that was refused, and reached nothing.
    #[track_caller]
    pub(crate) fn refused(&mut self, what: &str) {
        assert_eq!(self.listener.reached(), [], "{what} reached something");
        self.refused += 1;
    }

    /// Checks that nothing but the port of https at this address was reached.
    #[track_caller]
    pub(crate) fn only_reached(&self, address: &str) {
        let expected = SocketAddr::new(address.parse().unwrap(), 443);
        let reached = self.listener.reached();
        assert!(!reached.is_empty(), "nothing was reached");
        assert!(reached.iter().all(|reached| *reached == expected), "{reached:?}");
    }
}

/// A file that is good but for these keys.
pub(crate) fn file(keys: &[(&str, &str)]) -> Value {
    let mut file = json!({
        "ti": "ACME_TST", "cn": "invented", "dt": "12", "ci": "ACME_TST~invented", "cs": "invented",
        "pu": format!("https://sts.{DOMAIN}/sts/"), "oa": "connect/authorize",
        "ot": "connect/token", "or": "connect/revocation",
    });
    for (key, value) in keys {
        file[*key] = Value::from(*value);
    }
    file
}
