//! What an exchange leaves in the logs, at the most talkative level.

use std::io;
use std::sync::{Arc, Mutex};

use ionvault::adapters::HttpsTokenEndpoint;
use ionvault::ports::{GrantRequest, TokenEndpoint, TokenRequest};
use ionvault::secret::Secret;
use ionvault::simulator::{App, AppGrant, Simulator, SimulatorConfig};

use crate::target;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn an_exchange_logs_no_secret_at_trace_level() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let app = App::sample("ACME_TST", "logs");
    simulator.add_app(app.clone()).unwrap();
    let AppGrant::Password { saak, sask } = &app.grant else { panic!("no service account") };
    let url = format!("{}/ACME_TST/as/token.oauth2", simulator.base_url());
    let request = TokenRequest {
        target: &target(&url, simulator.ca_pem()),
        client_id: &app.client_id,
        client_secret: &Secret::from(app.client_secret.clone()),
        grant: GrantRequest::Password {
            username: &Secret::from(saak.clone()),
            password: &Secret::from(sask.clone()),
        },
        scope: None,
    };
    let Ok(answer) = HttpsTokenEndpoint::new().exchange(&request).await else { panic!("no token") };
    tracing::info!("a planted control");
    simulator.shutdown().await;
    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    for control in ["a planted control", "rustls"] {
        assert!(log.contains(control), "the log holds no {control}");
    }
    let token = String::from_utf8(answer.access_token.expose().to_vec()).unwrap();
    let refresh = String::from_utf8(answer.refresh_token.unwrap().expose().to_vec()).unwrap();
    let (_, key) = saak.split_once('#').unwrap();
    for secret in [key, sask, &app.client_secret, &token, &refresh] {
        assert!(!log.contains(secret), "a secret was logged");
    }
}
