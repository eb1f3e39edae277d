//! Asking Infor because somebody wants to know whether it accepts a file, not because a token is
//! due.
//!
//! A file that the vault keeps is tried by a flight of its account, as callers' flights are: what
//! comes of it is journalled, kept and shown. A file that is being uploaded is nobody's account yet:
//! it is tried beside (`trial`), and what Infor grants is adopted by the account once there is one.

mod trial;
mod turns;
mod upload;

use std::sync::Arc;

use crate::model::{Credential, State, Version, VersionNumber};

use super::access_token::AccessToken;
use super::diagnosis::{Attempt, Diagnosis, Subject, TokenFacts};
use super::flight::FlightError;
use super::{Inner, Now, TokenIssuer};

pub(super) use turns::Turns;
pub use upload::{Verification, VerifiedUpload, VerifyUploadError};

/// What a test came to.
#[derive(Debug)]
pub struct Tested {
    /// The version that was tried.
    pub version: Arc<Version>,
    /// What Infor made of it.
    pub diagnosis: Diagnosis,
}

/// Why there is no diagnosis.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The credential is deleted.
    #[error("the credential is deleted")]
    Deleted,
    /// No version serves.
    #[error("no version of the credential serves")]
    NoActiveVersion,
    /// There is no such version, or it made room for a newer one.
    #[error("there is no such version")]
    NoSuchVersion,
    /// The vault itself could not do it.
    #[error("the file could not be tried")]
    Flight(#[source] Arc<FlightError>),
}

impl TokenIssuer {
    /// Asks Infor for a token now with the file of a version (the one that serves if none is named),
    /// whatever was kept or refused before. A token that comes of it is kept.
    ///
    /// # Errors
    ///
    /// As [`TestError`] says. That Infor refuses is no error but a diagnosis.
    pub async fn test(
        &self,
        credential: &Arc<Credential>,
        version: Option<VersionNumber>,
    ) -> Result<Tested, TestError> {
        if credential.state != State::Active {
            return Err(TestError::Deleted);
        }
        let version = match version {
            None => credential.active().ok_or(TestError::NoActiveVersion)?,
            Some(number) => credential.version(number).ok_or(TestError::NoSuchVersion)?,
        };
        let environment = credential.labels.get("environment");
        let subject = Subject { facts: &version.facts, environment };
        let diagnosis = match self.0.try_kept(credential, version, subject).await {
            Tried { diagnosis: Some(diagnosis), .. } => diagnosis,
            // There is no diagnosis without a token or an error.
            Tried { diagnosis: None, error } => {
                let error = error.unwrap_or_else(|| Arc::new(FlightError::Abandoned));
                return Err(TestError::Flight(error));
            }
        };
        Ok(Tested { version: Arc::clone(version), diagnosis })
    }
}

/// What trying a file came to.
struct Tried {
    /// `None` if the vault itself is in trouble, and nothing is known of the file.
    diagnosis: Option<Diagnosis>,
    /// Why there is no token; `None` if there is one.
    error: Option<Arc<FlightError>>,
}

impl Inner {
    /// Tries the file of a version that the vault keeps.
    async fn try_kept(
        self: &Arc<Self>,
        credential: &Arc<Credential>,
        version: &Arc<Version>,
        subject: Subject<'_>,
    ) -> Tried {
        let began = self.now();
        match self.test(credential, version).await {
            Ok(token) => {
                let granted = self.granted(version, &token);
                let attempt = self.attempt(subject, began, Ok(granted));
                let diagnosis = Some(Diagnosis::accepted(subject, granted, attempt));
                Tried { diagnosis, error: None }
            }
            Err(error) => {
                let attempt = self.attempt(subject, began, Err(&error));
                let diagnosis = Diagnosis::failed(subject, &error, attempt);
                Tried { diagnosis, error: Some(error) }
            }
        }
    }

    /// What is known of the token that the account holds.
    fn granted<'a>(&self, version: &Version, token: &'a AccessToken) -> TokenFacts<'a> {
        let slot = self.accounts.find(&version.account);
        TokenFacts {
            lifetime: token.lifetime,
            scopes: token.scopes.as_deref(),
            refresh_token: slot.is_some_and(|slot| slot.standing().has_refresh_token),
        }
    }

    /// What was sent to Infor since `began`, if anything was.
    fn attempt(
        &self,
        subject: Subject<'_>,
        began: Now,
        came: Result<TokenFacts<'_>, &FlightError>,
    ) -> Option<Attempt> {
        let took = self.now().monotonic.saturating_duration_since(began.monotonic);
        Attempt::of(subject, (began.wall, took), came)
    }
}
