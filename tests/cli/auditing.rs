//! `audit list`, `audit checkpoint` and `audit prove`.

use std::path::{Path, PathBuf};

use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::{
    AuditEvent, GetCredentialRequest, ListAuditEventsResponse, ListCredentialsRequest,
};
use tonic::Code;

use super::local::{Serving, prepared};
use super::program::{Ran, run};
use super::vault::{Asked, SampleLog, Spoil, Vault};

/// A real vault that serves, and the key that `init` printed.
struct Real {
    dir: tempfile::TempDir,
    config: String,
    key: String,
    serving: Option<Serving>,
}

impl Real {
    fn start() -> Self {
        let (dir, config) = prepared();
        let said = run(&["init", "--config", &config]).done();
        let key = said.lines().nth_back(1).unwrap().to_owned();
        let mut real = Self { dir, config, key, serving: None };
        real.serve();
        real
    }

    /// One that serves again, and an older copy of its log.
    fn start_with_older_copy() -> (Self, PathBuf) {
        let mut real = Self::start();
        real.stop();
        let old = real.dir.path().join("old");
        copy(&real.log(), &old);
        real.serve();
        real.ask(3);
        (real, old)
    }

    fn serve(&mut self) {
        self.serving = Some(Serving::start(&self.config, &self.dir.path().join("admin.sock")));
    }

    fn stop(&mut self) {
        assert_eq!(self.serving.take().unwrap().stop(), Some(0));
    }

    fn endpoint(&self) -> String {
        format!("unix:{}", self.dir.path().join("admin.sock").display())
    }

    fn audit(&self, arguments: &[&str]) -> Ran {
        run(&[&["audit"], arguments, &["--endpoint", &self.endpoint()]].concat())
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("store/audit")
    }

    /// What stands in the log, from the file.
    fn lines(&self) -> Vec<serde_json::Value> {
        let segment = std::fs::read(self.log().join("00000000000000000000.jsonl")).unwrap();
        let text = String::from_utf8(segment).unwrap();
        let lines = text.trim_end_matches('\0').lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Asks that many times for a credential that is not there, and lists as often what is.
    fn ask(&self, calls: usize) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut client = CredentialServiceClient::connect(self.endpoint()).await.unwrap();
            for call in 0..calls {
                let name = format!("tenants/acme/credentials/c{call}");
                let refused = client.get_credential(GetCredentialRequest { name }).await;
                assert_eq!(refused.unwrap_err().code(), Code::NotFound);
                let parent = "tenants/acme".to_owned();
                let list = ListCredentialsRequest { parent, ..Default::default() };
                client.list_credentials(list).await.unwrap();
            }
        });
    }
}

fn verify(copy: &Path, key: &str, checkpoint: &[&str]) -> Ran {
    let copy = copy.display().to_string();
    run(&[&["audit", "verify", &copy, "--verifier-key", key], checkpoint].concat())
}

