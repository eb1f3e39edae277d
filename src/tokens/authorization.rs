//! How a person gives a Web or mobile app its first tokens: the authorization code (RFC 6749,
//! section 4.1) with PKCE (RFC 7636).
//!
//! 1. [`Authorizations::start`] draws a `state` and a `code_verifier`, remembers them (`pending`)
//!    and says to which address of Infor the person's browser is to be sent (`request`).
//! 2. The person logs in there and agrees. Infor sends the browser to the file's redirect URI, with
//!    a code.
//! 3. [`Authorizations::complete`] takes that address apart (`redirect`) and looks whether it
//!    answers an authorization that the same caller began for the same version. One commit ends
//!    that one and charges the budgets, and only then the code is redeemed: a `state` is good for
//!    one code.
//!
//! From there on the account's tokens are renewed like all others. Tokens that it had before are
//! not given back to Infor: the server may hold one grant for each person and app, and would then
//! end the new ones, too.

mod pending;
mod proof;
mod redirect;
mod request;

use std::sync::Arc;
use std::time::SystemTime;

pub use redirect::{InvalidRedirect, REDIRECT_BYTES_MAX};

use crate::ion::{AuthorizationRefusal, HostNotAllowed};
use crate::model::{Caller, Credential, Grant, State, Version};
use crate::ports::{GrantRequest, OauthError};
use crate::secret::Secret;
use crate::vault::{OpenFileError, WriteError};

use super::apart::{Granted, Rider};
use super::journal::BeginError;
use super::{FlightError, TokenIssuer};
use pending::{AddError, Pending, Pendings};
use redirect::Redirect;
use request::AuthorizationRequest;

/// Has people authorize apps. Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct Authorizations(Arc<Inner>);

struct Inner {
    issuer: TokenIssuer,
    pendings: Pendings,
}

/// An authorization that a person can now give. No `Debug`: it would print the state.
pub struct StartedAuthorization {
    /// Where the person's browser goes; holds the state.
    pub authorization_uri: String,
    /// What the browser must bring back.
    pub state: Secret,
    /// When it is too late, by the vault's clock.
    pub expire_time: SystemTime,
}

