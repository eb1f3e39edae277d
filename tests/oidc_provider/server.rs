//! A real authorization server, in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use ionvault::simulator::certificates::Authority;
use ionvault::simulator::{App, AppGrant, ServerKind};
use serde_json::{Value, json};

use crate::installed::installed;

pub(crate) struct OidcProvider {
    process: Child,
    pub(crate) base_url: String,
    pub(crate) ca_pem: String,
}

impl OidcProvider {
    /// Starts the server with these apps; `None` if it is not installed.
    pub(crate) fn start(apps: &[App]) -> Option<Self> {
        Self::start_with_life(apps, 2 * 60 * 60)
    }

    /// As [`Self::start`]; `token_life` is what it says of access tokens, in seconds. They work for
    /// two hours in any case.
    pub(crate) fn start_with_life(apps: &[App], token_life: u64) -> Option<Self> {
        let modules = installed("oidc-provider/node_modules")?;
        let authority = Authority::generate().unwrap();
        let identity = authority.server().unwrap();
        let settings = json!({
            "certificate": identity.certificate_pem,
            "key": identity.key_pem.as_str(),
            "token_life": token_life,
            "apps": apps.iter().map(describe).collect::<Vec<_>>(),
        });
        let process = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/third_party/oidc-provider/server.mjs"))
            .arg(modules.parent().unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed for oidc-provider");
        // Owned from here on, so that the process ends whatever happens.
        let mut server = Self {
            base_url: String::new(),
            ca_pem: authority.certificate_pem().to_owned(),
            process,
        };
        process_input(&mut server.process, &settings);
        server.base_url = format!("https://localhost:{}", ready_port(&mut server.process));
        Some(server)
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn process_input(process: &mut Child, settings: &Value) {
    // Dropping it closes the pipe, and the server knows that it has all.
    process.stdin.take().unwrap().write_all(settings.to_string().as_bytes()).unwrap();
}

/// Reads its output up to the line that starts with "ready".
fn ready_port(process: &mut Child) -> u16 {
    let output = BufReader::new(process.stdout.take().unwrap());
    let (found, port) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(port) = line.strip_prefix("ready ") {
                let _ = found.send(port.parse().unwrap());
            }
        }
    });
    port.recv_timeout(START_TIME_MAX).expect("oidc-provider did not start")
}

fn describe(app: &App) -> Value {
    let mut described = json!({
        "style": match app.server {
            ServerKind::PingFederate => "PingFederate",
            ServerKind::InforSts => "InforSts",
        },
        "tenant": app.tenant,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "scopes": app.scopes,
    });
    match &app.grant {
        AppGrant::Password { saak, sask } => {
            described["username"] = json!(saak);
            described["password"] = json!(sask);
        }
        AppGrant::ClientCredentials => {}
        AppGrant::AuthorizationCode { redirect_uri } => {
            described["redirect_uri"] = json!(redirect_uri);
        }
    }
    described
}

/// Loading its modules takes a second; a busy machine is given a minute.
const START_TIME_MAX: Duration = Duration::from_secs(60);
