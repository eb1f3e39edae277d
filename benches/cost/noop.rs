//! The cheapest service that gives the same answer.

use ionvault::pb::v1::token_service_server::TokenService;
use ionvault::pb::v1::{
    IssueTokenRequest, IssueTokenResponse, RevokeTokensRequest, RevokeTokensResponse,
    WatchTokenRequest, WatchTokenResponse,
};
use tonic::{Request, Response, Status};

/// Gives everybody the same answer.
pub(crate) struct Noop(pub IssueTokenResponse);

#[tonic::async_trait]
impl TokenService for Noop {
    async fn issue_token(
        &self,
        _request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        Ok(Response::new(self.0.clone()))
    }

    type WatchTokenStream = tokio_stream::Empty<Result<WatchTokenResponse, Status>>;

    async fn watch_token(
        &self,
        _request: Request<WatchTokenRequest>,
    ) -> Result<Response<Self::WatchTokenStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }

    async fn revoke_tokens(
        &self,
        _request: Request<RevokeTokensRequest>,
    ) -> Result<Response<RevokeTokensResponse>, Status> {
        Err(Status::unimplemented("nobody asks for it"))
    }
}
