//! Listeners that serve, in a house of their own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ionvault::adapters::SystemClock;
use ionvault::audit::{AuditLog, AuditSettings, Filter, Order, PageQuery, Record, Refusals};
use ionvault::config::{self, Config, Limits};
use ionvault::grpc::Entrance;
use ionvault::identity::{Issuers, Peer};
use ionvault::listen::{Drained, Listeners, Pages};
use ionvault::quotas::{QuotaSettings, Quotas};
use ionvault::secret::LockedKey;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Status};

use crate::authority::Authority;
use crate::calls::Held;
use crate::issuer::{ISSUER, TokenIssuer};
use crate::journal::Journal;

/// Listeners with files in a directory of their own. Counters and the log are this thread's.
pub struct House {
    pub authority: Authority,
    pub dir: TempDir,
    pub limits: Limits,
    pub allowed_uids: Option<Vec<u32>>,
    pub allow_dns_san: bool,
    /// What `[listen.mesh]` believes.
    pub identity_header: &'static str,
    /// Whether the sidecar delivers to `mesh.sock`, not to an address.
    pub mesh_socket: bool,
    /// Whose tokens `[listen.jwt]` takes; without one there is no such listener.
    pub tokens: Option<TokenIssuer>,
    pub grace: Duration,
}

/// Listeners at work.
pub struct Open {
    pub authority: Authority,
    pub dir: TempDir,
    pub mtls: SocketAddr,
    /// None where the sidecar delivers to a socket.
    pub mesh: Option<SocketAddr>,
    /// None without an issuer of tokens.
    pub jwt: Option<SocketAddr>,
    pub tokens: Option<TokenIssuer>,
    pub ops: SocketAddr,
    pub drain: CancellationToken,
    pub serving: JoinHandle<Drained>,
    /// The peers of all calls to the health service.
    pub peers: Arc<Mutex<Vec<Arc<Peer>>>>,
    pub held: Held,
    /// What was recorded of the calls.
    pub audit: AuditLog,
    pub metrics: PrometheusHandle,
    /// What `/readyz` says.
    pub ready: Arc<Mutex<Result<(), String>>>,
    pub journal: Journal,
    _counting: metrics::LocalRecorderGuard<'static>,
    _writing: tracing::subscriber::DefaultGuard,
}

