//! A policy and groups that change while calls go on.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ionvault::access::SHIPPED_POLICY;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::simulator::{App, Simulator, SimulatorConfig};
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::Code;
use tonic::transport::Channel;

use super::clients::{channel, issue, upload};
use super::installation::{Installation, Server};

const NAME: &str = "tenants/acme/credentials/infor";

/// The shipped policy, and nobody gets a token.
const WITHOUT_TOKENS: &str =
    "@id(\"stop\") forbid (principal, action == Action::\"IssueToken\", resource);";

/// A vault with a token that is kept, so that no call needs Infor.
struct Vault {
    house: Installation,
    simulator: Simulator,
    server: Server,
    tokens: TokenServiceClient<Channel>,
}

impl Vault {
    async fn start(house: Installation) -> Self {
        let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
        let app = App::sample("ACME_TST", "DocBits");
        simulator.add_app(app.clone()).unwrap();
        house.approve(&simulator);
        // Whoever tries policies calls as fast as it can.
        let limits = "[limits]\ncalls_per_second_per_tenant = 100000\n\
                      calls_at_once_per_tenant = 100000\n\
                      calls_per_second_per_caller = 100000\n\
                      calls_at_once_per_caller = 100000\n";
        house.write("ionvault.toml", house.read("ionvault.toml") + limits);
        let server = house.serve();
        let socket = house.path("admin.sock");
        upload(&socket, NAME.to_owned(), simulator.ion_api_file(&app)).await;
        let tokens = TokenServiceClient::new(channel(&socket).await);
        Self { house, simulator, server, tokens }
    }

    /// Calls until the answer is this.
    async fn until(&mut self, wanted: Code) {
        while ask(&mut self.tokens).await != wanted {}
    }

    async fn stop(self) {
        self.server.stop();
        self.simulator.shutdown().await;
    }
}

async fn ask(tokens: &mut TokenServiceClient<Channel>) -> Code {
    tokens.issue_token(issue(NAME)).await.err().map_or(Code::Ok, |status| status.code())
}

/// Callers that call all the while.
struct Load {
    callers: JoinSet<Vec<Call>>,
    ended: Arc<AtomicBool>,
}

struct Call {
    began: Instant,
    ended: Instant,
    code: Code,
}

const CALLERS: usize = 4;

impl Load {
    fn start(socket: &Path) -> Self {
        let mut callers = JoinSet::new();
        let ended = Arc::new(AtomicBool::new(false));
        for _ in 0..CALLERS {
            let (socket, ended) = (socket.to_owned(), ended.clone());
            callers.spawn(async move {
                let mut tokens = TokenServiceClient::new(channel(&socket).await);
                let mut calls = Vec::new();
                while !ended.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let code = ask(&mut tokens).await;
                    calls.push(Call { began, ended: Instant::now(), code });
                }
                calls
            });
        }
        Self { callers, ended }
    }

    async fn stop(self) -> Vec<Call> {
        self.ended.store(true, Ordering::Relaxed);
        self.callers.join_all().await.into_iter().flatten().collect()
    }
}

/// A file that is replaced as Kubernetes does it: `name` leads through `..data`, a link that is
/// replaced by another one.
fn mounted(house: &Installation, name: &str, content: &str, generation: usize) {
    let dir = house.path(&format!("..{generation}"));
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join(name), content).unwrap();
    symlink(&dir, house.path("..data_new")).unwrap();
    fs::rename(house.path("..data_new"), house.path("..data")).unwrap();
}

fn renamed(house: &Installation, name: &str, content: &str) {
    house.write("new", content);
    fs::rename(house.path("new"), house.path(name)).unwrap();
}

