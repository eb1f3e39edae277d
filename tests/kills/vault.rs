//! Calls to the vault, over its admin socket.

use std::path::Path;
use std::time::Duration;

use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::{IssueTokenRequest, IssueTokenResponse};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt;

#[derive(Clone)]
pub(crate) struct Vault {
    tokens: TokenServiceClient<Channel>,
}

impl Vault {
    pub(crate) async fn connect(socket: &Path) -> Self {
        let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display())).unwrap();
        Self { tokens: TokenServiceClient::new(endpoint.connect().await.unwrap()) }
    }

    /// Asks once. The vault gives up by itself long before this does.
    pub(crate) async fn issue(&self, name: &str) -> Result<IssueTokenResponse, Status> {
        let request = IssueTokenRequest { name: name.to_owned(), ..IssueTokenRequest::default() };
        let answer = self.tokens.clone().issue_token(request).await?;
        Ok(answer.into_inner())
    }

    /// Asks until there is a token, as a caller does who follows the manual: what is unavailable is
    /// asked for again, after the time that the vault tells.
    ///
    /// # Errors
    ///
    /// What the vault said at last: what is not to be retried, or that it was unavailable for too
    /// long.
    pub(crate) async fn insist(&self, name: &str) -> Result<IssueTokenResponse, Status> {
        let mut waited = Duration::ZERO;
        loop {
            match self.issue(name).await {
                Err(status) if status.code() == Code::Unavailable && waited < PATIENCE => {
                    let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
                    let wait = told.unwrap_or(RETRY_DEFAULT);
                    tokio::time::sleep(wait).await;
                    waited += wait;
                }
                ended => return ended,
            }
        }
    }
}

/// A credential that stays without a token for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

const RETRY_DEFAULT: Duration = Duration::from_millis(100);
