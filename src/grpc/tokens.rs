//! `TokenService`.

mod watch;

use tonic::{Request, Response, Status};

use crate::access::Action;
use crate::model::CredentialName;
use crate::pb::v1::token_service_server::TokenService;
use crate::pb::v1::{
    IssueTokenRequest, IssueTokenResponse, RevokeTokensRequest, RevokeTokensResponse,
    WatchTokenRequest,
};
use crate::tokens::{IssueQuery, Issued, TokenIssuer};

use super::call::Call;
use super::fields::{self, Violations};
use super::guard::Guard;
use super::status::Reason;
use super::{Refusal, answer, into_parts, messages};

pub(super) struct Tokens {
    pub(super) guard: Guard,
    pub(super) issuer: TokenIssuer,
}

impl Tokens {
    async fn issue(
        &self,
        request: Request<IssueTokenRequest>,
    ) -> Result<IssueTokenResponse, Refusal> {
        let (extensions, IssueTokenRequest { name, min_remaining, rejected_token_id }) =
            into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &name)?;
        let credential = self.guard.credential(call, Action::IssueToken, &name)?;
        let mut violations = Violations::default();
        let min_remaining = min_remaining.map(fields::min_remaining).transpose();
        let min_remaining = violations.check("min_remaining", min_remaining);
        let rejected = fields::rejected_token_id(rejected_token_id);
        let rejected = violations.check("rejected_token_id", rejected);
        let (min_remaining, rejected) = violations.finish(min_remaining.zip(rejected))?;
        let query = IssueQuery { min_remaining, rejected: rejected.as_deref() };
        let issued = self.issuer.issue(&credential, query).await?;
        call.entry.hands_out(&issued.token.id);
        token(&issued)
    }

    async fn revoke(
        &self,
        request: Request<RevokeTokensRequest>,
    ) -> Result<RevokeTokensResponse, Refusal> {
        let (extensions, RevokeTokensRequest { name }) = into_parts(request);
        let call = Call::from_extensions(&extensions)?;
        let name: CredentialName = call.resource("name", &name)?;
        let credential = self.guard.credential(call, Action::RevokeTokens, &name)?;
        let revocation = self.issuer.revoke(&credential).await?;
        Ok(RevokeTokensResponse { revocation: messages::revocation(revocation).into() })
    }
}

/// The endpoint checked the token's characters; one that is no text never gets here.
fn token(issued: &Issued) -> Result<IssueTokenResponse, Refusal> {
    let message = messages::token(issued);
    message.ok_or_else(|| Reason::ProviderMisbehaved.says("the token is no text").into())
}

#[tonic::async_trait]
impl TokenService for Tokens {
    async fn issue_token(
        &self,
        request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        answer(self.issue(request).await)
    }

    type WatchTokenStream = watch::WatchTokenStream;

    async fn watch_token(
        &self,
        request: Request<WatchTokenRequest>,
    ) -> Result<Response<Self::WatchTokenStream>, Status> {
        answer(self.watch(request))
    }

    async fn revoke_tokens(
        &self,
        request: Request<RevokeTokensRequest>,
    ) -> Result<Response<RevokeTokensResponse>, Status> {
        answer(self.revoke(request).await)
    }
}
