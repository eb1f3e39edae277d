//! One case, tried.

use ionvault::pb::v1::IssueTokenRequest;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::simulator::{App, Simulator};
use serde_json::Value;
use tokio::runtime::Runtime;
use tonic::Status;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::cases::Case;
use super::installation::{Installation, Server};

/// The program, and Infor.
pub(crate) struct World<'a> {
    pub(crate) simulator: &'a Simulator,
    pub(crate) installation: &'a Installation,
    pub(crate) server: &'a Server,
}

/// What the program makes of a case.
pub(crate) struct Row {
    pub(crate) way: &'static str,
    /// What came back, as `TestCredential` says it.
    pub(crate) answer: String,
    pub(crate) verdict: String,
    pub(crate) reason: String,
    pub(crate) code: String,
    pub(crate) exit: i32,
    pub(crate) health: String,
    pub(crate) advice: String,
}

impl World<'_> {
    /// Each case has a tenant of its own, so that none trips the breaker of another's server.
    pub(crate) fn row(&self, runtime: &Runtime, case: Case) -> Row {
        let Case { way, infor, file, ca, failures_before } = case;
        let number = self.simulator_number();
        let app = App::sample(&format!("CASE_{number}"), "DocBits");
        let mut at_infor = app.clone();
        infor(self.simulator, &mut at_infor);
        self.simulator.add_app(at_infor).unwrap();
        for failure in 0..failures_before {
            let mut other = app.clone();
            other.client_secret = format!("invented-{failure}");
            self.installation.write("file.ionapi", self.simulator.ion_api_file(&other));
            let path = self.installation.path("file.ionapi").display().to_string();
            let ended = self.installation.run(&["upload", &format!("acme/f{number}"), &path]);
            assert_eq!(ended.code, Some(5), "{way}: {ended:?}");
        }
        let mut content: Value =
            serde_json::from_slice(&self.simulator.ion_api_file(&app)).unwrap();
        file(&mut content);
        self.installation.write("file.ionapi", content.to_string());
        let path = self.installation.path("file.ionapi").display().to_string();
        let name = format!("acme/c{number}");
        let mut upload = vec!["upload", &name, &path, "--verification", "skip"];
        let ca_path = self.installation.path("ca-of-the-file.pem").display().to_string();
        if let Some(ca) = ca() {
            self.installation.write("ca-of-the-file.pem", ca);
            upload.extend(["--ca-certificates", &ca_path]);
        }
        let ended = self.installation.run(&upload);
        assert_eq!(ended.code, Some(0), "{way}: {ended:?}");

        let tested = self.installation.run(&["test", &name, "--output", "json"]);
        let tested: Value = serde_json::from_str(&tested.stdout).unwrap();
        let diagnosis = &tested["diagnosis"];
        let token = self.installation.run(&["token", &name]);
        assert_ne!(token.code, Some(0), "{way} is no refusal");
        let status = runtime.block_on(self.status(&name));
        let shown = self.installation.run(&["show", &name, "--output", "json"]);
        let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
        let said = |name: &str| {
            let line = token.said.iter().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{way}: {token:?}")).to_owned()
        };
        Row {
            way,
            answer: text(&diagnosis["attempts"][0]["outcome"]),
            verdict: text(&diagnosis["verdict"]).replace("VERDICT_", ""),
            reason: said("reason: "),
            code: code_name(status.code()),
            exit: token.code.unwrap(),
            health: text(&shown["credential"]["health"]).replace("HEALTH_", ""),
            advice: advice(diagnosis),
        }
    }

    fn simulator_number(&self) -> u64 {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }

    /// What a service is answered that asks for a token.
    async fn status(&self, name: &str) -> Status {
        let read = |file: &str| self.installation.read(file);
        let tls = ClientTlsConfig::new()
            .domain_name("localhost")
            .ca_certificate(Certificate::from_pem(read("ca.pem")))
            .identity(Identity::from_pem(read("client.pem"), read("client.key")));
        let endpoint = Endpoint::from_shared(format!("https://{}", self.server.mtls)).unwrap();
        let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();
        let (tenant, credential) = name.split_once('/').unwrap();
        let name = format!("tenants/{tenant}/credentials/{credential}");
        let request = IssueTokenRequest { name, ..IssueTokenRequest::default() };
        TokenServiceClient::new(channel).issue_token(request).await.unwrap_err()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("nothing: Infor was not asked").to_owned()
}

fn advice(diagnosis: &Value) -> String {
    text(&diagnosis["findings"][0]["advice"])
}

/// As the proto files spell it: `NOT_FOUND` for `Code::NotFound`.
fn code_name(code: tonic::Code) -> String {
    let mut name = String::new();
    for character in format!("{code:?}").chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_uppercase());
    }
    name
}