#[test]
fn a_list_shows_what_the_log_has_however_many_pages_it_takes() {
    let real = Real::start();
    real.ask(250);
    // Of 250 refusals that repeat, those after the first twenty are counted and not recorded yet.
    let before = real.lines();
    let listed = real.audit(&["list", "-o", "json"]).json();
    let listed = listed["auditEvents"].as_array().unwrap();
    assert!(before.len() > 200, "a page is enough");
    for (line, event) in before.iter().zip(listed) {
        assert_eq!(event["sequence"], line["sequence"].to_string());
        for (key, name) in [
            ("caller", "caller"),
            ("listener", "listener"),
            ("method", "method"),
            ("resource", "resource"),
            ("outcome", "outcome"),
            ("reason", "reason"),
        ] {
            assert_eq!(event[name], line[key].as_str().unwrap_or_default(), "{line}");
        }
    }
    assert!(listed.len() >= before.len(), "{} of {}", listed.len(), before.len());
    // And the reading of the pages before the last one.
    assert_eq!(listed.last().unwrap()["method"], "ListAuditEvents");

    let filters = ["--method", "GetCredential", "--resource", "acme/c7"];
    let found = real.audit(&[&["list", "acme"], &filters[..]].concat()).done();
    assert_eq!(found.lines().count(), 2, "{found}");
    assert!(found.contains("GetCredential  acme/c7   NOT_FOUND"), "{found}");
    let newest = real.audit(&["list", "--newest-first", "--limit", "2", "-o", "json"]);
    assert_eq!(newest.stderr, "note: there may be more: raise --limit, or narrow the list\n");
    let newest: serde_json::Value = serde_json::from_str(&newest.stdout).unwrap();
    let sequences: Vec<u64> = newest["auditEvents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["sequence"].as_str().unwrap().parse().unwrap())
        .collect();
    assert_eq!(sequences.len(), 2);
    assert_eq!(sequences[0], sequences[1] + 1);
    let none = real.audit(&["list", "--until", "2000-01-01T00:00:00Z"]);
    assert_eq!(
        (none.code, none.stdout.as_str(), none.stderr.as_str()),
        (Some(0), "", "No calls.\n")
    );
}

#[test]
fn a_checkpoint_that_was_kept_finds_the_end_cut_off() {
    let (mut real, old) = Real::start_with_older_copy();
    let key = real.key.clone();
    let kept = real.audit(&["checkpoint", "--verifier-key", &key]).done();
    real.stop();
    let file = real.dir.path().join("kept.checkpoint");
    std::fs::write(&file, &kept).unwrap();
    let witnessed = ["--checkpoint", file.to_str().unwrap()];
    let said = verify(&real.log(), &key, &witnessed).done();
    assert!(said.starts_with("Sound: "), "{said}");

    // An older copy is sound in itself: only the checkpoint tells.
    let sound = verify(&old, &key, &["--output", "json"]).json();
    assert_eq!((&sound["sound"], &sound["findings"]), (&true.into(), &serde_json::json!([])));
    let found = verify(&old, &key, &witnessed);
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.stdout.contains("witnessed checkpoint 1"), "{found:?}");
    let told = verify(&old, &key, &[&witnessed[..], &["--output", "json"]].concat());
    assert_eq!((told.code, &*told.stderr), (Some(1), &*found.stderr));
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(
        (&told["sound"], &told["findings"][0]["file"]),
        (&false.into(), &"witnessed checkpoint 1".into())
    );
    // That nothing was looked at is not that something was found.
    verify(&old, "none", &[]).failed(2);
    let said = verify(Path::new("/nowhere"), &key, &["--output", "json"]).failed(1);
    assert!(said.starts_with("error: the audit log in /nowhere cannot be read\n"), "{said}");
    assert!(said.contains("\nnext: name the directory of a copied audit log"), "{said}");
}

#[test]
fn a_log_is_proved_to_go_on_from_a_kept_checkpoint_and_an_older_copy_is_not() {
    let (mut real, old) = Real::start_with_older_copy();
    let key = real.key.clone();
    let kept = real.dir.path().join("kept.checkpoint").display().to_string();
    std::fs::write(&kept, real.audit(&["checkpoint", "--verifier-key", &key]).done()).unwrap();
    let words = ["checkpoint", "--verifier-key", &key, "--previous", &kept];
    let proved = real.audit(&words);
    assert_eq!(proved.code, Some(0), "{proved:?}");
    assert!(proved.stdout.starts_with("ionvault/"), "{proved:?}");
    assert!(proved.stderr.starts_with("Proved: the log holds the "), "{proved:?}");

    real.stop();
    std::fs::remove_dir_all(real.log()).unwrap();
    copy(&old, &real.log());
    real.serve();
    let said = real.audit(&words).failed(1);
    assert!(said.contains("AUDIT_LOG_TOO_SHORT\nnext: records are missing"), "{said}");
    // It has grown past the one that was kept: signed by the right key, and another log all the same.
    real.ask(20);
    let said = real.audit(&words).failed(1);
    assert!(said.contains("the log does not go on from the checkpoint that was kept"), "{said}");
    assert!(said.contains("is not proved to begin with that of the older one"), "{said}");
}

