//! The shapes, held to the proto files.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::{DescriptorProto, FileDescriptorSet, Timestamp};

use super::audit::Checkpoint;
use super::diagnosis::{Attempt, Finding};
use super::*;

/// The JSON names of a message's fields, from the compiled proto files; a nested one by its path,
/// such as `Diagnosis.Attempt`.
fn in_proto(path: &str) -> BTreeSet<String> {
    let files = FileDescriptorSet::decode(crate::pb::FILE_DESCRIPTOR_SET).unwrap().file;
    let files = files.into_iter().filter(|file| file.package() == "ionvault.v1");
    let mut messages: Vec<DescriptorProto> = files.flat_map(|file| file.message_type).collect();
    let mut fields = Vec::new();
    for name in path.split('.') {
        let found = messages.into_iter().find(|candidate| candidate.name() == name).unwrap();
        (messages, fields) = (found.nested_type, found.field);
    }
    fields.iter().map(|field| field.json_name().to_owned()).collect()
}

fn in_json(document: &impl Serialize) -> BTreeSet<String> {
    let document = serde_json::to_value(document).unwrap();
    document.as_object().unwrap().keys().cloned().collect()
}

fn time() -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_700_000_000, nanos: 0 })
}

#[test]
fn the_fields_are_those_of_the_proto_files() {
    let budget = v1::TokenBudget::default();
    let credential = v1::Credential {
        create_time: time(),
        update_time: time(),
        delete_time: time(),
        last_token_time: time(),
        token_expire_time: time(),
        token_budget: Some(budget),
        ..Default::default()
    };
    let version = v1::CredentialVersion { create_time: time(), ..Default::default() };
    let token = v1::IssueTokenResponse { expire_time: time(), ..Default::default() };
    let versions = [version];
    assert_eq!(in_json(&Credential::from(&credential)), in_proto("Credential"));
    assert_eq!(in_json(&TokenBudget::from(&budget)), in_proto("TokenBudget"));
    assert_eq!(in_json(&IonApiFile::from(&NO_FILE)), in_proto("IonApiFile"));
    assert_eq!(in_json(&Version::from(&versions[0])), in_proto("CredentialVersion"));
    assert_eq!(in_json(&Token::from(&token)), in_proto("IssueTokenResponse"));
    let answer = v1::UploadCredentialResponse {
        diagnosis: Some(v1::Diagnosis::default()),
        ..Default::default()
    };
    let upload = UploadAnswer::new(&credential, &answer);
    assert_eq!(in_json(&upload), in_proto("UploadCredentialResponse"));
    let get = CredentialAnswer::from(&credential);
    assert_eq!(in_json(&get), in_proto("GetCredentialResponse"));
    let mut page = in_json(&VersionsAnswer::from(&versions[..]));
    page.insert("nextPageToken".to_owned());
    assert_eq!(page, in_proto("ListCredentialVersionsResponse"));
    let revoked = v1::RevokeTokensResponse::default();
    assert_eq!(in_json(&RevokeAnswer::from(&revoked)), in_proto("RevokeTokensResponse"));
}

#[test]
fn what_the_audit_log_says_has_the_fields_of_the_proto_files() {
    let event = v1::AuditEvent {
        time: time(),
        first_time: time(),
        last_time: time(),
        count: 1 << 60,
        ..Default::default()
    };
    let shown = serde_json::to_value(AuditEvent::from(&event)).unwrap();
    assert_eq!(shown["count"], "1152921504606846976");
    assert_eq!(in_json(&AuditEvent::from(&event)), in_proto("AuditEvent"));
    let checkpoint = v1::AuditCheckpoint::default();
    assert_eq!(in_json(&Checkpoint::from(&checkpoint)), in_proto("AuditCheckpoint"));
    let answer = v1::GetAuditCheckpointResponse {
        checkpoint: Some(checkpoint.clone()),
        ..Default::default()
    };
    let got = CheckpointAnswer::from(&answer);
    assert_eq!(in_json(&got), in_proto("GetAuditCheckpointResponse"));
    let proof = v1::ProveAuditEventResponse {
        checkpoint: Some(checkpoint.clone()),
        audit_event: Some(event),
        ..Default::default()
    };
    assert_eq!(in_json(&ProofAnswer::from(&proof)), in_proto("ProveAuditEventResponse"));
}

#[test]
fn a_diagnosis_has_the_fields_of_the_proto_files() {
    let attempt = v1::diagnosis::Attempt {
        start_time: time(),
        duration: Some(prost_types::Duration { seconds: 1, nanos: 50_000_000 }),
        ..Default::default()
    };
    let finding = v1::diagnosis::Finding::default();
    let diagnosis = v1::Diagnosis::default();
    assert_eq!(in_json(&Diagnosis::from(&diagnosis)), in_proto("Diagnosis"));
    assert_eq!(in_json(&Attempt::from(&attempt)), in_proto("Diagnosis.Attempt"));
    assert_eq!(in_json(&Finding::from(&finding)), in_proto("Diagnosis.Finding"));
    let answer = DiagnosisAnswer::from(&diagnosis);
    assert_eq!(in_json(&answer), in_proto("TestCredentialResponse"));
    let attempt = serde_json::to_value(Attempt::from(&attempt)).unwrap();
    assert_eq!(attempt["duration"], "1.050s");
}