/// The figures are printed and no assertion: a busy machine would fail it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_policy_counts_for_the_next_call_however_the_file_is_changed() {
    let house = Installation::initialized();
    fs::remove_file(house.path("policy.cedar")).unwrap();
    mounted(&house, "policy.cedar", SHIPPED_POLICY, 0);
    symlink(PathBuf::from("..data/policy.cedar"), house.path("policy.cedar")).unwrap();
    let mut vault = Vault::start(house).await;
    let load = Load::start(&vault.house.path("admin.sock"));
    vault.until(Code::Ok).await;

    let denying = format!("{SHIPPED_POLICY}\n{WITHOUT_TOKENS}\n");
    let mut generation = 0;
    let mut spans = Vec::new();
    for way in ["mounted anew", "renamed over", "written in place"] {
        for (content, wanted) in
            [(denying.as_str(), Code::PermissionDenied), (SHIPPED_POLICY, Code::Ok)]
        {
            let written = Instant::now();
            match way {
                "mounted anew" => {
                    generation += 1;
                    mounted(&vault.house, "policy.cedar", content, generation);
                }
                "renamed over" => renamed(&vault.house, "policy.cedar", content),
                _ => vault.house.write("policy.cedar", content),
            }
            vault.until(wanted).await;
            let seen = Instant::now();
            println!("{way}: {:?} until the next call is answered {wanted:?}", seen - written);
            spans.push((written, seen, wanted));
        }
    }
    let calls = load.stop().await;
    let refused = calls.iter().filter(|call| call.code == Code::PermissionDenied).count();
    println!("{} calls meanwhile, {refused} of them refused by the policy", calls.len());
    for Call { began, ended, code } in &calls {
        assert!([Code::Ok, Code::PermissionDenied].contains(code), "{code:?}");
        // Once one caller has met a policy, everybody does, until the next is written.
        for (at, (_, seen, wanted)) in spans.iter().enumerate() {
            let over = spans.get(at + 1).is_some_and(|(written, ..)| written < ended);
            assert!(began <= seen || over || code == wanted, "{code:?} instead of {wanted:?}");
        }
    }
    assert_eq!(vault.server.metric("ionvault_policy_reloads_total{result=\"taken\"}"), 6.0);
    assert_eq!(vault.server.metric("ionvault_policy_reloads_total{result=\"refused\"}"), 0.0);
    vault.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_policy_fails_no_call_and_shows_in_log_and_metrics() {
    let mut vault = Vault::start(Installation::initialized()).await;
    let load = Load::start(&vault.house.path("admin.sock"));
    let version = vault.server.metric("ionvault_policy_version");
    // Cut between two policies it would be a policy.
    let cut = SHIPPED_POLICY.find("Group::\"auditor\"").unwrap();
    let half = &SHIPPED_POLICY[..cut];
    let long = "// ".repeat(100_000);
    let deep = format!("permit (principal, action, resource) when {{ {}", "(".repeat(50_000));
    let config = vault.house.read("ionvault.toml");
    for (count, (file, content, why)) in [
        ("policy.cedar", Some(half), "is no valid policy: line "),
        ("policy.cedar", Some(""), "is no valid policy: it has no policy in it: "),
        (
            "policy.cedar",
            Some("permit (principal in Group::\"nobody\", action, resource);"),
            "line 1: policy `policy0` names the group `nobody`",
        ),
        ("policy.cedar", Some(&long), "cannot be read: it has more than 262144 bytes"),
        ("policy.cedar", Some(&deep), "line 1: more than 32 brackets"),
        ("policy.cedar", None, "cannot be read: No such file or directory"),
        ("ionvault.toml", Some("[store]\n"), "is not valid: line 1: missing field"),
    ]
    .into_iter()
    .enumerate()
    {
        match content {
            Some(content) => renamed(&vault.house, file, content),
            None => fs::remove_file(vault.house.path(file)).unwrap(),
        }
        let program = &mut vault.server.program;
        let line = program.says("a changed policy is refused: the old one stays in force");
        assert!(line.contains(why) && line.contains("\"ERROR\""), "{why}: {line}");
        assert_eq!(vault.server.metric("ionvault_policy_stale"), 1.0);
        let refused = vault.server.metric("ionvault_policy_reloads_total{result=\"refused\"}");
        assert_eq!(refused as usize, 2 * count + 1, "{why}");
        // Who asks is told again.
        vault.server.program.signal(Signal::HUP);
        vault.server.program.says("SIGHUP: looking at policy and groups");
        vault.server.program.says(why);

        renamed(&vault.house, file, if file == "policy.cedar" { SHIPPED_POLICY } else { &config });
        vault.server.program.says("the policy in force is the one in the files again");
        assert_eq!(vault.server.metric("ionvault_policy_stale"), 0.0);
    }
    vault.until(Code::Ok).await;
    let calls = load.stop().await;
    let failed: Vec<_> =
        calls.iter().map(|call| call.code).filter(|code| *code != Code::Ok).collect();
    println!("{} of {} calls failed beside seven broken files", failed.len(), calls.len());
    assert_eq!(failed, []);
    assert_eq!(vault.server.metric("ionvault_policy_version"), version);
    vault.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_taken_out_of_its_group_may_nothing_any_more() {
    let mut vault = Vault::start(Installation::initialized()).await;
    let member = format!(", \"uid:{}\"", rustix::process::geteuid().as_raw());
    let config = vault.house.read("ionvault.toml");
    vault.house.replace("ionvault.toml", &member, "");
    vault.until(Code::NotFound).await;
    renamed(&vault.house, "ionvault.toml", &config);
    vault.until(Code::Ok).await;

    // The policy elsewhere, and something that no running vault takes.
    vault.house.write("other.cedar", format!("{SHIPPED_POLICY}\n{WITHOUT_TOKENS}"));
    let moved = config.replace("policy.cedar", "other.cedar") + "calls = 100\n";
    renamed(&vault.house, "ionvault.toml", &moved);
    let said = vault.server.program.says("the configuration has changes that need a restart");
    assert!(said.contains("\"limits\""), "{said}");
    vault.until(Code::PermissionDenied).await;
    // It is the other file that is followed now.
    renamed(&vault.house, "other.cedar", SHIPPED_POLICY);
    vault.until(Code::Ok).await;
    vault.stop().await;
}
