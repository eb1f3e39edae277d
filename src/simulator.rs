//! Infor's authorization server in miniature, over TLS on loopback: for `ionvault dev`, for tests,
//! and for people who write software against the vault without an account at Infor.
//!
//! It serves both kinds of server that customers have, side by side on one port:
//!
//! | | token endpoint | revocation endpoint | access tokens |
//! |---|---|---|---|
//! | [`ServerKind::PingFederate`], Infor's cloud | `/{ti}/as/token.oauth2` | `/{ti}/as/revoke_token.oauth2` | JWTs of about 1 kB |
//! | [`ServerKind::InforSts`], on-premises | `/InforIntSTS/connect/token` | `/InforIntSTS/connect/revocation` | opaque |
//!
//! It checks what a real server checks, so that a client which passes here is not surprised there:
//! POST with a form, each parameter once, `#` written as `%23`; the client's id and secret raw in
//! an `Authorization: Basic` header or in the body, but never both (`%7E` for `~` in the header
//! names another client); the grant against the app's type; the scopes against the app's; refresh
//! tokens with rotation, and revocation (RFC 7009); authorization codes with PKCE. Refusals are those
//! of RFC 6749, section 5.2; a path of no known tenant is an HTML page with status 404, as it is at
//! Infor. Limits like Infor's are enforced where [`Limits`] asks for it, and what networks and
//! servers do at their worst happens where a [`Fault`] is planned.
//!
//! `tests/oidc_provider.rs` runs the same checks against this server and a real one. What it
//! leaves out: people who log in, and signatures that anyone could verify. `docs/simulator.md`
//! shows how to use it.
//!
//! ```
//! # async fn show() -> Result<(), Box<dyn std::error::Error>> {
//! use ionvault::simulator::{App, Simulator, SimulatorConfig};
//!
//! let simulator = Simulator::start(SimulatorConfig::default()).await?;
//! let app = App::sample("ACME_TST", "DocBits");
//! simulator.add_app(app.clone())?;
//! std::fs::write("DocBits.ionapi", simulator.ion_api_file(&app))?;
//! # Ok(()) }
//! ```

mod answer;
mod app;
mod authorization;
pub mod certificates;
mod client;
mod config;
mod connections;
mod endpoints;
mod faults;
mod form;
mod gate;
mod grants;
mod limits;
mod requests;
mod token;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use app::{App, AppGrant, ServerKind};
use certificates::{Authority, InvalidCertificate};
pub use config::{RefreshPolicy, SimulatorConfig};
use faults::Plans;
pub use faults::{Fault, Moment, OtherAnswer, Plan, Planned, TooManyFaults};
use gate::Gate;
use grants::Grants;
pub use limits::Limits;
use limits::Usage;
use requests::Counters;
pub use requests::{RequestKind, Requests};

/// A running simulator. Dropping it stops it; [`Simulator::shutdown`] waits until it has stopped.
pub struct Simulator {
    world: Arc<World>,
    ca_pem: String,
    address: SocketAddr,
    stop: DropGuard,
    accepting: JoinHandle<()>,
}

/// What the connections share.
struct World {
    apps: RwLock<HashMap<String, Arc<App>>>,
    grants: Grants,
    gate: Gate,
    faults: Plans,
    counters: Counters,
}