#[test]
fn a_false_proof_that_the_log_goes_on_is_an_error() {
    let vault = Vault::start();
    let sample = SampleLog::made(&vault.directory.path().join("log")).checkpoint;
    let kept = vault.file("kept.checkpoint", sample.note.as_bytes());
    let other = vault.file("other.checkpoint", sample.note.replacen('3', "4", 1).as_bytes());
    let run = |key: &str, previous: &str| {
        vault.run(&["audit", "checkpoint", "--verifier-key", key, "--previous", previous])
    };
    let key = sample.verifier_key.as_str();
    let proved = run(key, &kept);
    assert_eq!((proved.code, proved.stdout.as_str()), (Some(0), sample.note.as_str()));
    let same =
        "Proved: the log holds the 3 records of the previous checkpoint unchanged, and 0 more.\n";
    assert_eq!(proved.stderr, same);
    let json = vault.run(&["audit", "checkpoint", "-o", "json"]).json();
    assert_eq!(json["consistencyHashes"], serde_json::json!([]));
    assert!(matches!(vault.asked().as_slice(), [Asked::Checkpoint(3), Asked::Checkpoint(0)]));

    let spoilt: [(Spoil, &str); 2] = [
        (|_proof| {}, "is not proved to begin with that of the older one"),
        (|proof| proof.hashes[0].truncate(31), "the answer is no proof"),
    ];
    for (spoil, why) in spoilt {
        vault.spoil(Some(spoil));
        let said = run(key, &kept).failed(1);
        assert!(said.contains(why), "{said}");
    }
    // What was kept is looked at before anybody is asked.
    let before = vault.asked().len();
    let said = run(key, &other).failed(1);
    assert!(said.contains("other.checkpoint is no checkpoint of this vault"), "{said}");
    run(key, "/nowhere").failed(1);
    run("none", &kept).failed(2);
    vault.run(&["audit", "checkpoint", "--previous", &kept]).failed(2);
    assert_eq!(vault.asked().len(), before);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_record_of_a_real_vault_is_proved_by_its_key_and_no_other() {
    let real = Real::start();
    let key = real.key.as_str();
    let said = real.audit(&["prove", "0", "--verifier-key", key]).done();
    assert!(said.contains("Method    ListCredentials\n"), "{said}");
    assert!(said.contains("\nProved: record 0 is one of the "), "{said}");
    let other = SampleLog::made(&real.dir.path().join("sample")).checkpoint.verifier_key;
    let said = real.audit(&["prove", "0", "--verifier-key", &other]).failed(1);
    assert!(said.contains("cause: not signed by the key that was given"), "{said}");
    let said = real.audit(&["checkpoint", "--verifier-key", &other]).failed(1);
    assert!(said.contains("cause: not signed by the key that was given"), "{said}");
    real.audit(&["checkpoint", "--verifier-key", "none"]).failed(2);
    let said = real.audit(&["prove", "99999"]).failed(3);
    assert!(said.contains("AUDIT_EVENT_NOT_FOUND\nnext: see `ionvault audit list`"), "{said}");
}

#[test]
fn a_proof_that_does_not_hold_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let sample = SampleLog::made(&dir.path().join("log"));
    let key = sample.checkpoint.verifier_key.as_str();
    let prove = |spoil: Option<Spoil>, sequence: &str| {
        let vault = Vault::start();
        vault.spoil(spoil);
        vault.run(&["audit", "prove", sequence, "--verifier-key", key])
    };
    assert!(prove(None, "1").done().contains("Proved: record 1 is one of the 3"));
    let spoilt: [(Spoil, &str); 7] = [
        (|proof| proof.leaf[30] ^= 1, "its hashes do not lead from the record"),
        (|proof| proof.hashes[0][0] ^= 1, "its hashes do not lead from the record"),
        (|proof| proof.hashes.truncate(1), "its hashes do not lead from the record"),
        (|proof| proof.hashes[1].truncate(31), "the answer is no proof"),
        (|proof| proof.checkpoint = None, "the answer is no proof"),
        (
            |proof| {
                let checkpoint = proof.checkpoint.as_mut().unwrap();
                checkpoint.note = checkpoint.note.replacen("\n3\n", "\n4\n", 1);
                checkpoint.tree_size = 4;
            },
            "the signature is wrong",
        ),
        (
            |proof| proof.audit_event.as_mut().unwrap().caller = "uid:0".into(),
            "the vault says of record 1 what the record does not say",
        ),
    ];
    for (number, (spoil, why)) in spoilt.into_iter().enumerate() {
        let said = prove(Some(spoil), "1").failed(1);
        assert!(said.contains(why), "{number}: {said}");
        assert!(said.contains("\nnext: "), "{said}");
    }
    // A good proof, of another record.
    let said = prove(None, "2").failed(1);
    assert!(said.contains("the proof of record 2 does not hold"), "{said}");
}

