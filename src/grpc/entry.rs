//! What the audit will say of a call. Handlers add to it what they learn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use tonic::Status;

use crate::audit::{AuditLog, AuditUnavailable, Event, Permit, Refusal};
use crate::identity::Peer;
use crate::quotas::Effect;

use super::rpc::Rpc;
use super::status::{self, Outcome};
use super::trace_context;

/// The entry of one call. It comes to the handler among the request's extensions.
pub(super) struct Entry {
    audit: AuditLog,
    peer: Option<Arc<Peer>>,
    rpc: Rpc,
    trace_id: String,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    resource: String,
    token_id: String,
    request_id: String,
    requested_by: String,
}

impl Entry {
    pub(super) fn new(
        audit: AuditLog,
        peer: Option<Arc<Peer>>,
        rpc: Rpc,
        headers: &HeaderMap,
    ) -> Self {
        let trace_id = trace_context::trace_id(headers).to_owned();
        Self { audit, peer, rpc, trace_id, noted: Mutex::default() }
    }

    /// What the call is about: a name that was parsed.
    pub(super) fn is_about(&self, resource: &str) {
        resource.clone_into(&mut self.noted().resource);
    }

    /// The token that the answer hands out.
    pub(super) fn hands_out(&self, token_id: &str) {
        token_id.clone_into(&mut self.noted().token_id);
    }

    /// The caller's id for the request, once it is known to be one.
    pub(super) fn has_request_id(&self, id: &str) {
        id.clone_into(&mut self.noted().request_id);
    }

    /// The person behind the call, as the caller asserts it, once the text is known to be fit.
    pub(super) fn is_requested_by(&self, person: &str) {
        person.clone_into(&mut self.noted().requested_by);
    }

    /// Records what came of the call.
    pub(super) fn record(
        &self,
        permit: Permit,
        outcome: &Outcome,
    ) -> Result<u64, AuditUnavailable> {
        let (caller, address) = self.whom();
        let noted = self.noted();
        let Noted { resource, token_id, request_id, requested_by } = &*noted;
        permit.record(&Event {
            caller: caller.into(),
            listener: self.listener().into(),
            address: address.into(),
            method: self.rpc.name.into(),
            resource: resource.into(),
            outcome: outcome.code.into(),
            reason: outcome.reason.as_str().into(),
            token_id: token_id.into(),
            request_id: request_id.into(),
            requested_by: requested_by.into(),
            trace_id: self.trace_id.as_str().into(),
            repeats: None,
        })
    }

    /// Records a message of a stream that hands out a token, before it is sent.
    ///
    /// # Errors
    ///
    /// `AUDIT_UNAVAILABLE`: it must not be sent.
    pub(super) fn hands_out_another(&self, token_id: &str) -> Result<(), Status> {
        let permit = self.audit.admit().map_err(status::audit_unavailable)?;
        self.hands_out(token_id);
        self.record(permit, &Outcome::ok()).map_err(status::audit_unavailable)?;
        Ok(())
    }

    /// Records that a stream ended in an error. It ends whether or not that can be recorded.
    pub(super) fn ends(&self, error: &Status) {
        let outcome = Outcome::of_error(error);
        let recorded = self.audit.admit().and_then(|permit| {
            self.hands_out("");
            self.record(permit, &outcome)
        });
        if let Err(error) = recorded {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::error!(error, "the end of a stream could not be recorded");
        }
    }

    /// The same as a refusal, without what differs from call to call.
    pub(super) fn refusal(&self, outcome: &Outcome) -> Refusal {
        refusal(self.peer.as_deref(), self.rpc, outcome)
    }

    /// What the call does, whatever it comes to.
    pub(super) fn effect(&self) -> Effect {
        self.rpc.effect
    }

    fn whom(&self) -> (String, String) {
        let Some(peer) = &self.peer else { return Default::default() };
        let caller = peer.caller.as_ref().map(ToString::to_string).unwrap_or_default();
        (caller, peer.address.map(|address| address.to_string()).unwrap_or_default())
    }

    fn listener(&self) -> &'static str {
        self.peer.as_ref().map_or("", |peer| peer.listener.as_str())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that came to nothing, without what differs from call to call.
pub(super) fn refusal(peer: Option<&Peer>, rpc: Rpc, outcome: &Outcome) -> Refusal {
    let caller = peer.and_then(|peer| peer.caller.as_ref().ok());
    Refusal {
        caller: caller.map(ToString::to_string).unwrap_or_default(),
        listener: peer.map_or("", |peer| peer.listener.as_str()),
        method: rpc.name,
        outcome: outcome.code,
        reason: outcome.reason.clone(),
    }
}
