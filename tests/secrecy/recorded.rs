//! The audit log of a vault: what it answers, what it told its witness, what its files hold and what
//! the verifier says of them; and that all that was called is in there to be searched.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use ionvault::audit::{AuditLog, AuditSettings, Event, Record};
use ionvault::pb::v1::audit_service_client::AuditServiceClient;
use ionvault::pb::v1::*;
use ionvault::secret::LockedKey;

use super::calls::{Caller, channel};
use super::every_rpc::every_rpc;
use super::house::{ADMIN, House, ISSUER};
use super::notes::{AUDIT, Notes, OF_AUDIT, VERIFIER, WITNESS};
use super::planted::Planted;
use super::running::Running;

/// Asks for all that the audit log tells, in each way, and in ways that are refused.
pub(crate) async fn ask(running: &Running, house: &House, planted: &Planted, notes: &mut Notes) {
    let ca = house.authority.certificate_pem();
    for (who, may) in [(ADMIN, true), (ISSUER, false)] {
        let identity = house.client(planted, who);
        let channel = channel(running.mtls, ca, Some(&identity)).await.unwrap();
        let mut audit = AuditServiceClient::new(channel.clone());
        let expected = if may { "OK" } else { "CALLER_DENIED" };
        let checkpoint = audit.get_audit_checkpoint(GetAuditCheckpointRequest::default()).await;
        let events = match may {
            true => list(&mut audit, notes).await,
            false => vec![AuditEvent::default()],
        };
        let mut caller = Caller::new(channel, notes, planted);
        caller.place = OF_AUDIT;
        assert_eq!(caller.heard("checkpoint", checkpoint), expected);
        for AuditEvent { sequence, .. } in &events {
            let request = ProveAuditEventRequest { sequence: *sequence };
            let proved = audit.prove_audit_event(request).await;
            let expected = if may { "OK" } else { "AUDIT_EVENT_NOT_FOUND" };
            assert_eq!(caller.heard("proof", proved), expected);
        }
        let request = ListAuditEventsRequest { parent: "tenants/-".into(), ..Default::default() };
        let listed = audit.list_audit_events(request).await;
        assert_eq!(caller.heard("list of events", listed), expected);
    }
}

/// The whole log, page by page, the newest first.
async fn list(
    audit: &mut AuditServiceClient<tonic::transport::Channel>,
    notes: &mut Notes,
) -> Vec<AuditEvent> {
    let mut request = ListAuditEventsRequest {
        parent: "tenants/-".to_owned(),
        order: AuditOrder::NewestFirst.into(),
        ..Default::default()
    };
    let mut events = Vec::new();
    loop {
        let answer = audit.list_audit_events(request.clone()).await.unwrap();
        notes.answer_at(OF_AUDIT, "page of events", &answer);
        let page = answer.into_inner();
        events.extend(page.audit_events);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return events;
        }
    }
}

/// Takes the files of the log and of the witness, once the vault was stopped, has a copy verified,
/// and then one that was edited. Returns the records.
pub(crate) fn collect(house: &House, planted: &Planted, notes: &mut Notes) -> Vec<Record> {
    for (place, dir) in [(AUDIT, "audit"), (WITNESS, "witness")] {
        for (name, bytes) in house.files(dir) {
            notes.add(place, &name, bytes);
        }
    }
    let segments = segments(&house.path("audit"));
    let text: String =
        segments.iter().map(|path| String::from_utf8(fs::read(path).unwrap()).unwrap()).collect();
    // What a segment was preallocated with and did not need is cut off when it is sealed; the last
    // is not sealed.
    let lines = text.trim_end_matches('\0').lines();
    let records: Vec<_> = lines.map(|line| Record::parse(line.as_bytes()).unwrap()).collect();

    let copy = house.path("copy");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(house.path("audit")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), copy.join(entry.file_name())).unwrap();
    }
    assert_eq!(verify(house, notes), Some(0), "the log is not sound");
    // Who pastes a secret into a copy, or into a checkpoint, is not told it again.
    let first = copy.join(segments[0].file_name().unwrap());
    let text = String::from_utf8(fs::read(&first).unwrap()).unwrap();
    let text = text.trim_end_matches('\0').replacen(
        "\"method\":\"",
        &format!("\"method\":\"{}", planted.token("pasted into a copied record")),
        1,
    );
    fs::remove_file(&first).unwrap();
    fs::write(&first, text).unwrap();
    fs::write(copy.join("checkpoint"), planted.any("in place of a checkpoint")).unwrap();
    assert_eq!(verify(house, notes), Some(1), "the log was edited");
    fs::remove_dir_all(copy).unwrap();
    records
}

/// Runs the verifier on the copy.
fn verify(house: &House, notes: &mut Notes) -> Option<i32> {
    let witnessed = fs::read_dir(house.path("witness")).unwrap().map(|entry| entry.unwrap().path());
    let ended = Command::new(env!("CARGO_BIN_EXE_ionvault"))
        .args(["audit", "verify"])
        .arg(house.path("copy"))
        .args(["--verifier-key", house.verifier_key(), "--checkpoint"])
        .args(witnessed)
        .output()
        .unwrap();
    notes.add(VERIFIER, "results", ended.stdout);
    notes.add(VERIFIER, "notes", ended.stderr);
    ended.status.code()
}

/// The search was not of an empty place: every RPC was recorded, as done and as refused, and so was
/// each call that misused one, and each token.
pub(crate) fn assert_complete(records: &[Record], notes: &Notes) {
    let of = |done: bool| -> BTreeSet<&str> {
        let of = records.iter().filter(|it| (it.event.outcome == "OK") == done);
        of.map(|record| &*record.event.method).filter(|method| *method != "unknown").collect()
    };
    let rpcs = every_rpc();
    let all: BTreeSet<&str> = rpcs.iter().map(|rpc| rpc.name.as_str()).collect();
    assert_eq!(of(true), all, "done");
    assert_eq!(of(false), all, "refused");
    assert!(records.iter().any(|record| record.event.method == "unknown"));
    for (caller, calls) in notes.calls() {
        let recorded = records.iter().filter(|it| it.event.caller == *caller);
        let recorded: Vec<_> = recorded.map(|it| it.event.repeats.is_none()).collect();
        assert_eq!(recorded, vec![true; *calls], "{caller}: a record for each call");
    }
    let given: BTreeMap<&str, &str> =
        records.iter().map(|it| (&*it.event.token_id, &*it.event.resource)).collect();
    assert!(!notes.token_ids().is_empty());
    for (token_id, name) in notes.token_ids() {
        assert_eq!(given.get(token_id.as_str()), Some(&name.as_str()), "token {token_id}");
    }
}

/// What the log would hold if a vault gave this text away, as the files have it.
pub(crate) fn give_away(house: &House, text: &str, notes: &mut Notes) {
    let dir = house.path("given-away");
    let seed = LockedKey::from_bytes(&[7; 32]).unwrap();
    let clock = std::sync::Arc::new(ionvault::adapters::SystemClock);
    let settings = AuditSettings { segment_bytes: 0, reserve_bytes: 0, ..AuditSettings::default() };
    let log = AuditLog::open(&dir, "ionvault/secrecy", seed, settings, clock).unwrap();
    let event = Event { requested_by: text.into(), ..Event::default() };
    log.admit().unwrap().record(&event).unwrap();
    for (name, bytes) in house.files("given-away") {
        notes.add(AUDIT, &name, bytes);
    }
    drop(log);
    fs::remove_dir_all(dir).unwrap();
}

fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
    segments.sort();
    segments
}
