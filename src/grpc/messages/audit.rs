//! Records and checkpoints of the audit log.

use crate::audit::{Record, SignedCheckpoint};
use crate::pb::v1;

/// A record, as it was read back.
pub(in crate::grpc) fn audit_event(record: &Record) -> v1::AuditEvent {
    let Record { sequence, time, event } = record;
    let repeats = event.repeats;
    v1::AuditEvent {
        sequence: signed(*sequence),
        time: Some((*time).into()),
        caller: event.caller.to_string(),
        listener: event.listener.to_string(),
        address: event.address.to_string(),
        method: event.method.to_string(),
        resource: event.resource.to_string(),
        outcome: event.outcome.to_string(),
        reason: event.reason.to_string(),
        token_id: event.token_id.to_string(),
        request_id: event.request_id.to_string(),
        requested_by: event.requested_by.to_string(),
        trace_id: event.trace_id.to_string(),
        count: repeats.map_or(0, |repeats| signed(repeats.count.get())),
        first_time: repeats.map(|repeats| repeats.first.into()),
        last_time: repeats.map(|repeats| repeats.last.into()),
    }
}

/// A checkpoint, with the key that verifies it.
pub(in crate::grpc) fn audit_checkpoint(
    checkpoint: &SignedCheckpoint,
    verifier_key: &str,
) -> v1::AuditCheckpoint {
    v1::AuditCheckpoint {
        note: checkpoint.note.clone(),
        verifier_key: verifier_key.to_owned(),
        tree_size: signed(checkpoint.size),
    }
}

/// Numbers of records: at a million a second the last one comes in 290,000 years.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
