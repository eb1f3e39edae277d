//! Uploads that are tried at Infor before they are stored.

use std::sync::Arc;

use crate::model::{Credential, Health, Version};
use crate::vault::{
    Activation, CheckedUpload, Novelty, OpenedFile, Upload, UploadError, Uploaded, WriteError,
};

use super::super::diagnosis::{Diagnosis, Subject, TokenFacts};
use super::super::flight::FlightError;
use super::super::{TokenIssuer, apart};
use super::Tried;

/// Whether Infor is asked before an upload is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verification {
    /// It is; the upload fails only if it refuses for good.
    BestEffort,
    /// It is; the upload fails unless it grants a token.
    Required,
    /// It is not.
    Skip,
}

/// What an upload came to.
#[derive(Debug)]
pub struct VerifiedUpload {
    /// In the vault, or what it would be there.
    pub uploaded: Uploaded,
    /// At Infor; `None` if that was not asked, and no living token answers for it.
    pub diagnosis: Option<Diagnosis>,
}

/// Why an upload failed. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum VerifyUploadError {
    /// The vault did not take it.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Infor did not accept the file, or that is not known and has to be.
    #[error("the file was not accepted by the authorization server")]
    Verify(#[source] Arc<FlightError>),
}

impl TokenIssuer {
    /// Takes a file in, once Infor was asked about it as `verification` says. With `validate_only`
    /// nothing is stored, and Infor is asked only if that is required.
    ///
    /// Goes on to its end whether or not the caller waits: what Infor grants must not get lost.
    ///
    /// # Errors
    ///
    /// As [`VerifyUploadError`] says.
    pub async fn upload(
        &self,
        upload: Upload,
        verification: Verification,
        validate_only: bool,
    ) -> Result<VerifiedUpload, VerifyUploadError> {
        let issuer = self.clone();
        let work = async move {
            match (verification, validate_only) {
                (Verification::Skip, _) | (Verification::BestEffort, true) => {
                    let checked = issuer.0.vault.check(upload)?;
                    let uploaded = issuer.store(checked, validate_only).await?;
                    Ok(VerifiedUpload { uploaded, diagnosis: None })
                }
                (Verification::BestEffort | Verification::Required, _) => {
                    issuer.verified(upload, verification, validate_only).await
                }
            }
        };
        self.0
            .flights
            .spawn(work)
            .await
            .map_err(|_join| UploadError::from(WriteError::Abandoned))?
    }

    async fn store(&self, upload: CheckedUpload, dry: bool) -> Result<Uploaded, UploadError> {
        let vault = &self.0.vault;
        if dry { vault.foresee(&upload).await } else { vault.upload(upload).await }
    }

    async fn verified(
        &self,
        upload: Upload,
        verification: Verification,
        validate_only: bool,
    ) -> Result<VerifiedUpload, VerifyUploadError> {
        let tenant = upload.name.tenant.clone();
        let mut checked = self.0.vault.check(upload)?;
        let opened = Arc::clone(checked.opened());
        let _turn = self.0.turns.of(&tenant, opened.file.client_id()).await;
        let foreseen = self.0.vault.foresee(&checked).await?;
        let Evidence { diagnosis, error, gain } =
            self.evidence(&opened, &foreseen, verification).await;
        if let Some(error) = error {
            if fails(&error, verification) || diagnosis.is_none() {
                return Err(VerifyUploadError::Verify(error));
            }
            checked = checked.activated(self.unless_another_serves());
        }
        let uploaded = self.store(checked, validate_only).await;
        if let Some(gain) = gain {
            let stored = uploaded.as_ref().ok().filter(|_| !validate_only);
            match stored.and_then(|stored| Some((&stored.credential, stored.held_by()?))) {
                // Whatever comes of it was logged; the version is stored either way.
                Some((credential, version)) => {
                    drop(self.0.adopt(credential, version, gain).await);
                }
                None => self.0.give_back(&opened, gain).await,
            }
        }
        Ok(VerifiedUpload { uploaded: uploaded?, diagnosis })
    }