impl House {
    pub fn new() -> Self {
        let house = Self {
            authority: Authority::new(),
            dir: tempfile::tempdir().unwrap(),
            limits: Limits::default(),
            allowed_uids: None,
            allow_dns_san: false,
            identity_header: "x-forwarded-client-cert",
            mesh_socket: false,
            tokens: None,
            grace: Duration::from_secs(60),
        };
        let server = house.authority.server();
        house.write("server.crt", &server.certificate_pem);
        house.write("server.key", &server.key.serialize_pem());
        house.write("clients.crt", house.authority.pem());
        house
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// As an operator would write it.
    pub fn config(&self) -> config::Listeners {
        let mesh_place = match self.mesh_socket {
            true => {
                format!("address = \"unix:{}\"\nmode = \"0660\"", self.path("mesh.sock").display())
            }
            false => "address = \"127.0.0.1:0\"".to_owned(),
        };
        let jwt = match &self.tokens {
            Some(_) => format!(
                "[listen.jwt]\naddress = \"127.0.0.1:0\"\ncertificate = \"{0}/server.crt\"\n\
                 key = \"{0}/server.key\"\n[[listen.jwt.issuer]]\nissuer = \"{ISSUER}\"\n\
                 audience = \"ionvault\"\njwks = \"unused\"",
                self.dir.path().display()
            ),
            None => String::new(),
        };
        let text = format!(
            r#"
            store.data_dir = "unused"
            root_key.file = "unused"
            access.policy = "unused"
            [listen.mtls]
            address = "127.0.0.1:0"
            certificate = "{dir}/server.crt"
            key = "{dir}/server.key"
            client_ca = "{dir}/clients.crt"
            trust_domain = "prod.example"
            allow_dns_san = {allow_dns_san}
            [listen.mesh]
            {mesh_place}
            identity_header = "{identity_header}"
            trust_domain = "prod.example"
            [listen.admin]
            socket = "{dir}/admin.sock"
            [listen.ops]
            address = "127.0.0.1:0"
            {jwt}
            "#,
            dir = self.dir.path().display(),
            allow_dns_san = self.allow_dns_san,
            identity_header = self.identity_header,
        );
        let mut listeners = Config::parse(&text).unwrap().listeners;
        listeners.admin.as_mut().unwrap().allowed_uids = self.allowed_uids.clone();
        listeners
    }

    pub async fn open(self) -> Open {
        let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
        let metrics = recorder.handle();
        let counting = metrics::set_default_local_recorder(recorder);
        let journal = Journal::default();
        let writing = tracing::subscriber::set_default(journal.subscriber());
        let issuers = match &self.tokens {
            Some(issuer) => issuer.pinned().await,
            None => nobody(),
        };
        let listeners = Listeners::bind(&self.config(), issuers, self.limits).await.unwrap();
        let peers = Arc::<Mutex<Vec<Arc<Peer>>>>::default();
        let (held, ready) = (Held::default(), Arc::new(Mutex::new(Ok(()))));
        let (drain, grace) = (CancellationToken::new(), self.grace);
        let (mtls, ops) = (listeners.mtls_address().unwrap(), listeners.ops_address().unwrap());
        let (mesh, jwt) = (listeners.mesh_address(), listeners.jwt_address());
        let services = {
            let (peers, held) = (peers.clone(), held.clone());
            move |reflection| services(&peers, &held, reflection)
        };
        let pages = Pages {
            ready: {
                let ready = ready.clone();
                Arc::new(move || ready.lock().unwrap().clone())
            },
            metrics: {
                let metrics = metrics.clone();
                Arc::new(move || metrics.render())
            },
        };
        let audit = audit(self.dir.path());
        let entrance = Entrance::new(
            audit.clone(),
            Refusals::new(Arc::new(SystemClock)),
            Arc::new(Quotas::new(QuotaSettings::default())),
        );
        let until = drain.clone();
        let serving = tokio::spawn(async move {
            listeners.serve(services, Some(entrance), pages, until, grace).await
        });
        Open {
            authority: self.authority,
            dir: self.dir,
            mtls,
            mesh,
            jwt,
            tokens: self.tokens,
            ops,
            drain,
            serving,
            peers,
            held,
            audit,
            metrics,
            ready,
            journal,
            _counting: counting,
            _writing: writing,
        }
    }
}

impl Open {
    /// The lines of one metric, without those that count nothing.
    pub fn counted(&self, metric: &str) -> Vec<String> {
        let text = self.metrics.render();
        let lines = text.lines().filter(|line| line.starts_with(metric) && !line.ends_with(" 0"));
        lines.map(str::to_owned).collect()
    }

    /// All that was recorded.
    pub async fn recorded(&self) -> Vec<Record> {
        let query = PageQuery { order: Order::OldestFirst, from: None, records_max: 100 };
        self.audit.list(Filter::default(), query).await.unwrap().records
    }

    pub fn last_peer(&self) -> Peer {
        self.peers.lock().unwrap().last().unwrap().as_ref().clone()
    }
}

/// The headers that no service may see.
pub const NAMING: [&str; 3] = ["x-forwarded-client-cert", "l5d-client-id", "authorization"];

/// No issuer of tokens.
pub fn nobody() -> Arc<Issuers> {
    Arc::new(Issuers::new(Arc::new(SystemClock)))
}

fn audit(dir: &std::path::Path) -> AuditLog {
    let seed = LockedKey::from_bytes(&[7; 32]).unwrap();
    let (dir, settings) = (dir.join("audit"), AuditSettings::default());
    AuditLog::open(&dir, "ionvault/listen", seed, settings, Arc::new(SystemClock)).unwrap()
}

fn services(peers: &Arc<Mutex<Vec<Arc<Peer>>>>, held: &Held, reflection: bool) -> Routes {
    let (_, health) = tonic_health::server::health_reporter();
    let peers = peers.clone();
    let remember = move |request: Request<()>| {
        let peer = request.extensions().get::<Arc<Peer>>();
        peers.lock().unwrap().push(peer.ok_or(Status::internal("no peer"))?.clone());
        if NAMING.iter().any(|header| request.metadata().contains_key(*header)) {
            return Err(Status::internal("a header that could name a caller came through"));
        }
        Ok(request)
    };
    let routes = Routes::new(InterceptedService::new(health, remember)).add_service(held.clone());
    if !reflection {
        return routes;
    }
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .unwrap();
    routes.add_service(reflection)
}