impl Simulator {
    /// Starts a simulator on 127.0.0.1, without any app.
    ///
    /// # Errors
    ///
    /// - [`StartError::Listen`] if the port is in use.
    /// - [`StartError::Certificate`], [`StartError::Tls`] if no certificate can be made or used.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        let SimulatorConfig { port, authority, token_life, refresh, limits } = config;
        let authority = match authority {
            Some(authority) => authority,
            None => Authority::generate()?,
        };
        let tls = connections::tls(&authority.server()?)?;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let stop = CancellationToken::new();
        let world = Arc::new(World {
            apps: RwLock::default(),
            grants: Grants::new(token_life, refresh, Usage::new(limits)),
            gate: Gate::new(),
            faults: Plans::new(stop.clone()),
            counters: Counters::default(),
        });
        let accepting =
            tokio::spawn(connections::accept(listener, tls, Arc::clone(&world), stop.clone()));
        let ca_pem = authority.certificate_pem().to_owned();
        Ok(Self { world, ca_pem, address, stop: stop.drop_guard(), accepting })
    }

    /// The certificate of the authority that vouches for the server: what clients must trust.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// `https://localhost:{port}`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("https://localhost:{}", self.port())
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Registers an app, or replaces the one with this client id, as an administrator changes an app
    /// whose file was downloaded before. Grants given to it stay.
    ///
    /// # Errors
    ///
    /// [`TooManyApps`] beyond 4,096 apps.
    pub fn add_app(&self, app: App) -> Result<(), TooManyApps> {
        let mut apps = self.world.apps.write().unwrap_or_else(PoisonError::into_inner);
        if apps.len() >= APPS_MAX && !apps.contains_key(&app.client_id) {
            return Err(TooManyApps);
        }
        apps.insert(app.client_id.clone(), Arc::new(app));
        Ok(())
    }

    /// Deletes an app: its client is unknown from now on.
    pub fn remove_app(&self, client_id: &str) {
        self.world.apps.write().unwrap_or_else(PoisonError::into_inner).remove(client_id);
        self.world.counters.forget(client_id);
    }

    /// The file that Infor would let an administrator download for this app.
    #[must_use]
    pub fn ion_api_file(&self, app: &App) -> Vec<u8> {
        app.ion_api_file(&self.base_url())
    }

    /// How many requests came, by grant, since the start. A request counts when its form was
    /// read, whatever becomes of it.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.world.counters.all()
    }

    /// As [`Simulator::requests`], those that named the app with this client id, whether or not
    /// their secret was right.
    #[must_use]
    pub fn requests_of(&self, client_id: &str) -> Requests {
        self.world.counters.of(client_id)
    }

    /// How many families of refresh tokens died because somebody used a code or a refresh token
    /// again.
    #[must_use]
    pub fn families_revoked(&self) -> u64 {
        self.world.grants.families_revoked()
    }

    /// Lets a fault happen to later requests, as the plan says. Plans are met in their order, one
    /// per request.
    ///
    /// # Errors
    ///
    /// [`TooManyFaults`] beyond 1,024 planned faults.
    pub fn plan(&self, plan: Plan, fault: Fault) -> Result<Planned, TooManyFaults> {
        self.world.faults.add(plan, fault)
    }

    /// No later request meets a fault.
    pub fn lift_all(&self) {
        self.world.faults.lift_all();
    }

    /// From now on, token requests wait. They are let through by [`Simulator::release`], or
    /// answered with 503 after half a minute.
    pub fn hold(&self) {
        self.world.gate.close();
    }

    /// Resolves as soon as `count` token requests wait. Unbounded: it is for the caller to say
    /// how long that may take.
    pub async fn held(&self, count: usize) {
        self.world.gate.until_waiting(count).await;
    }

    /// Lets through those that wait, and all later ones.
    pub fn release(&self) {
        self.world.gate.open();
    }

    /// Stops accepting, lets requests that wait go, and returns when every connection has ended,
    /// after five seconds at most.
    pub async fn shutdown(self) {
        let Self { world, ca_pem: _, address: _, stop, accepting } = self;
        world.gate.open();
        drop(stop);
        // An error means that the accepting task is gone already, which is what is wanted.
        let _ = accepting.await;
    }
}

/// Why no simulator was started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is in use, or may not be used.
    #[error("the simulator cannot listen on its port")]
    Listen(#[source] io::Error),
    /// The authority cannot make a certificate.
    #[error("the simulator has no certificate")]
    Certificate(#[from] InvalidCertificate),
    /// rustls does not take the certificate.
    #[error("the simulator cannot use its certificate")]
    Tls(#[from] rustls::Error),
}

/// There are as many apps as there may be.
#[derive(Debug, thiserror::Error)]
#[error("the simulator holds {APPS_MAX} apps already")]
pub struct TooManyApps;

/// Bounds memory; forty tenants' worth of tests do not come near it.
const APPS_MAX: usize = 4096;