    /// What is known of the file, from Infor if it takes that.
    async fn evidence(
        &self,
        opened: &OpenedFile,
        foreseen: &Uploaded,
        verification: Verification,
    ) -> Evidence {
        let Uploaded { credential, novelty, .. } = foreseen;
        let Some(version) = foreseen.held_by() else { return Evidence::default() };
        let environment = credential.labels.get("environment");
        let subject = Subject { facts: &version.facts, environment };
        let refused = || self.health(version) == Health::Refused;
        if let Some(token) = self.kept(version) {
            let granted = self.0.granted(version, &token);
            let diagnosis = Some(Diagnosis::accepted(subject, granted, None));
            return Evidence { diagnosis, ..Evidence::default() };
        }
        let known = match novelty {
            // It was answered then.
            Novelty::Repeated { .. } => return Evidence::default(),
            Novelty::Held if verification == Verification::BestEffort && !refused() => {
                return Evidence::default();
            }
            Novelty::Held => Some((Arc::clone(credential), Arc::clone(version))),
            Novelty::Added => self.same_account(credential, version),
        };
        match known {
            Some((credential, version)) => {
                let Tried { diagnosis, error } =
                    self.0.try_kept(&credential, &version, subject).await;
                Evidence { diagnosis, error, gain: None }
            }
            None => self.try_new(opened, subject).await,
        }
    }

    /// Tries a file whose account the vault does not know.
    async fn try_new(&self, opened: &OpenedFile, subject: Subject<'_>) -> Evidence {
        let inner = &self.0;
        let began = inner.now();
        match inner.try_file(opened, subject.facts).await {
            Ok(gain) => {
                let granted = TokenFacts {
                    lifetime: gain.answer.expires_in,
                    scopes: gain.answer.scopes.as_deref(),
                    refresh_token: gain.answer.refresh_token.is_some(),
                };
                let attempt = inner.attempt(subject, began, Ok(granted));
                let diagnosis = Some(Diagnosis::accepted(subject, granted, attempt));
                Evidence { diagnosis, error: None, gain: Some(gain) }
            }
            Err(error) => {
                let attempt = inner.attempt(subject, began, Err(&error));
                let diagnosis = Diagnosis::failed(subject, &error, attempt);
                Evidence { diagnosis, error: Some(Arc::new(error)), gain: None }
            }
        }
    }

    /// A version in the same tenant that logs in as the same account.
    fn same_account(
        &self,
        credential: &Credential,
        version: &Version,
    ) -> Option<(Arc<Credential>, Arc<Version>)> {
        let all = self.0.vault.credentials_of(&credential.name.tenant);
        all.into_iter().find_map(|other| {
            let same = other.versions.iter().find(|kept| kept.account == version.account)?;
            let same = Arc::clone(same);
            Some((other, same))
        })
    }

    /// A version that is not known to work must not push aside one that may. One that Infor
    /// refuses, or that waits for a person, does not.
    fn unless_another_serves(&self) -> Activation {
        let issuer = self.clone();
        Activation::Unless(Box::new(move |active| {
            !matches!(issuer.health(active), Health::Refused | Health::AuthorizationRequired)
        }))
    }
}

/// Whether an upload fails because there is no token: with best effort, only if time does not
/// change that.
fn fails(error: &FlightError, verification: Verification) -> bool {
    verification == Verification::Required
        || matches!(
            error,
            FlightError::Refused { .. } | FlightError::Host(_) | FlightError::Address(_)
        )
}

/// What is known of a file before it is stored.
#[derive(Default)]
struct Evidence {
    diagnosis: Option<Diagnosis>,
    /// Why there is no token, where one was asked for.
    error: Option<Arc<FlightError>>,
    /// A token for an account that does not exist yet.
    gain: Option<apart::Granted>,
}
