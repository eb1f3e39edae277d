//! Recorded calls for people.

use super::{time, timestamp};
use crate::cli::names::shorten;
use crate::cli::table::Table;
use crate::pb::v1::AuditEvent;

/// Many recorded calls, a line each.
pub(in crate::cli::remote) fn of_audit_events(events: &[AuditEvent]) -> Table {
    let header = [
        "SEQUENCE",
        "TIME",
        "CALLER",
        "METHOD",
        "RESOURCE",
        "OUTCOME",
        "REASON",
        "CALLS",
        "REQUESTED BY",
    ];
    let mut table = Table::with_header(header);
    for event in events {
        table.row([
            event.sequence.to_string(),
            time(event.time.as_ref()),
            event.caller.clone(),
            event.method.clone(),
            shorten(&event.resource),
            event.outcome.clone(),
            event.reason.clone(),
            event.count.max(1).to_string(),
            event.requested_by.clone(),
        ]);
    }
    table
}

/// One recorded call, a fact per line.
pub(in crate::cli::remote) fn of_audit_event(event: &AuditEvent) -> Table {
    let exact = |time: &Option<_>| time.as_ref().and_then(timestamp).unwrap_or_default();
    let mut table = Table::of_facts();
    table.fact("Sequence", event.sequence.to_string());
    table.fact("Time", exact(&event.time));
    table.fact("Caller", &event.caller);
    table.fact("Listener", &event.listener);
    table.fact("Address", &event.address);
    table.fact("Method", &event.method);
    table.fact("Resource", &event.resource);
    table.fact("Outcome", &event.outcome);
    table.fact("Reason", &event.reason);
    table.fact("Token id", &event.token_id);
    table.fact("Request id", &event.request_id);
    table.fact("Requested by", &event.requested_by);
    table.fact("Trace id", &event.trace_id);
    if event.count > 0 {
        table.fact("Calls", event.count.to_string());
        table.fact("First", exact(&event.first_time));
        table.fact("Last", exact(&event.last_time));
    }
    table
}
