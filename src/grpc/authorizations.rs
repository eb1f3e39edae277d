//! `AuthorizationService`.

use tonic::{Request, Response, Status};

use crate::access::Action;
use crate::model::CredentialName;
use crate::pb::v1::authorization_service_server::AuthorizationService;
use crate::pb::v1::{
    CompleteAuthorizationRequest, CompleteAuthorizationResponse, StartAuthorizationRequest,
    StartAuthorizationResponse,
};
use crate::secret::Secret;
use crate::tokens::Authorizations as People;

use super::call::Call;
use super::descriptions::Descriptions;
use super::guard::Guard;
use super::{Refusal, answer, into_parts, messages};

pub(super) struct Authorizations {
    pub(super) guard: Guard,
    pub(super) people: People,
    pub(super) descriptions: Descriptions,
}

impl Authorizations {
    async fn start(
        &self,
        request: Request<StartAuthorizationRequest>,
    ) -> Result<StartAuthorizationResponse, Refusal> {
        let (extensions, StartAuthorizationRequest { name }) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &name)?;
        let credential = self.guard.credential(call, Action::StartAuthorization, &name)?;
        Ok(messages::authorization(self.people.start(call.caller, &credential).await?))
    }

    async fn complete(
        &self,
        request: Request<CompleteAuthorizationRequest>,
    ) -> Result<CompleteAuthorizationResponse, Refusal> {
        let (extensions, CompleteAuthorizationRequest { name, redirect_uri }) = into_parts(request);
        let redirect = Secret::from(redirect_uri);
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &name)?;
        let credential = self.guard.credential(call, Action::CompleteAuthorization, &name)?;
        self.people.complete(call.caller, &credential, redirect).await?;
        let credential = Some(self.descriptions.whole(&credential).await);
        Ok(CompleteAuthorizationResponse { credential })
    }
}

#[tonic::async_trait]
impl AuthorizationService for Authorizations {
    async fn start_authorization(
        &self,
        request: Request<StartAuthorizationRequest>,
    ) -> Result<Response<StartAuthorizationResponse>, Status> {
        answer(self.start(request).await)
    }

    async fn complete_authorization(
        &self,
        request: Request<CompleteAuthorizationRequest>,
    ) -> Result<Response<CompleteAuthorizationResponse>, Status> {
        answer(self.complete(request).await)
    }
}
