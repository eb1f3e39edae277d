//! grpcurl 1.8.6, as people will use it: everything that a credential goes through, over mutual TLS
//! and over the admin socket.
#![allow(clippy::print_stderr, reason = "each step is told as it passes")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use ionvault::simulator::{App, Simulator, SimulatorConfig};
use serde_json::{Value, json};

use super::installation::{Installation, Server};
use crate::installed::installed;

const NAME: &str = "tenants/acme/credentials/infor";
const CREDENTIALS: &str = "ionvault.v1.CredentialService";
const TOKENS: &str = "ionvault.v1.TokenService";

/// grpcurl with what leads to one listener.
struct Grpcurl {
    program: PathBuf,
    flags: Vec<String>,
    address: String,
}

/// What grpcurl made of an answer.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Grpcurl {
    fn over_mtls(program: PathBuf, house: &Installation, server: &Server) -> Self {
        let path = |name| house.path(name).display().to_string();
        let flags = [
            "-cacert".to_owned(),
            path("ca.pem"),
            "-cert".to_owned(),
            path("client.pem"),
            "-key".to_owned(),
            path("client.key"),
        ];
        Self { program, flags: flags.into(), address: format!("localhost:{}", server.mtls.port()) }
    }

    fn over_the_admin_socket(program: PathBuf, house: &Installation) -> Self {
        // Unless told otherwise, grpcurl names the path as the authority, which HTTP/2 forbids.
        let flags = ["-plaintext", "-unix", "-authority", "localhost"].map(str::to_owned);
        let address = house.path("admin.sock").display().to_string();
        Self { program, flags: flags.into(), address }
    }

    fn run(&self, body: Option<&Value>, words: &[&str]) -> Said {
        let mut command = Command::new(&self.program);
        // Without the environment there is no proxy to be asked.
        command.env_clear().args(["-max-time", CALL_SECONDS_MAX]).args(&self.flags);
        if body.is_some() {
            command.args(["-d", "@"]);
        }
        command.arg(&self.address).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = body.map(Value::to_string).unwrap_or_default();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        Said {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What is printed about the API.
    #[track_caller]
    fn read(&self, words: &[&str]) -> String {
        let said = self.run(None, words);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{words:?}: {said:?}");
        eprintln!("passed: grpcurl {}", words.join(" "));
        said.stdout
    }

    /// The answer to a call.
    #[track_caller]
    fn call(&self, service: &str, method: &str, body: &Value) -> Value {
        let said = self.run(Some(body), &[&format!("{service}/{method}")]);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{method}: {said:?}");
        eprintln!("passed: {method}");
        serde_json::from_str(&said.stdout).unwrap()
    }

    /// What is printed of a refusal.
    #[track_caller]
    fn refused(&self, service: &str, method: &str, body: &Value) -> String {
        let said = self.run(Some(body), &[&format!("{service}/{method}")]);
        assert_ne!(said.code, Some(0), "{method}: {said:?}");
        assert_eq!(said.stdout, "", "{method}: {said:?}");
        let indented: Vec<_> = said.stderr.lines().map(|line| format!("        {line}")).collect();
        eprintln!("passed: {method}, refused:\n{}", indented.join("\n"));
        said.stderr
    }
}

/// A machine that is too busy is given this long for one call.
const CALL_SECONDS_MAX: &str = "120";

fn upload(file: &[u8]) -> Value {
    json!({ "name": NAME, "ionApiFile": BASE64.encode(file) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn everything_that_a_credential_goes_through() {
    let Some(program) = installed("python/bin/grpcurl") else { return };
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let apps = ["DocBits", "DocBits, second download"].map(|name| App::sample("ACME_TST", name));
    for app in &apps {
        simulator.add_app(app.clone()).unwrap();
    }
    let [first, second] = &apps;
    let house = Installation::initialized();
    house.approve(&simulator);
    let server = house.serve();
    let admin = Grpcurl::over_the_admin_socket(program.clone(), &house);
    let grpcurl = Grpcurl::over_mtls(program, &house, &server);

    look_around(&grpcurl);
    look_around(&admin);
    let named = json!({ "name": NAME });

    let answer =
        grpcurl.call(CREDENTIALS, "UploadCredential", &upload(&simulator.ion_api_file(first)));
    assert_eq!((&answer["version"], &answer["added"]), (&json!(1), &json!(true)));
    assert_eq!(answer["diagnosis"]["verdict"], "VERDICT_ACCEPTED");
    assert_eq!(answer["credential"]["health"], "HEALTH_HEALTHY");
    let answer = grpcurl.call(CREDENTIALS, "GetCredential", &named);
    let credential = &answer["credential"];
    assert_eq!(credential["state"], "STATE_ACTIVE");
    assert_eq!(credential["ionApiFile"]["clientId"], first.client_id.as_str());
    assert_eq!(credential["ionApiFile"]["grant"], "GRANT_PASSWORD");
    assert!(!answer.to_string().contains(&first.client_secret), "a secret was told");
    let everywhere = json!({ "parent": "tenants/-" });
    let answer = grpcurl.call(CREDENTIALS, "ListCredentials", &everywhere);
    assert_eq!(answer["credentials"][0]["name"], NAME);

    let answer =
        grpcurl.call(CREDENTIALS, "UploadCredential", &upload(&simulator.ion_api_file(second)));
    assert_eq!(answer["version"], 2);
    let versions = json!({ "parent": NAME });
    let answer = grpcurl.call(CREDENTIALS, "ListCredentialVersions", &versions);
    let active = |at: usize| &answer["credentialVersions"][at]["active"];
    assert_eq!(answer["credentialVersions"].as_array().unwrap().len(), 2);
    assert!([active(0), active(1)].contains(&&json!(true)));
    let back = json!({ "name": format!("{NAME}/versions/1") });
    let answer = grpcurl.call(CREDENTIALS, "ActivateCredentialVersion", &back);
    assert_eq!(answer["credential"]["activeVersion"], 1);

    let issued = grpcurl.call(TOKENS, "IssueToken", &named);
    assert_eq!(
        (&issued["clientId"], &issued["tokenType"]),
        (&json!(first.client_id), &json!("Bearer"))
    );
    assert_eq!(issued["credentialVersion"], 1);

    let answer = grpcurl.call(CREDENTIALS, "DeleteCredential", &named);
    assert_eq!(answer["credential"]["state"], "STATE_DELETED");
    let refusal = grpcurl.refused(TOKENS, "IssueToken", &named);
    let details = r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"ionvault","reason":"CREDENTIAL_DELETED"}"#;
    assert!(refusal.contains("Code: FailedPrecondition") && refusal.contains(details), "{refusal}");
    grpcurl.call(CREDENTIALS, "UndeleteCredential", &named);
    let again = grpcurl.call(TOKENS, "IssueToken", &named);
    assert_eq!(again["tokenId"], issued["tokenId"], "a token that still lives is used again");
    assert_eq!(simulator.requests().tokens(), 2, "those of the two uploads");

    // The same credential, from the machine itself.
    let answer = admin.call(TOKENS, "IssueToken", &named);
    assert_eq!(answer["tokenId"], issued["tokenId"]);
    let answer = grpcurl.call(CREDENTIALS, "TestCredential", &named);
    assert_eq!(answer["diagnosis"]["verdict"], "VERDICT_ACCEPTED");
    assert_eq!(answer["diagnosis"]["version"], format!("{NAME}/versions/1"));
    let answer = grpcurl.call(TOKENS, "RevokeTokens", &named);
    assert_eq!(answer["revocation"], "REVOCATION_DONE");
    refuse_a_file(&grpcurl);
    refuse_a_file(&admin);
    server.stop();
    simulator.shutdown().await;
}

fn look_around(grpcurl: &Grpcurl) {
    let services = grpcurl.read(&["list"]);
    for service in [CREDENTIALS, TOKENS, "grpc.health.v1.Health"] {
        assert!(services.lines().any(|line| line == service), "{services}");
    }
    let methods = grpcurl.read(&["list", CREDENTIALS]);
    assert_eq!(methods.lines().count(), 9, "{methods}");
    let described = grpcurl.read(&["describe", "ionvault.v1.IssueTokenRequest"]);
    assert!(described.contains("string name = 1;"), "{described}");
    for service in ["", CREDENTIALS, TOKENS] {
        let health = grpcurl.call("grpc.health.v1.Health", "Check", &json!({ "service": service }));
        assert_eq!(health, json!({ "status": "SERVING" }));
    }
}

/// Only half of the service account.
fn refuse_a_file(grpcurl: &Grpcurl) {
    let file = json!({
        "ti": "ACME_TST", "cn": "DocBits", "dt": "12", "v": "1.0",
        "ci": "ACME_TST~invented-client", "cs": "invented-secret",
        "iu": "https://mingle-ionapi.eu1.inforcloudsuite.com",
        "pu": "https://mingle-sso.eu1.inforcloudsuite.com:443/ACME_TST/as/",
        "oa": "authorization.oauth2", "ot": "token.oauth2", "or": "revoke_token.oauth2",
        "saak": "ACME_TST#invented-access",
    });
    let upload = upload(file.to_string().as_bytes());
    let refusal = grpcurl.refused(CREDENTIALS, "UploadCredential", &upload);
    for part in [
        "Code: InvalidArgument",
        r#""reason":"INVALID_ION_API_FILE""#,
        r#"{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"ion_api_file.sask","#,
    ] {
        assert!(refusal.contains(part), "{part}: {refusal}");
    }
    assert!(!refusal.contains("invented"), "a value was told: {refusal}");
}
