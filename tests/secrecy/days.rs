//! What happens to a vault in a run, from its first upload to its last refusal.

use std::time::Duration;

use ionvault::simulator::certificates::Authority;
use ionvault::simulator::{App, ServerKind};

use super::calls::{Caller, channel, full};
use super::house::{ADMIN, House, ISSUER};
use super::notes::Notes;
use super::people;
use super::planted::Planted;
use super::providers::{FileSecrets, Providers, origin};
use super::running::Running;
use super::{every_rpc, files, recorded};
use ionvault::pb::v1::UploadCredentialRequest;
use ionvault::pb::v1::diagnosis::Verdict;

/// The credentials that can give tokens when a day is over.
pub(crate) const STORED: [&str; 5] = ["cloud", "sts", "client-credentials", "hasty", "web"];

/// Uploads, tokens, changes and refusals.
pub(crate) async fn first(
    running: &Running,
    house: &House,
    providers: &Providers,
    planted: &Planted,
    notes: &mut Notes,
) {
    let ca = house.authority.certificate_pem();
    let admin = house.client(planted, ADMIN);
    let channel = channel(running.mtls, ca, Some(&admin)).await.unwrap();
    let mut caller = Caller::new(channel, notes, planted);
    upload_all(&mut caller, providers).await;
    for name in STORED {
        let expected = if name == "web" { "AUTHORIZATION_REQUIRED" } else { "OK" };
        caller.issue(name, expected).await;
        caller.watch(name).await;
    }
    // The second token comes by the refresh token of the first, as soon as that one has aged.
    while providers.hasty.connections() < 2 {
        caller.issue("hasty", "OK").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    caller.test("sts", Verdict::Accepted).await;
    caller.revoke("sts").await;
    caller.test("web", Verdict::AuthorizationRequired).await;
    caller.authorize("web", providers).await;
    caller.issue("web", "OK").await;
    caller.look_around(&STORED).await;
    caller.change("cloud").await;
    refusals(&mut caller, house, providers).await;
    let good = sample(providers);
    caller.misuse("cloud", &good).await;
    every_rpc::misuse((running, house), ("cloud", &good), planted, notes).await;
    strangers(running, house, planted, notes).await;
}

/// After a restart: everything is still there, and serves.
pub(crate) async fn second(running: &Running, house: &House, planted: &Planted, notes: &mut Notes) {
    let identity = house.client(planted, ADMIN);
    let ca = house.authority.certificate_pem();
    let channel = channel(running.mtls, ca, Some(&identity)).await.unwrap();
    let mut caller = Caller::new(channel, notes, planted);
    caller.look_around(&STORED).await;
    for name in STORED {
        caller.issue(name, "OK").await;
    }
    recorded::ask(running, house, planted, notes).await;
}

async fn upload_all(caller: &mut Caller<'_>, providers: &Providers) {
    let simulator = &providers.simulator;
    for (name, app) in apps(caller.planted) {
        simulator.add_app(app.clone()).unwrap();
        caller.upload(name, &simulator.ion_api_file(&app), "OK").await;
    }
    // A second version, with secrets of its own.
    let secrets = FileSecrets::plant(caller.planted, "of the second version");
    let app = secrets.app("second", ServerKind::PingFederate, true);
    simulator.add_app(app.clone()).unwrap();
    caller.upload("cloud", &simulator.ion_api_file(&app), "OK").await;
    let hasty = FileSecrets::plant(caller.planted, "for the hasty server");
    caller.upload("hasty", &hasty.file(&origin(&providers.hasty)), "OK").await;
    let request = UploadCredentialRequest {
        name: full("validated"),
        ion_api_file: FileSecrets::plant(caller.planted, "of a file that is only looked at")
            .file(&simulator.base_url()),
        validate_only: true,
        ..Default::default()
    };
    caller.uploads("to look at only", request, "OK").await;
    let web = people::app(&FileSecrets::plant(caller.planted, "of a Web app"));
    simulator.add_app(web.clone()).unwrap();
    caller.upload("web", &simulator.ion_api_file(&web), "OK").await;
}

fn apps(planted: &Planted) -> [(&'static str, App); 3] {
    let plant = |of: &str| FileSecrets::plant(planted, of);
    [
        ("cloud", plant("in the cloud").app("cloud", ServerKind::PingFederate, true)),
        ("sts", plant("on premises").app("sts", ServerKind::InforSts, true)),
        (
            "client-credentials",
            plant("without an account").app("client", ServerKind::PingFederate, false),
        ),
    ]
}

/// Infor says no, or something that it should not; files that are none.
async fn refusals(caller: &mut Caller<'_>, house: &House, providers: &Providers) {
    let (planted, simulator) = (caller.planted, &providers.simulator);
    let known = FileSecrets::plant(planted, "that Infor knows");
    let mut app = known.app("known", ServerKind::PingFederate, true);
    simulator.add_app(app.clone()).unwrap();
    app.client_secret = planted.any("cs that Infor refuses");
    caller.upload("refused", &simulator.ion_api_file(&app), "OK").await;
    caller.issue("refused", "CREDENTIAL_REFUSED").await;
    caller.watch("refused").await;
    caller.test("refused", Verdict::Refused).await;
    app.client_secret = planted.any("cs that Infor refuses at once");
    let request = UploadCredentialRequest {
        name: full("refused-at-once"),
        ion_api_file: simulator.ion_api_file(&app),
        ..Default::default()
    };
    caller.uploads("that Infor refuses", request, "CREDENTIAL_REFUSED").await;

    let down = FileSecrets::plant(planted, "for a server that is down");
    let file = down.file(&format!("https://localhost:{}", providers.closed_port));
    caller.upload("down", &file, "OK").await;
    caller.issue("down", "PROVIDER_UNAVAILABLE").await;
    caller.watch("down").await;

    let elsewhere = FileSecrets::plant(planted, "for a host that is not approved");
    caller.upload("elsewhere", &elsewhere.file("https://localhost:1"), "HOST_NOT_ALLOWED").await;

    let request = UploadCredentialRequest {
        name: full("distrusted"),
        ion_api_file: FileSecrets::plant(planted, "for a server that is not trusted")
            .file(&simulator.base_url()),
        ca_certificates: house.authority.certificate_pem().into(),
        ..Default::default()
    };
    caller.uploads("with another authority", request, "OK").await;
    caller.issue("distrusted", "PROVIDER_UNAVAILABLE").await;

    for (number, echo) in providers.echoes.iter().enumerate() {
        let name = format!("echo-{number}");
        caller.upload(&name, &echo.file, "OK").await;
        caller.issue(&name, echo.reason).await;
        assert!(echo.server.connections() > 0, "{name} was asked");
    }
    for (what, file) in files::refused(planted) {
        let name = if what == "cut off" { "cloud" } else { "refused-file" };
        caller.upload(name, &file, "INVALID_ION_API_FILE").await;
    }
    caller.issue("refused-file", "CREDENTIAL_NOT_FOUND").await;
}

/// Who may do little, who has no certificate, and who has that of another authority.
async fn strangers(running: &Running, house: &House, planted: &Planted, notes: &mut Notes) {
    let ca = house.authority.certificate_pem();
    let issuer = house.client(planted, ISSUER);
    let connected = channel(running.mtls, ca, Some(&issuer)).await.unwrap();
    let mut caller = Caller::new(connected, notes, planted);
    let file = FileSecrets::plant(planted, "that an issuer uploads").file("https://localhost");
    caller.upload("cloud", &file, "CALLER_DENIED").await;
    caller.issue("cloud", "OK").await;

    let another = Authority::generate().unwrap().client(ADMIN).unwrap();
    for (what, identity) in [("no certificate", None), ("a foreign certificate", Some(&another))] {
        // With TLS 1.3 a client learns of its refusal with its first call.
        match channel(running.mtls, ca, identity).await {
            Err(error) => notes.error(what, &error),
            Ok(channel) => {
                let mut caller = Caller::new(channel, notes, planted);
                let file = FileSecrets::plant(planted, what).file("https://localhost");
                let request = UploadCredentialRequest {
                    name: full("cloud"),
                    ion_api_file: file,
                    ..Default::default()
                };
                // The client library can miss the end of a connection and wait for ever; then there
                // is nothing to hear.
                let call = caller.credentials.upload_credential(request);
                if let Ok(result) = tokio::time::timeout(Duration::from_secs(5), call).await {
                    assert_ne!(caller.heard(what, result), "OK");
                }
            }
        }
    }
}

/// A good file without any secret of this run.
fn sample(providers: &Providers) -> Vec<u8> {
    providers.simulator.ion_api_file(&App::sample("ACME_TST", "sample"))
}
