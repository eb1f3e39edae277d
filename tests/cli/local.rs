//! `dev`, `init` and `serve`: real vaults.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use super::program::{command, run};

/// A configuration with everything below this directory, and the caller of this test as admin.
pub(crate) fn configuration(dir: &Path) -> String {
    let dir = dir.display();
    let uid = rustix::process::geteuid().as_raw();
    format!(
        "[store]\ndata_dir = \"{dir}/store\"\n\
         [root_key]\nfile = \"{dir}/root.key\"\n\
         [listen.admin]\nsocket = \"{dir}/admin.sock\"\n\
         [access]\npolicy = \"{dir}/policy.cedar\"\n\
         [[access.group]]\nname = \"admin\"\nmembers = [\"uid:{uid}\"]\n"
    )
}

/// A directory with a configuration, and its path.
pub(crate) fn prepared() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("ionvault.toml");
    std::fs::write(&config, configuration(dir.path())).unwrap();
    let policy = ionvault::access::SHIPPED_POLICY;
    std::fs::write(dir.path().join("policy.cedar"), policy).unwrap();
    (dir, config.display().to_string())
}

/// Far beyond what a vault without calls needs, witnesses included.
const STOP_TIME_MAX: Duration = Duration::from_secs(120);

const POLL_EVERY: Duration = Duration::from_millis(20);

/// A vault that serves; killed if the test ends early.
pub(crate) struct Serving(Child);

