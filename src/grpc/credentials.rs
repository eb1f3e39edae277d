//! `CredentialService`.

mod changes;
mod lists;
mod test;
mod upload;

use tonic::{Request, Response, Status};

use crate::access::Action;
use crate::model::CredentialName;
use crate::pb::v1::credential_service_server::CredentialService;
use crate::pb::v1::{
    ActivateCredentialVersionRequest, ActivateCredentialVersionResponse, DeleteCredentialRequest,
    DeleteCredentialResponse, GetCredentialRequest, GetCredentialResponse,
    ListCredentialVersionsRequest, ListCredentialVersionsResponse, ListCredentialsRequest,
    ListCredentialsResponse, TestCredentialRequest, TestCredentialResponse,
    UndeleteCredentialRequest, UndeleteCredentialResponse, UpdateCredentialRequest,
    UpdateCredentialResponse, UploadCredentialRequest, UploadCredentialResponse,
};
use crate::tokens::TokenIssuer;
use crate::vault::Vault;

use super::call::Call;
use super::descriptions::Descriptions;
use super::guard::Guard;
use super::{Refusal, answer, into_parts};

pub(super) struct Credentials {
    pub(super) guard: Guard,
    pub(super) vault: Vault,
    pub(super) issuer: TokenIssuer,
    pub(super) descriptions: Descriptions,
}

impl Credentials {
    async fn get(
        &self,
        request: Request<GetCredentialRequest>,
    ) -> Result<GetCredentialResponse, Refusal> {
        let (extensions, GetCredentialRequest { name }) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &name)?;
        let credential = self.guard.credential(call, Action::GetCredential, &name)?;
        let credential = Some(self.descriptions.whole(&credential).await);
        Ok(GetCredentialResponse { credential })
    }
}

#[tonic::async_trait]
impl CredentialService for Credentials {
    async fn upload_credential(
        &self,
        request: Request<UploadCredentialRequest>,
    ) -> Result<Response<UploadCredentialResponse>, Status> {
        answer(self.upload(request).await)
    }

    async fn get_credential(
        &self,
        request: Request<GetCredentialRequest>,
    ) -> Result<Response<GetCredentialResponse>, Status> {
        answer(self.get(request).await)
    }

    async fn list_credentials(
        &self,
        request: Request<ListCredentialsRequest>,
    ) -> Result<Response<ListCredentialsResponse>, Status> {
        answer(self.list(request))
    }

    async fn list_credential_versions(
        &self,
        request: Request<ListCredentialVersionsRequest>,
    ) -> Result<Response<ListCredentialVersionsResponse>, Status> {
        answer(self.list_versions(request))
    }

    async fn update_credential(
        &self,
        request: Request<UpdateCredentialRequest>,
    ) -> Result<Response<UpdateCredentialResponse>, Status> {
        answer(self.update(request).await)
    }

    async fn activate_credential_version(
        &self,
        request: Request<ActivateCredentialVersionRequest>,
    ) -> Result<Response<ActivateCredentialVersionResponse>, Status> {
        answer(self.activate(request).await)
    }

    async fn delete_credential(
        &self,
        request: Request<DeleteCredentialRequest>,
    ) -> Result<Response<DeleteCredentialResponse>, Status> {
        answer(self.delete(request).await)
    }

    async fn undelete_credential(
        &self,
        request: Request<UndeleteCredentialRequest>,
    ) -> Result<Response<UndeleteCredentialResponse>, Status> {
        answer(self.undelete(request).await)
    }

    async fn test_credential(
        &self,
        request: Request<TestCredentialRequest>,
    ) -> Result<Response<TestCredentialResponse>, Status> {
        answer(self.test(request).await)
    }
}
