//! `AuditService`.

mod query;

use tonic::{Request, Response, Status};

use crate::access::Action;
use crate::audit::{AuditLog, PageQuery, Record};
use crate::model::{Parent, TenantId};
use crate::pb::v1::audit_service_server::AuditService;
use crate::pb::v1::{
    GetAuditCheckpointRequest, GetAuditCheckpointResponse, ListAuditEventsRequest,
    ListAuditEventsResponse, ProveAuditEventRequest, ProveAuditEventResponse,
};
use crate::vault::Vault;

use super::call::Call;
use super::guard::Guard;
use super::status::{log_too_short, no_such_event};
use super::{Refusal, answer, into_parts, messages};

use query::Query;

pub(super) struct Audit {
    pub(super) guard: Guard,
    pub(super) log: AuditLog,
    /// Seals page tokens.
    pub(super) vault: Vault,
}

impl Audit {
    async fn list(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<ListAuditEventsResponse, Refusal> {
        let (extensions, message) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        let parent: Parent = call.resource("parent", &message.parent)?;
        self.guard.audit(call, Action::ListAuditEvents, &parent)?;
        let Query { scope, page_token, filter, order, records_max } =
            Query::parse(call, &parent, message)?;
        let scope: Vec<&[u8]> = scope.iter().map(Vec::as_slice).collect();
        let from = self.vault.page_position(&scope, &page_token)?;
        let page = self.log.list(filter, PageQuery { order, from, records_max }).await?;
        Ok(ListAuditEventsResponse {
            audit_events: page.records.iter().map(messages::audit_event).collect(),
            next_page_token: self.vault.page_token(&scope, page.next.as_ref())?,
        })
    }

    async fn checkpoint(
        &self,
        request: Request<GetAuditCheckpointRequest>,
    ) -> Result<GetAuditCheckpointResponse, Refusal> {
        let (extensions, GetAuditCheckpointRequest { old_tree_size }) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        self.guard.audit(call, Action::GetAuditCheckpoint, &Parent::AllTenants)?;
        let old_size = query::tree_size("old_tree_size", old_tree_size)?;
        let checkpoint = self.log.new_checkpoint().await?;
        if old_size > checkpoint.size {
            return Err(log_too_short(old_size, checkpoint.size).into());
        }
        let hashes = self.log.prove_consistency(old_size, checkpoint.size).await?;
        let checkpoint = messages::audit_checkpoint(&checkpoint, self.log.verifier_key());
        Ok(GetAuditCheckpointResponse {
            checkpoint: Some(checkpoint),
            consistency_hashes: hashes.iter().map(|hash| hash.to_vec()).collect(),
        })
    }

    async fn prove(
        &self,
        request: Request<ProveAuditEventRequest>,
    ) -> Result<ProveAuditEventResponse, Refusal> {
        let (extensions, ProveAuditEventRequest { sequence }) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        // Told like any other that is not there: who may prove nothing is not to see a difference.
        let sequence = u64::try_from(sequence).map_err(|_negative| no_such_event())?;
        let record = self.log.event(sequence).await?;
        let record = record.filter(|record| self.shows(call, record));
        let record = record.ok_or_else(no_such_event)?;
        let checkpoint = self.log.new_checkpoint().await?;
        let proof = self.log.prove(sequence, checkpoint.size).await?;
        Ok(ProveAuditEventResponse {
            leaf: record.to_line(),
            hashes: proof.hashes.iter().map(|hash| hash.to_vec()).collect(),
            checkpoint: Some(messages::audit_checkpoint(&checkpoint, self.log.verifier_key())),
            audit_event: Some(messages::audit_event(&record)),
        })
    }

    /// Whether the caller may have this record proved.
    fn shows(&self, call: Call<'_>, record: &Record) -> bool {
        let may = |parent| self.guard.audit(call, Action::ProveAuditEvent, &parent).is_ok();
        may(Parent::AllTenants) || tenant(record).is_some_and(|tenant| may(Parent::Tenant(tenant)))
    }
}

/// The tenant that a record is about.
fn tenant(record: &Record) -> Option<TenantId> {
    let (_, rest) = record.event.resource.split_once("tenants/")?;
    rest.split('/').next()?.parse().ok()
}

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        answer(self.list(request).await)
    }

    async fn get_audit_checkpoint(
        &self,
        request: Request<GetAuditCheckpointRequest>,
    ) -> Result<Response<GetAuditCheckpointResponse>, Status> {
        answer(self.checkpoint(request).await)
    }

    async fn prove_audit_event(
        &self,
        request: Request<ProveAuditEventRequest>,
    ) -> Result<Response<ProveAuditEventResponse>, Status> {
        answer(self.prove(request).await)
    }
}
