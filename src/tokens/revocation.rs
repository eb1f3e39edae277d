//! Giving tokens back to Infor (RFC 7009).

use std::sync::Arc;

use crate::ports::{RevocationRequest, TokenKind};
use crate::secret::Secret;
use crate::vault::OpenedFile;

use super::Inner;
use super::access_token::AccessToken;
use super::flight::Flight;

impl Inner {
    /// Gives back tokens that came too late: the account was revoked while they were asked for.
    pub(super) async fn discard(
        &self,
        flight: &Flight,
        opened: &OpenedFile,
        token: &Arc<AccessToken>,
        refresh_token: Option<&Secret>,
    ) {
        let Some(endpoint) = opened.file.revocation_endpoint() else { return };
        let Ok(target) = self.hosts.target(endpoint, &opened.ca_certificates) else { return };
        let refresh_token = refresh_token.map(|token| (token, TokenKind::Refresh));
        let tokens = refresh_token.into_iter().chain([(&token.token, TokenKind::Access)]);
        for (token, kind) in tokens {
            let request = RevocationRequest {
                target: &target,
                client_id: opened.file.client_id(),
                client_secret: opened.file.client_secret(),
                token,
                kind,
            };
            if let Err(error) = self.endpoint.revoke(&request).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(credential = %flight.credential.name, error, "a token was not revoked");
            }
        }
    }
}
