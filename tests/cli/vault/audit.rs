//! An audit log of three calls, and the answers that a vault gives about it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ionvault::audit::{AuditLog, AuditSettings, Event, Record};
use ionvault::pb::v1::audit_service_server::AuditService;
use ionvault::pb::v1::*;
use ionvault::ports::Clock;
use ionvault::secret::LockedKey;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::{Answer, Asked, Script};

/// Always the same log, with the same key and dates.
pub(crate) struct SampleLog {
    pub(crate) checkpoint: AuditCheckpoint,
    pub(crate) events: Vec<AuditEvent>,
    /// Of the second record.
    pub(crate) proof: ProveAuditEventResponse,
}

/// What the vault does to an answer before it gives it.
pub(crate) type Spoil = fn(&mut ProveAuditEventResponse);

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }
}

impl SampleLog {
    pub(crate) async fn make(dir: &Path) -> Self {
        let seed = LockedKey::from_bytes(&[7; 32]).unwrap();
        let settings = AuditSettings::default();
        let log =
            AuditLog::open(dir, "ionvault/sample", seed, settings, Arc::new(Stopped)).unwrap();
        let name = "tenants/acme/credentials/infor";
        for (method, resource, outcome, reason) in [
            ("UploadCredential", name, "OK", ""),
            ("IssueToken", name, "OK", ""),
            ("IssueToken", "tenants/acme/credentials/m3", "NOT_FOUND", "CREDENTIAL_NOT_FOUND"),
        ] {
            let event = Event {
                caller: "uid:1000".into(),
                method: method.into(),
                resource: resource.into(),
                outcome: outcome.into(),
                reason: reason.into(),
                ..Event::default()
            };
            log.admit().unwrap().record(&event).unwrap();
        }
        let over = CancellationToken::new();
        over.cancel();
        log.run(over, Vec::new()).await;
        let checkpoint = AuditCheckpoint {
            note: log.checkpoint().note.clone(),
            verifier_key: log.verifier_key().to_owned(),
            tree_size: 3,
        };
        let mut events = Vec::new();
        for sequence in 0..3 {
            events.push(event(&log.event(sequence).await.unwrap().unwrap()));
        }
        let proof = log.prove(1, 3).await.unwrap();
        let proof = ProveAuditEventResponse {
            leaf: proof.line,
            hashes: proof.hashes.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: Some(checkpoint.clone()),
            audit_event: events.get(1).cloned(),
        };
        Self { checkpoint, events, proof }
    }

    /// Without a runtime around.
    pub(crate) fn made(dir: &Path) -> Self {
        tokio::runtime::Runtime::new().unwrap().block_on(Self::make(dir))
    }
}

fn event(record: &Record) -> AuditEvent {
    let event = &record.event;
    AuditEvent {
        sequence: record.sequence.try_into().unwrap(),
        time: Some(record.time.into()),
        caller: event.caller.to_string(),
        method: event.method.to_string(),
        resource: event.resource.to_string(),
        outcome: event.outcome.to_string(),
        reason: event.reason.to_string(),
        ..AuditEvent::default()
    }
}

impl Script {
    async fn proof(&self) -> ProveAuditEventResponse {
        let dir = tempfile::tempdir().unwrap();
        let mut proof = SampleLog::make(dir.path()).await.proof;
        if let Some(spoil) = *self.spoil.lock().unwrap() {
            spoil(&mut proof);
        }
        proof
    }
}

#[tonic::async_trait]
impl AuditService for Script {
    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Answer<ListAuditEventsResponse> {
        let scripted = self.audit_pages.lock().unwrap().pop_front();
        let page = match scripted {
            Some(page) => page,
            None => {
                let dir = tempfile::tempdir().unwrap();
                let audit_events = SampleLog::make(dir.path()).await.events;
                ListAuditEventsResponse { audit_events, next_page_token: String::new() }
            }
        };
        self.answer(Asked::Recorded(request.into_inner()), || page).await
    }

    async fn get_audit_checkpoint(
        &self,
        request: Request<GetAuditCheckpointRequest>,
    ) -> Answer<GetAuditCheckpointResponse> {
        let asked = Asked::Checkpoint(request.into_inner().old_tree_size);
        // Between a checkpoint and itself nothing is to be proved; what proves a record proves nothing
        // of it.
        let spoilt = self.spoil.lock().unwrap().is_some();
        let ProveAuditEventResponse { checkpoint, hashes, .. } = self.proof().await;
        let consistency_hashes = if spoilt { hashes } else { Vec::new() };
        self.answer(asked, || GetAuditCheckpointResponse { checkpoint, consistency_hashes }).await
    }

    async fn prove_audit_event(
        &self,
        request: Request<ProveAuditEventRequest>,
    ) -> Answer<ProveAuditEventResponse> {
        let proof = self.proof().await;
        self.answer(Asked::Proof(request.into_inner().sequence), || proof).await
    }
}