#[test]
fn without_a_key_it_is_said_that_only_the_vault_vouches() {
    let vault = Vault::start();
    let ran = vault.run(&["audit", "prove", "1"]);
    assert_eq!(ran.code, Some(0));
    assert!(
        ran.stderr.starts_with("note: signed by the key that the vault gave"),
        "{}",
        ran.stderr
    );
    let proof = vault.run(&["audit", "prove", "1", "-o", "json"]).stdout;
    let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
    assert!(matches!(vault.asked().as_slice(), [Asked::Proof(1), Asked::Proof(1)]));
    assert_eq!(proof["auditEvent"]["sequence"], "1");
    assert_eq!(proof["checkpoint"]["treeSize"], "3");
    vault.spoil(Some(|proof| proof.checkpoint.as_mut().unwrap().note.push_str("\u{1b}[2J")));
    vault.run(&["audit", "checkpoint"]).failed(1);
}

#[test]
fn pages_are_followed_up_to_the_limit_and_texts_move_no_terminal() {
    let vault = Vault::start();
    let hostile = "\u{1b}]0;owned\u{7}\u{202e}jo";
    let event = |sequence| AuditEvent {
        sequence,
        method: "IssueToken".into(),
        outcome: "PERMISSION_DENIED".into(),
        requested_by: hostile.into(),
        count: sequence * 10,
        ..AuditEvent::default()
    };
    let page = |events: std::ops::Range<i64>, next: &str| ListAuditEventsResponse {
        audit_events: events.map(event).collect(),
        next_page_token: next.into(),
    };
    vault.audit_page(page(0..2, "a")).audit_page(page(2..2, "b")).audit_page(page(2..4, "c"));
    let words = ["audit", "list", "--limit", "3", "--outcome", "PERMISSION_DENIED"];
    let ran = vault.run(&words);
    assert_eq!(ran.code, Some(0));
    assert_eq!(
        ran.stdout,
        "\
SEQUENCE  TIME  CALLER  METHOD      RESOURCE  OUTCOME            REASON  CALLS  REQUESTED BY
0                       IssueToken            PERMISSION_DENIED          1      \u{fffd}]0;owned\u{fffd}\u{fffd}jo
1                       IssueToken            PERMISSION_DENIED          10     \u{fffd}]0;owned\u{fffd}\u{fffd}jo

SEQUENCE  TIME  CALLER  METHOD      RESOURCE  OUTCOME            REASON  CALLS  REQUESTED BY
2                       IssueToken            PERMISSION_DENIED          20     \u{fffd}]0;owned\u{fffd}\u{fffd}jo
"
    );
    let asked = vault.asked();
    let tokens: Vec<_> = asked
        .iter()
        .map(|asked| {
            let Asked::Recorded(request) = asked else { panic!() };
            assert_eq!((request.page_size, request.outcome.as_str()), (3, "PERMISSION_DENIED"));
            request.page_token.as_str()
        })
        .collect();
    assert_eq!(tokens, ["", "a", "b"]);

    vault.audit_page(page(0..1, ""));
    let json = vault.run(&["audit", "list", "-o", "json"]);
    assert!(!json.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{}", json.stdout);
    assert_eq!(json.json()["auditEvents"][0]["requestedBy"], hostile);
}
