//! What a flight does: the grants, their order, and what each answer means.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::ion::{IonApiFile, ServiceAccount};
use crate::model::Grant;
use crate::ports::{ExchangeError, GrantRequest, OauthError, Target, TokenAnswer, TokenRequest};

use super::access_token::AccessToken;
use super::account::GrantKind;
use super::flight::{Flight, FlightError, Purpose};
use super::journal::{BeginError, Journal};
use super::servers::{self, RefreshRotation};
use super::{Inner, budget};

impl Inner {
    /// Asks Infor for a token: with the refresh token if there is one that may be redeemed, else, or
    /// if Infor refuses that one, with the file's own grant. What it comes to is in the store before
    /// this returns.
    pub(super) async fn exchange(&self, flight: &Flight) -> Result<Arc<AccessToken>, FlightError> {
        let Flight { slot, credential, version, purpose } = flight;
        slot.set_user(&credential.name);
        let opened = self.vault.open_file(credential, version).await?;
        let target = self.hosts.check(&opened.file, &opened.ca_certificates)?;
        let server = self.servers.of(&version.facts.authorization_server);
        let mut journal = Journal::open(self, flight).await?;
        if *purpose == Purpose::Recovery && !self.worth_retrying(&journal, &opened.file) {
            journal.abandon_intent().await?;
            return Err(FlightError::AskAgain);
        }
        // Whoever has nothing to send is told so, however the server does.
        self.choose(&journal, &opened.file, *purpose)?;
        let passage = server.enter().await?;
        for _ in 0..ATTEMPTS_MAX {
            let kind = self.choose(&journal, &opened.file, *purpose)?;
            let attempt = budget::Attempt {
                server: &version.facts.authorization_server,
                client_id: &version.facts.client_id,
                infor_tenant: &version.facts.infor_tenant,
                login: kind == GrantKind::Own,
                proven: journal.is_proven(),
                early: purpose.is_optional(),
            };
            match journal.begin(kind, &attempt).await {
                Ok(()) => {}
                // Somebody revoked the tokens meanwhile, or charged the same budget.
                Err(BeginError::Conflict) => continue,
                Err(BeginError::Flight(error)) => return Err(error),
            }
            let asked = self.now();
            let grant = match (kind, journal.refresh_token()) {
                (GrantKind::Refresh, Some(token)) => GrantRequest::RefreshToken(token),
                (GrantKind::Refresh, None) | (GrantKind::Own, _) => own_grant(&opened.file)?,
            };
            match self.ask(&target, &opened.file, grant).await {
                Ok(answer) => {
                    passage.report(servers::health_of(None));
                    return journal.granted(kind, &asked, answer, &opened).await;
                }
                // A client that is refused with one grant is refused with the other, too: that
                // would only spend a log-in.
                Err(ExchangeError::Refused(error))
                    if kind == GrantKind::Refresh && error != OauthError::InvalidClient =>
                {
                    journal.refresh_token_refused().await?;
                    if *purpose == Purpose::Recovery {
                        passage.report(servers::health_of(None));
                        return Err(FlightError::AskAgain);
                    }
                }
                Err(error) => {
                    passage.report(servers::health_of(Some(&error)));
                    return Err(journal.failed(kind, &error).await?);
                }
            }
        }
        Err(FlightError::AskAgain)
    }

    /// One token request.
    pub(super) async fn ask(
        &self,
        target: &Target,
        file: &IonApiFile,
        grant: GrantRequest<'_>,
    ) -> Result<TokenAnswer, ExchangeError> {
        let scope = match &grant {
            // A code stands for the scopes that it was asked for with (RFC 6749, section 4.1.3).
            GrantRequest::AuthorizationCode { .. } => None,
            GrantRequest::Password { .. }
            | GrantRequest::ClientCredentials
            | GrantRequest::RefreshToken(_) => file.request_scope(),
        };
        let request = TokenRequest {
            target,
            client_id: file.client_id(),
            client_secret: file.client_secret(),
            grant,
            scope: scope.as_deref(),
        };
        match timeout(ASK_TIME_MAX, self.endpoint.exchange(&request)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(ExchangeError::Unavailable {
                what: "it did not answer in time",
                retry_after: None,
            }),
        }
    }

    fn choose(
        &self,
        journal: &Journal<'_>,
        file: &IonApiFile,
        purpose: Purpose,
    ) -> Result<GrantKind, FlightError> {
        let may_refresh = journal.refresh_token().is_some() && self.may_redeem(journal, file);
        let asks_for_the_file =
            purpose == Purpose::Test && file.grant() != Grant::AuthorizationCode;
        if may_refresh && !asks_for_the_file {
            return Ok(GrantKind::Refresh);
        }
        own_grant(file).map(|_| GrantKind::Own)
    }

    /// Whether the refresh token may be sent once more, given how often it was sent without a word
    /// of what came of it.
    fn may_redeem(&self, journal: &Journal<'_>, file: &IonApiFile) -> bool {
        if file.grant() == Grant::AuthorizationCode {
            // There is nothing else to try; the worst that a replay does is to end what cannot be
            // used anyway.
            return true;
        }
        let configured = self.servers.of(journal.server()).configured_rotation();
        let most = match configured.or(journal.rotation()) {
            Some(RefreshRotation::Strict) => 1,
            Some(RefreshRotation::Grace) | None => 2,
            Some(RefreshRotation::None) => u32::MAX,
        };
        journal.redemptions() < most
    }

    /// Whether an interrupted attempt should be made again before anybody asks: only a refresh
    /// token, which a server may forgive to be sent again, but not for long.
    fn worth_retrying(&self, journal: &Journal<'_>, file: &IonApiFile) -> bool {
        journal.interrupted() == Some(GrantKind::Refresh)
            && journal.refresh_token().is_some()
            && self.may_redeem(journal, file)
    }
}

/// The grant that needs nothing but the file.
pub(super) fn own_grant(file: &IonApiFile) -> Result<GrantRequest<'_>, FlightError> {
    match (file.grant(), file.service_account()) {
        (Grant::Password, Some(ServiceAccount { access_key, secret_key })) => {
            Ok(GrantRequest::Password { username: access_key, password: secret_key })
        }
        (Grant::ClientCredentials, _) => Ok(GrantRequest::ClientCredentials),
        (Grant::AuthorizationCode, _) | (Grant::Password, None) => {
            Err(FlightError::AuthorizationRequired)
        }
    }
}

/// The refresh token, then the file's own grant; each once more if somebody else wrote meanwhile.
const ATTEMPTS_MAX: u32 = 4;

/// The port promises ten seconds. An endpoint that breaks its promise must not keep an account for
/// ever.
pub(super) const ASK_TIME_MAX: Duration = Duration::from_secs(12);
