//! A vault whose audit log lies on a disk that others fill: a small file system of its own.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::{
    Credential, DeleteCredentialRequest, ListCredentialsRequest, RevokeTokensRequest,
    UpdateCredentialRequest, UploadCredentialRequest, token_service_client::TokenServiceClient,
};
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::clients::over_tls;
use super::installation::{ADMIN, Installation};
use super::load::{Answered, Caller, NAME, serve_with_token, until_an_error};
use super::records::Records;

#[test]
fn on_a_full_disk_calls_fail_none_succeeds_unrecorded_and_service_returns_with_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(output) = on_a_small_disk(dir.path(), "process::full_disk::role_full_disk") else {
        return;
    };
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let told = told.lines().find(|line| line.starts_with("disk full: "));
    println!("{}", told.expect("the role did nothing"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a role of another test"]
async fn role_full_disk() {
    let Some(disk) = std::env::var_os(DISK).map(PathBuf::from) else { return };
    let house = Installation::new();
    let (log, client) = (disk.join("audit"), ADMIN.to_owned() + &"/long".repeat(LONG));
    let settings = format!("[audit]\ndir = {log:?}\nreserve_mib = 16\n[store]");
    house.replace("ionvault.toml", "[store]", &settings);
    house.replace("ionvault.toml", "members = [", &format!("members = [\"{client}\", "));
    let key = house.init();
    // As if its first segment was nearly full.
    let first = File::options().write(true).open(log.join("00000000000000000000.jsonl")).unwrap();
    first.set_len(FIRST_BYTES).unwrap();
    let (simulator, mut server) = serve_with_token(&house).await;
    let identity = house.authority.client(&client).unwrap();
    let channel = over_tls(server.mtls, house.authority.certificate_pem(), &identity).await;

    fill(&disk);
    let callers = (1..=CALLERS).map(|id| Caller::new(channel.clone(), id, 64));
    let count = Arc::new(watch::Sender::new(0));
    let mut calling = until_an_error(callers, &count);
    let mut counted = count.subscribe();
    let (mut answered, mut refused, mut callers) = (Vec::new(), 0, Vec::new());
    loop {
        let ended = tokio::select! {
            biased;
            ended = calling.join_next() => ended,
            _ = counted.wait_for(|count| *count > ANSWERS_MAX) => {
                panic!("more than {ANSWERS_MAX} calls were answered, and there is no room for so many")
            }
        };
        let Some(ended) = ended.map(Result::unwrap) else { break };
        assert_unavailable(&ended.error);
        answered.extend(ended.answered);
        callers.push(ended.caller);
        refused += 1;
    }
    // What is left may be room for a few calls of one.
    refused += until_refused(&mut callers[0], &mut answered).await;
    refused += changes_refused(&channel).await;
    assert_eq!((server.probe("/livez"), server.probe("/readyz")), (200, 503));
    let counted = server.metric("ionvault_audit_refusals_total{reason=\"full\"}");
    assert!(counted >= f64::from(refused), "{counted} of {refused} refusals were counted");

    fs::remove_file(disk.join(FILLER)).unwrap();
    server.program.says("the audit log has room again");
    assert_eq!(server.probe("/readyz"), 200);
    nothing_was_done(&channel, &mut callers).await;
    for _ in 0..64 {
        answered.push(callers[0].call().await.unwrap());
    }
    server.stop();
    let mut records = Records::new(log.clone());
    records.read();
    let missing = records.missing(&answered);
    assert!(missing.is_empty(), "{} of {}: {:?}", missing.len(), answered.len(), missing[0]);
    let ended = house.run(&["audit", "verify", &log.display().to_string(), "--verifier-key", &key]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    println!(
        "disk full: {} calls answered, {refused} refused, 0 not in the log, served again without a \
         restart; {}",
        answered.len(),
        ended.stdout.trim_end()
    );
    simulator.shutdown().await;
}

/// Calls until there is no room for a single call; returns how many were refused.
async fn until_refused(caller: &mut Caller, answered: &mut Vec<Answered>) -> u32 {
    let (mut refused, mut in_a_row) = (0, 0);
    while in_a_row < 16 {
        match caller.call().await {
            Ok(answer) => {
                answered.push(answer);
                in_a_row = 0;
            }
            Err(error) => {
                assert_unavailable(&error);
                refused += 1;
                in_a_row += 1;
            }
        }
    }
    refused
}

/// Tries to make changes that would be seen; returns how many were refused.
async fn changes_refused(channel: &Channel) -> u32 {
    let mut credentials = CredentialServiceClient::new(channel.clone());
    let mut tokens = TokenServiceClient::new(channel.clone());
    let request = DeleteCredentialRequest { name: NAME.to_owned(), ..Default::default() };
    assert_unavailable(&credentials.delete_credential(request).await.unwrap_err());
    let name = format!("{NAME}-other");
    let request = UploadCredentialRequest { name, ..Default::default() };
    assert_unavailable(&credentials.upload_credential(request).await.unwrap_err());
    let request = RevokeTokensRequest { name: NAME.to_owned() };
    assert_unavailable(&tokens.revoke_tokens(request).await.unwrap_err());
    let labels = [("set-by".to_owned(), "refused".to_owned())].into();
    let credential = Some(Credential { name: NAME.to_owned(), labels, ..Default::default() });
    let request = UpdateCredentialRequest { credential, update_mask: None };
    assert_unavailable(&credentials.update_credential(request).await.unwrap_err());
    4
}

/// The vault is as the answers left it.
async fn nothing_was_done(channel: &Channel, callers: &mut [Caller]) {
    let there = callers[0].label_there().await;
    assert!(there.is_some(), "nobody changed anything");
    assert!(callers.iter().any(|it| it.label == there), "{there:?} was set by no answered call");
    let mut credentials = CredentialServiceClient::new(channel.clone());
    let request =
        ListCredentialsRequest { parent: "tenants/acme".to_owned(), ..Default::default() };
    let listed = credentials.list_credentials(request).await.unwrap().into_inner().credentials;
    assert_eq!(listed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), [NAME]);
}

#[track_caller]
fn assert_unavailable(error: &Status) {
    let reason = error.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    assert_eq!((error.code(), &*reason), (Code::Unavailable, "AUDIT_UNAVAILABLE"), "{error:?}");
}

/// Leaves not a byte on the disk.
fn fill(disk: &Path) {
    let mut filler = File::create(disk.join(FILLER)).unwrap();
    for length in [65_536, 1] {
        while filler.write_all(&[1; 65_536][..length]).is_ok() {}
    }
}

/// Runs an ignored test of this binary where that directory is a file system of its own, with room
/// for two segments, the reserve and not a third. `None`, with a word, on a person's machine that
/// does not permit it.
fn on_a_small_disk(dir: &Path, role: &str) -> Option<Output> {
    const MOUNT: &str = "mount -t tmpfs -o size=96m tmpfs \"$0\" && exec \"$@\"";
    let inside = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--user", "--mount", "sh", "-ec", MOUNT]);
        command.arg(dir).args(words).env(DISK, dir).env_remove("RUST_LOG");
        command.output()
    };
    let works = inside(&["true"]).is_ok_and(|output| output.status.success());
    let word = "no file system of its own for this test (unshare, mount)";
    assert!(works || std::env::var("CI").as_deref() != Ok("true"), "{word}");
    if !works {
        eprintln!("SKIPPED: {word}");
        return None;
    }
    let this = std::env::current_exe().unwrap();
    let words = [this.to_str().unwrap(), "--ignored", "--exact", role, "--nocapture"];
    Some(inside(&words).unwrap())
}

const DISK: &str = "IONVAULT_TEST_DISK";

const FILLER: &str = "filler";

const CALLERS: u64 = 4;

/// So short is made what is left of the first segment, that there are fewer calls to be made.
const FIRST_BYTES: u64 = 1024 * 1024;

/// Makes the caller's name so long that a record has more than [`RECORD_BYTES_MIN`]: fewer of them
/// fill a segment.
const LONG: usize = 390;
const RECORD_BYTES_MIN: usize = 2000;

/// In the first segment and in the one that is always there.
const ANSWERS_MAX: usize = (1024 * 1024 + 32 * 1024 * 1024) / RECORD_BYTES_MIN;
