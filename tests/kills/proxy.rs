//! Stands between the vault and its provider, sees every exchange, and stops it where it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ionvault::simulator::certificates::Authority;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// How far an exchange got.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Reached {
    /// The request came; the provider has not seen it.
    Request,
    /// The provider has acted; the answer is here.
    Answer,
    /// The answer was passed on.
    Delivered,
}

/// What becomes of a client's next exchanges.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rule {
    /// The request waits here, and never gets any further.
    HoldRequest,
    /// The answer waits here, and never gets any further.
    HoldAnswer,
    /// The answer waits here until the rule changes.
    DelayAnswer,
    /// The connection ends in place of the answer.
    LoseAnswer,
}

impl Rule {
    /// What an exchange has reached when this stops it.
    pub(crate) const fn stops_at(self) -> Reached {
        match self {
            Self::HoldRequest => Reached::Request,
            Self::HoldAnswer | Self::DelayAnswer | Self::LoseAnswer => Reached::Answer,
        }
    }
}

/// A proxy for one provider; it ends with its runtime.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    pub(crate) ca_pem: String,
    shared: Arc<Shared>,
}

struct Shared {
    provider: String,
    client: reqwest::Client,
    /// By client id.
    rules: watch::Sender<HashMap<String, Rule>>,
    /// By client id, how far the newest exchange got.
    reached: watch::Sender<HashMap<String, Reached>>,
    /// By client id, the first grant type that was asked for.
    first_grants: Mutex<HashMap<String, String>>,
}

impl Proxy {
    /// Starts one for the provider at this base URL.
    pub(crate) async fn start(provider: &str, client: reqwest::Client) -> Self {
        let authority = Authority::generate().unwrap();
        let acceptor = acceptor(&authority);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            provider: provider.to_owned(),
            client,
            rules: watch::Sender::default(),
            reached: watch::Sender::default(),
            first_grants: Mutex::default(),
        });
        tokio::spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Self { port, ca_pem: authority.certificate_pem().to_owned(), shared }
    }

    pub(crate) fn rule(&self, client_id: &str, rule: Rule) {
        self.shared.rules.send_modify(|rules| {
            rules.insert(client_id.to_owned(), rule);
        });
    }

    /// From now on all exchanges pass, and those before are forgotten.
    pub(crate) fn forget(&self) {
        self.shared.first_grants.lock().unwrap().clear();
        self.shared.rules.send_modify(HashMap::clear);
        self.shared.reached.send_modify(HashMap::clear);
    }

    /// Exchanges that are delayed go on.
    pub(crate) fn release(&self) {
        self.shared.rules.send_modify(HashMap::clear);
    }

    /// How far the client's newest exchange got; `None` if there was none.
    pub(crate) fn reached(&self, client_id: &str) -> Option<Reached> {
        self.shared.reached.borrow().get(client_id).copied()
    }

    /// The grant type of the client's first exchange.
    pub(crate) fn first_grant(&self, client_id: &str) -> Option<String> {
        self.shared.first_grants.lock().unwrap().get(client_id).cloned()
    }

    /// Resolves once the client's newest exchange got so far.
    pub(crate) async fn until(&self, client_id: &str, reached: Reached) {
        let far =
            |all: &HashMap<String, Reached>| all.get(client_id).is_some_and(|r| *r >= reached);
        let mut changes = self.shared.reached.subscribe();
        let waited = tokio::time::timeout(EVENT_TIME_MAX, changes.wait_for(far)).await;
        waited.expect("no exchange got so far").unwrap();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            // A vault that was killed ends its connections at any point.
            let Ok(stream) = acceptor.accept(socket).await else { return };
            let service = service_fn(|request| pass(Arc::clone(&shared), request));
            let _ended =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("lost, as planned")]
struct Lost;

async fn pass(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Lost> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_broken_off| Lost)?.to_bytes();
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let client_id = form.get("client_id").unwrap().clone();
    let grant_type = form.get("grant_type").unwrap().clone();
    shared.first_grants.lock().unwrap().entry(client_id.clone()).or_insert(grant_type);
    shared.reach(&client_id, Reached::Request);
    if shared.rule_of(&client_id) == Some(Rule::HoldRequest) {
        never().await;
    }
    let answer = shared
        .client
        .post(format!("{}{}", shared.provider, head.uri.path()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    // The provider acts whether or not the vault still lives.
    let answer = tokio::spawn(async move {
        let answer = answer.send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap())
    });
    let (status, body) = answer.await.unwrap();
    shared.reach(&client_id, Reached::Answer);
    match shared.rule_of(&client_id) {
        Some(Rule::HoldAnswer) => never().await,
        Some(Rule::LoseAnswer) => return Err(Lost),
        Some(Rule::DelayAnswer) => {
            let mut changes = shared.rules.subscribe();
            let delayed = |rules: &HashMap<String, Rule>| rules.contains_key(&client_id);
            changes.wait_for(|rules| !delayed(rules)).await.unwrap();
        }
        Some(Rule::HoldRequest) | None => {}
    }
    shared.reach(&client_id, Reached::Delivered);
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", "application/json".parse().unwrap());
    Ok(response)
}

impl Shared {
    fn rule_of(&self, client_id: &str) -> Option<Rule> {
        self.rules.borrow().get(client_id).copied()
    }

    fn reach(&self, client_id: &str, reached: Reached) {
        self.reached.send_modify(|all| {
            all.insert(client_id.to_owned(), reached);
        });
    }
}

/// Ends with the connection, whose other end is about to be killed.
async fn never() {
    std::future::pending().await
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let identity = authority.server().unwrap();
    let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Only a vault that hangs takes so long, however busy the machine.
const EVENT_TIME_MAX: Duration = Duration::from_secs(120);
