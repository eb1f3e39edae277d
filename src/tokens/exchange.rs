//! Which grant to use, and what its answer means.

use std::sync::Arc;

use crate::ion::{self, IonApiFile};
use crate::model::{Credential, Grant, Version};
use crate::ports::{ExchangeError, GrantRequest, OauthError, Target, TokenAnswer, TokenRequest};

use super::Inner;
use super::access_token::AccessToken;
use super::accounts::Slot;
use super::flight::FlightError;

impl Inner {
    /// Asks Infor for a token and keeps it in the slot: with the refresh token if there is one,
    /// else, or if Infor refuses that one, with the file's own grant.
    pub(super) async fn exchange(
        &self,
        slot: &Slot,
        credential: &Credential,
        version: &Version,
    ) -> Result<Arc<AccessToken>, FlightError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.map_err(|_closed| FlightError::Abandoned)?;
        let opened = self.vault.open_file(credential, version).await?;
        let target = self.hosts.check(&opened.file, &opened.ca_certificates)?;
        let asked = self.now();
        if let Some(refresh_token) = slot.refresh_token() {
            let grant = GrantRequest::RefreshToken(&refresh_token);
            match self.ask(&target, &opened.file, grant).await {
                // A client that is refused with one grant is refused with the other, too: that
                // would only spend a log-in.
                Err(ExchangeError::Refused(error)) if error != OauthError::InvalidClient => {
                    slot.forget_refresh_token();
                }
                answer => return self.keep(slot, credential, &asked, answer, &opened.file),
            }
        }
        let asked = self.now();
        let answer = self.ask(&target, &opened.file, own_grant(&opened.file)?).await;
        self.keep(slot, credential, &asked, answer, &opened.file)
    }

    async fn ask(
        &self,
        target: &Target,
        file: &IonApiFile,
        grant: GrantRequest<'_>,
    ) -> Result<TokenAnswer, ExchangeError> {
        let scope = file.request_scope();
        let request = TokenRequest {
            target,
            client_id: file.client_id(),
            client_secret: file.client_secret(),
            grant,
            scope: scope.as_deref(),
        };
        self.endpoint.exchange(&request).await
    }

    fn keep(
        &self,
        slot: &Slot,
        credential: &Credential,
        asked: &super::Now,
        answer: Result<TokenAnswer, ExchangeError>,
        file: &IonApiFile,
    ) -> Result<Arc<AccessToken>, FlightError> {
        let mut answer = answer.map_err(|error| explain(error, file))?;
        let refresh_token = answer.refresh_token.take();
        let token = Arc::new(AccessToken::new(credential.tenant_uid, asked, answer)?);
        slot.keep(Arc::clone(&token), refresh_token);
        Ok(token)
    }
}

fn own_grant(file: &IonApiFile) -> Result<GrantRequest<'_>, FlightError> {
    match (file.grant(), file.service_account()) {
        (Grant::Password, Some(ion::ServiceAccount { access_key, secret_key })) => {
            Ok(GrantRequest::Password { username: access_key, password: secret_key })
        }
        (Grant::ClientCredentials, _) => Ok(GrantRequest::ClientCredentials),
        (Grant::AuthorizationCode, _) | (Grant::Password, None) => {
            Err(FlightError::AuthorizationRequired)
        }
    }
}

fn explain(error: ExchangeError, file: &IonApiFile) -> FlightError {
    match error {
        ExchangeError::Refused(error) => {
            FlightError::Refused { error, advice: ion::advice(error, file.grant()) }
        }
        ExchangeError::Unreachable(what) => FlightError::Unavailable { what, retry_after: None },
        ExchangeError::Throttled { retry_after } => {
            FlightError::Unavailable { what: "it wants fewer requests", retry_after }
        }
        ExchangeError::Unavailable { what, retry_after } => {
            FlightError::Unavailable { what, retry_after }
        }
        ExchangeError::NoEndpoint => FlightError::Misbehaved("there is no token endpoint"),
        ExchangeError::Misbehaved(what) => FlightError::Misbehaved(what),
        ExchangeError::AddressNotAllowed(what) => FlightError::Address(what),
    }
}