/// Why no authorization was begun.
#[derive(Debug, thiserror::Error)]
pub enum StartAuthorizationError {
    /// The credential cannot be authorized as it is.
    #[error("the credential cannot be authorized")]
    Unfit(#[from] Unfit),
    /// The file could not be opened.
    #[error("the file could not be opened")]
    Open(#[from] OpenFileError),
    /// The operator does not approve the file's host any more.
    #[error("the host was refused")]
    Host(#[from] HostNotAllowed),
    /// As many as there may be are under way.
    #[error("too many authorizations are under way")]
    TooMany,
    /// It could not be written down.
    #[error("the authorization could not be written down")]
    Write(#[from] WriteError),
}

/// Why an authorization was not completed.
#[derive(Debug, thiserror::Error)]
pub enum CompleteAuthorizationError {
    /// The credential cannot be authorized as it is.
    #[error("the credential cannot be authorized")]
    Unfit(#[from] Unfit),
    /// The text is not the address that a browser is sent to after a log-in.
    #[error("the text is no redirect")]
    Redirect(#[from] InvalidRedirect),
    /// It answers no authorization that this caller began for this version of the credential, is
    /// not over and was not completed; or it does not come from where it should. Which of these
    /// it is nobody is told.
    #[error("the redirect answers no authorization that is under way")]
    State,
    /// The person came back without a code.
    #[error("infor gave no code: {0}")]
    Denied(AuthorizationRefusal),
    /// Infor did not accept the code: it is good for a minute or so, and once.
    #[error("infor did not accept the code")]
    CodeRefused,
    /// The code brought no token.
    #[error("the code brought no token")]
    Redeem(#[source] Arc<FlightError>),
    /// The store failed; the state may be used up.
    #[error("the authorization could not be read or ended")]
    Write(#[from] WriteError),
}

/// Why a credential cannot be authorized by a person, as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// It is deleted.
    #[error("the credential is deleted")]
    Deleted,
    /// No version serves.
    #[error("no version of the credential serves")]
    NoActiveVersion,
    /// Its app logs in without a person.
    #[error("the app logs in by itself")]
    NotNeeded,
}

impl Authorizations {
    /// Wires them.
    #[must_use]
    pub fn new(issuer: TokenIssuer) -> Self {
        let pendings = Pendings::new(issuer.0.vault.clone());
        Self(Arc::new(Inner { issuer, pendings }))
    }

    /// Begins an authorization. Asks nobody: the person's browser does.
    ///
    /// # Errors
    ///
    /// As [`StartAuthorizationError`] says.
    pub async fn start(
        &self,
        caller: &Caller,
        credential: &Arc<Credential>,
    ) -> Result<StartedAuthorization, StartAuthorizationError> {
        let Inner { issuer, pendings } = &*self.0;
        let version = fit(credential)?;
        let opened = issuer.0.vault.open_file(credential, version).await?;
        issuer.0.hosts.check(&opened.file, &opened.ca_certificates)?;
        let places = (opened.file.authorization_endpoint(), opened.file.redirect_uri());
        let (Some(endpoint), Some(redirect_uri)) = places else {
            return Err(Unfit::NotNeeded.into());
        };
        let state = proof::random_text().map_err(WriteError::from)?;
        let verifier = proof::random_text().map_err(WriteError::from)?;
        let authorization_uri = AuthorizationRequest {
            endpoint,
            client_id: opened.file.client_id(),
            redirect_uri,
            scope: opened.file.request_scope().as_deref(),
            ask_for_consent: opened.file.wants_offline_access(),
            state: str::from_utf8(state.expose()).unwrap_or_default(),
            code_challenge: &proof::challenge(&verifier),
        }
        .uri();
        let now = issuer.0.clock.now();
        let secrets = [&state, &verifier];
        let added = pendings.add(caller, (credential, version), redirect_uri, secrets, now).await;
        let expire_time = added.map_err(|error| match error {
            AddError::TooMany => StartAuthorizationError::TooMany,
            AddError::Write(error) => error.into(),
        })?;
        Ok(StartedAuthorization { authorization_uri, state, expire_time })
    }

    /// Completes an authorization with the address that the person's browser was sent to, and
    /// keeps the tokens that come of it. Goes on without a caller that gives up: a code is good
    /// for once.
    ///
    /// # Errors
    ///
    /// As [`CompleteAuthorizationError`] says.
    pub async fn complete(
        &self,
        caller: &Caller,
        credential: &Arc<Credential>,
        redirect: Secret,
    ) -> Result<(), CompleteAuthorizationError> {
        fit(credential)?;
        let completion = {
            let (own, caller) = (self.clone(), caller.clone());
            let credential = Arc::clone(credential);
            async move { own.0.complete(&caller, &credential, &redirect).await }
        };
        match self.0.issuer.0.flights.spawn(completion).await {
            Ok(completed) => completed,
            Err(_join) => Err(WriteError::Abandoned.into()),
        }
    }

    /// Forgets authorizations whose time is over. To be called now and then.
    ///
    /// # Errors
    ///
    /// As [`WriteError`] says; what was forgotten until then stays forgotten.
    pub async fn forget_expired(&self) -> Result<(), WriteError> {
        let Inner { issuer, pendings } = &*self.0;
        pendings.forget_expired(issuer.0.clock.now()).await
    }
}

impl Inner {
    async fn complete(
        &self,
        caller: &Caller,
        credential: &Arc<Credential>,
        redirect: &Secret,
    ) -> Result<(), CompleteAuthorizationError> {
        let version = fit(credential)?;
        let text = str::from_utf8(redirect.expose()).ok().ok_or(InvalidRedirect::NoQuery)?;
        let redirect = Redirect::parse(text)?;
        for _ in 0..CHARGES_MAX {
            let now = self.issuer.0.clock.now();
            let pending = self.pendings.find(credential, &redirect.state).await?;
            let pending = pending.filter(|pending| {
                pending.is_for(caller, version, now)
                    && redirect.is_to(pending.redirect_uri())
                    && redirect.is_from(&version.facts.authorization_server)
            });
            let pending = pending.ok_or(CompleteAuthorizationError::State)?;
            let code = match &redirect.outcome {
                Ok(code) => code,
                Err(refusal) => {
                    let first = self.pendings.end(&pending).await?;
                    return Err(match first {
                        true => CompleteAuthorizationError::Denied(*refusal),
                        false => CompleteAuthorizationError::State,
                    });
                }
            };
            match self.redeem(credential, version, &pending, code).await {
                Ok(granted) => {
                    let adopted = self.issuer.0.adopt(credential, version, granted).await;
                    return adopted.map(drop).map_err(CompleteAuthorizationError::Redeem);
                }
                // Somebody else ended it, or charged the same budget: look again.
                Err(BeginError::Conflict) => {}
                Err(BeginError::Flight(FlightError::Refused {
                    error: OauthError::InvalidGrant,
                    ..
                })) => return Err(CompleteAuthorizationError::CodeRefused),
                Err(BeginError::Flight(error)) => {
                    return Err(CompleteAuthorizationError::Redeem(Arc::new(error)));
                }
            }
        }
        Err(WriteError::Contended.into())
    }

    /// Trades the code. The authorization ends in the commit that charges the budgets for it.
    async fn redeem(
        &self,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
        pending: &Pending,
        code: &Secret,
    ) -> Result<Granted, BeginError> {
        let issuer = &self.issuer;
        let opened = issuer.0.vault.open_file(credential, version).await;
        let opened = opened.map_err(FlightError::from)?;
        let grant = GrantRequest::AuthorizationCode {
            code,
            redirect_uri: pending.redirect_uri(),
            code_verifier: &pending.verifier,
        };
        let (expectation, write) = pending.removal();
        let rider = Rider { expects: vec![expectation], writes: vec![write] };
        let proven = issuer.standing(version).last_success.is_some();
        issuer.0.ask_apart(&opened, &version.facts, grant, proven, rider).await
    }
}

/// The version that a person can authorize.
fn fit(credential: &Credential) -> Result<&Arc<Version>, Unfit> {
    if credential.state != State::Active {
        return Err(Unfit::Deleted);
    }
    let version = credential.active().ok_or(Unfit::NoActiveVersion)?;
    if version.facts.grant != Grant::AuthorizationCode {
        return Err(Unfit::NotNeeded);
    }
    Ok(version)
}

/// Others charge the same budget only while they ask Infor, which its limits bound.
const CHARGES_MAX: u32 = 8;
