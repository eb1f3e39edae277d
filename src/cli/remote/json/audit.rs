//! Recorded calls, checkpoints and proofs for programs. In proto3 JSON, numbers of 64 bits are texts
//! and bytes are base64.

use data_encoding::BASE64;
use serde::Serialize;

use super::timestamp;
use crate::pb::v1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::remote) struct AuditEvent<'a> {
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    caller: &'a str,
    listener: &'a str,
    address: &'a str,
    method: &'a str,
    resource: &'a str,
    outcome: &'a str,
    reason: &'a str,
    token_id: &'a str,
    request_id: &'a str,
    requested_by: &'a str,
    trace_id: &'a str,
    count: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_time: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::remote) struct CheckpointAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Checkpoint<'a>>,
    consistency_hashes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checkpoint<'a> {
    note: &'a str,
    verifier_key: &'a str,
    tree_size: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli::remote) struct ProofAnswer<'a> {
    leaf: String,
    hashes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Checkpoint<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_event: Option<AuditEvent<'a>>,
}

impl<'a> From<&'a v1::AuditEvent> for AuditEvent<'a> {
    fn from(event: &'a v1::AuditEvent) -> Self {
        Self {
            sequence: event.sequence.to_string(),
            time: event.time.as_ref().and_then(timestamp),
            caller: &event.caller,
            listener: &event.listener,
            address: &event.address,
            method: &event.method,
            resource: &event.resource,
            outcome: &event.outcome,
            reason: &event.reason,
            token_id: &event.token_id,
            request_id: &event.request_id,
            requested_by: &event.requested_by,
            trace_id: &event.trace_id,
            count: event.count.to_string(),
            first_time: event.first_time.as_ref().and_then(timestamp),
            last_time: event.last_time.as_ref().and_then(timestamp),
        }
    }
}

impl<'a> From<&'a v1::AuditCheckpoint> for Checkpoint<'a> {
    fn from(checkpoint: &'a v1::AuditCheckpoint) -> Self {
        Self {
            note: &checkpoint.note,
            verifier_key: &checkpoint.verifier_key,
            tree_size: checkpoint.tree_size.to_string(),
        }
    }
}

impl<'a> From<&'a v1::GetAuditCheckpointResponse> for CheckpointAnswer<'a> {
    fn from(answer: &'a v1::GetAuditCheckpointResponse) -> Self {
        Self {
            checkpoint: answer.checkpoint.as_ref().map(Into::into),
            consistency_hashes: base64(&answer.consistency_hashes),
        }
    }
}

impl<'a> From<&'a v1::ProveAuditEventResponse> for ProofAnswer<'a> {
    fn from(answer: &'a v1::ProveAuditEventResponse) -> Self {
        Self {
            leaf: BASE64.encode(&answer.leaf),
            hashes: base64(&answer.hashes),
            checkpoint: answer.checkpoint.as_ref().map(Into::into),
            audit_event: answer.audit_event.as_ref().map(Into::into),
        }
    }
}

fn base64(hashes: &[Vec<u8>]) -> Vec<String> {
    hashes.iter().map(|hash| BASE64.encode(hash)).collect()
}