impl Serving {
    /// Starts it, and waits until it answers.
    pub(crate) fn start(config: &str, socket: &Path) -> Self {
        let mut command = command(&["serve", "--config", config]);
        let mut serving = Self(command.stderr(Stdio::piped()).spawn().unwrap());
        let endpoint = format!("unix:{}", socket.display());
        while run(&["list", "--endpoint", &endpoint]).code != Some(0) {
            assert!(serving.0.try_wait().unwrap().is_none(), "it ended before it answered");
            std::thread::sleep(POLL_EVERY);
        }
        serving
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        let mut patience = STOP_TIME_MAX;
        loop {
            if let Some(ended) = self.0.try_wait().unwrap() {
                return ended.code();
            }
            patience = patience.checked_sub(POLL_EVERY).unwrap();
            std::thread::sleep(POLL_EVERY);
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn a_new_vault_is_made_served_and_stopped() {
    let (dir, config) = prepared();
    let said = run(&["init", "--config", &config]).done();
    assert!(said.starts_with("Made the store "), "{said}");
    assert!(said.contains("\nMade the root key "), "{said}");
    assert!(said.ends_with(&format!("\nNext: ionvault serve --config {config}\n")), "{said}");

    let socket = dir.path().join("admin.sock");
    let endpoint = format!("unix:{}", socket.display());
    let serving = Serving::start(&config, &socket);
    let missing = run(&["show", "acme/infor", "--endpoint", &endpoint]).failed(3);
    assert!(
        missing.contains("\nreason: CREDENTIAL_NOT_FOUND\nnext: see `ionvault list`"),
        "{missing}"
    );
    let file = dir.path().join("wrong.ionapi");
    std::fs::write(&file, "{\"ti\": \"ACME_TST\"}").unwrap();
    let file = file.display().to_string();
    let wrong = run(&["upload", "acme/infor", &file, "--endpoint", &endpoint]).failed(1);
    assert!(
        wrong.contains("\nreason: INVALID_ION_API_FILE\nnext: download the file again"),
        "{wrong}"
    );
    // Which keys are wrong, a line each.
    assert!(wrong.lines().filter(|line| line.starts_with("  ion_api_file")).count() > 1, "{wrong}");
    assert_eq!(serving.stop(), Some(0));
    run(&["list", "--endpoint", &endpoint]).failed(6);
}

#[test]
fn a_copied_audit_log_is_verified_offline_and_one_changed_word_is_found() {
    let (dir, config) = prepared();
    let said = run(&["init", "--config", &config]).done();
    let key = said.lines().nth_back(1).unwrap().to_owned();
    Serving::start(&config, &dir.path().join("admin.sock")).stop();
    let log = dir.path().join("store/audit");
    let verify =
        || run(&["audit", "verify", &log.display().to_string(), "--verifier-key", key.as_str()]);
    let said = verify().done();
    assert!(said.starts_with("Sound: "), "{said}");

    let segment = log.join("00000000000000000000.jsonl");
    let lines = String::from_utf8(std::fs::read(&segment).unwrap()).unwrap();
    assert!(lines.contains("ListCredentials"));
    std::fs::write(&segment, lines.replacen("ListCredentials", "LisTCredentials", 1)).unwrap();
    let found = verify();
    assert_eq!(found.code, Some(1));
    assert!(found.stdout.contains("record 0 "), "{}", found.stdout);
    assert!(found.stderr.contains("is not what was signed"), "{}", found.stderr);
}

/// The name of the file that a witness directory gets for the checkpoint in this directory.
fn witnessed_as(log: &Path) -> String {
    let note = std::fs::read_to_string(log.join("checkpoint")).unwrap();
    let mut lines = note.lines().skip(1);
    let size: u64 = lines.next().unwrap().parse().unwrap();
    let root = data_encoding::BASE64.decode(lines.next().unwrap().as_bytes()).unwrap();
    format!("{size:020}-{}.checkpoint", data_encoding::HEXLOWER.encode(&root))
}

#[test]
fn a_witness_directory_that_hangs_does_not_keep_a_vault_from_stopping() {
    let (dir, config) = prepared();
    let witness = dir.path().join("witness");
    let text = std::fs::read_to_string(&config).unwrap();
    let audit = format!("[audit]\nwitness_dir = \"{}\"\n", witness.display());
    std::fs::write(&config, text + &audit).unwrap();
    run(&["init", "--config", &config]).done();
    // What the vault tells first, to a file whose opening waits for a reader that never comes.
    std::fs::create_dir(&witness).unwrap();
    let name = witnessed_as(&dir.path().join("store/audit")) + ".new";
    mknodat(CWD, witness.join(name), FileType::Fifo, Mode::RWXU, 0).unwrap();
    let serving = Serving::start(&config, &dir.path().join("admin.sock"));
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_store_that_is_there_is_not_made_again() {
    let (dir, config) = prepared();
    run(&["init", "--config", &config]).done();
    let root_key = std::fs::read(dir.path().join("root.key")).unwrap();
    let said = run(&["init", "--config", &config]).failed(1);
    assert!(said.starts_with("error: there is a store in "), "{said}");
    assert_eq!(std::fs::read(dir.path().join("root.key")).unwrap(), root_key);
}

#[test]
fn a_vault_that_cannot_start_says_why() {
    let (dir, config) = prepared();
    let said = run(&["serve", "--config", &config]).failed(1);
    assert!(said.contains("cause: there is no root key file: restore it"), "{said}");
    assert!(!dir.path().join("store").exists(), "nothing is made by serving");

    std::fs::write(&config, "[stores]\n").unwrap();
    let said = run(&["serve", "--config", &config]).failed(1);
    assert!(
        said.starts_with(&format!("error: the configuration {config} is not valid\n")),
        "{said}"
    );
    assert!(said.contains("stores"), "{said}");
}

#[test]
fn a_policy_is_checked_and_explained_with_the_groups_of_the_configuration() {
    let (dir, config) = prepared();
    let file = dir.path().join("policy.cedar").display().to_string();
    let checked = run(&["policy", "check", &file, "--config", &config, "-o", "json"]).done();
    let checked: serde_json::Value = serde_json::from_str(&checked).unwrap();
    assert_eq!(checked["policies"].as_array().unwrap().len(), 4);
    let caller = format!("uid:{}", rustix::process::geteuid().as_raw());
    let explain = |caller: &str| {
        let words = ["policy", "explain", "--action", "ListCredentials", "--resource", "acme"];
        run(&[&words[..], &["--caller", caller, "--config", &config]].concat())
    };
    let said = explain(&caller).done();
    assert!(said.contains("Answer      permitted\nGroups      admin\n"), "{said}");
    let denied = explain("dns:stranger.example");
    assert_eq!((denied.code, denied.stdout.as_str()), (Some(4), "Answer  denied\n"));

    std::fs::write(&file, "@id(\"a\")\npermit (principal in Group::\"none\", action, resource);")
        .unwrap();
    let said = run(&["policy", "check", &file]).failed(1);
    let why = "cause: line 1: policy `a` names the group `none`, which is not configured: write ";
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_policy_is_explained_for_the_workload_that_a_token_tells() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("policy.cedar").display().to_string();
    let policy = "@id(\"pod\") permit (principal, action, resource) when { principal has pod && \
                  principal has namespace && principal.namespace == \"docs\" && \
                  principal has service_account && principal.service_account == \"export\" };";
    std::fs::write(&file, policy).unwrap();
    let caller = "jwt:https://cluster.example#system:serviceaccount:docs:export";
    let explain = |caller: &str, workload: &[&str]| {
        let words = ["policy", "explain", "--action", "IssueToken", "--resource", "acme/infor"];
        run(&[&words[..], &["--file", &file, "--caller", caller], workload].concat())
    };
    let account = ["--namespace", "docs", "--service-account", "export"];
    let said = explain(caller, &[&account[..], &["--pod", "export-1"]].concat()).done();
    assert!(said.starts_with("Answer      permitted\n"), "{said}");
    assert!(said.contains("Decided by  pod (permit, line 1)"), "{said}");
    // Bound to no pod, and without a word on the workload.
    assert_eq!(explain(caller, &account).code, Some(4));
    assert_eq!(explain(caller, &[]).code, Some(4));
    for (caller, workload) in [
        ("uid:7", account),
        ("jwt:https://cluster.example#system:serviceaccount:docs:other", account),
        (caller, ["--namespace", "other", "--service-account", "export"]),
    ] {
        let said = explain(caller, &workload).failed(2);
        assert!(said.starts_with("error: only `jwt:issuer#system:serviceaccount:"), "{said}");
    }
    explain(caller, &["--pod", "export-1"]).failed(2);
}

#[cfg(feature = "simulator")]
mod development {
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::Serving;
    use crate::cli::program::{Ran, command, finish};

    /// `dev --once` in this directory.
    fn dev_once(dir: &Path) -> Ran {
        let mut command: Command = command(&["dev", "--once"]);
        command.current_dir(dir);
        finish(command, None)
    }

    #[test]
    fn development_takes_one_command_and_adds_nothing_twice() {
        let dir = tempfile::tempdir().unwrap();
        let first = dev_once(dir.path()).done();
        assert!(
            first.contains("\nUploaded: version 1 of acme/infor serves from now on.\n"),
            "{first}"
        );
        assert!(first.contains("\nToken id      "), "{first}");
        assert!(first.contains("\n  grpcurl -plaintext -unix "), "{first}");
        assert!(!first.contains("eyJ"), "a token is printed");

        let second = dev_once(dir.path()).done();
        assert!(
            second.contains("\nNothing to do: acme/infor holds this file already, as version 1.\n")
        );
        let uid =
            |said: &str| said.lines().find(|line| line.starts_with("Uid ")).map(str::to_owned);
        assert_eq!(uid(&first), uid(&second));
        let left: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [".ionvault-dev"]);
    }

    #[test]
    fn the_commands_that_development_prints_work() {
        let dir = tempfile::tempdir().unwrap();
        dev_once(dir.path()).done();
        let mut dev = command(&["dev"]);
        let mut dev = Serving(dev.current_dir(dir.path()).stdout(Stdio::piped()).spawn().unwrap());
        let mut said = String::new();
        // The last line that it prints, so that it has said everything.
        let mut lines =
            std::io::BufRead::lines(std::io::BufReader::new(dev.0.stdout.take().unwrap()));
        while !said.contains("IssueToken") {
            said.push_str(&lines.next().unwrap().unwrap());
            said.push('\n');
        }
        let mut raw = command(&["token", "acme/infor", "--raw"]);
        for line in said.lines().filter_map(|line| line.strip_prefix("  export ")) {
            let (name, value) = line.split_once('=').unwrap();
            raw.env(name, value);
        }
        let token = finish(raw, None).done();
        // Header, claims and signature.
        assert_eq!(token.trim_end().split('.').count(), 3);
        assert_eq!(dev.stop(), Some(0));
    }
}
