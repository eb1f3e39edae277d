//! Changing a credential that is there: labels, active version, state.

use std::sync::Arc;

use crate::model::{Credential, CredentialName, InvalidLabels, Labels, State, VersionNumber};
use crate::ports::{Expectation, Write};

use super::directory::{Entry, IntegrityFailure};
use super::request_id::{Claim, Known, RequestStamp};
use super::{Inner, Vault, WriteError, records};

/// Only another replica, or the same request id in two tenants at once, can get in the way of a
/// commit under the tenant's lock; more than a few times in a row is not chance.
pub(super) const COMMIT_ATTEMPTS_MAX: u32 = 3;

/// Why a change did not happen. Nothing was changed, unless [`WriteError`] says otherwise. `R` is
/// what the state of the credential has against it.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<R: std::error::Error> {
    /// There is no such credential.
    #[error("no such credential")]
    NotFound,
    /// The credential is in another state than the caller believes.
    #[error("the credential was changed meanwhile")]
    EtagMismatch,
    /// The request id was used for another request.
    #[error("the request id was used for another request")]
    RequestIdReused,
    /// The credential's state does not allow it.
    #[error(transparent)]
    Refused(R),
    /// There is a record for this name, and it does not open.
    #[error("the credential is damaged")]
    Damaged(#[from] IntegrityFailure),
    /// The change could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Why a credential does not get these labels.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unlabelable {
    /// The credential is deleted; it must be undeleted first.
    #[error("the credential is deleted")]
    Deleted,
    /// Together with those it has, they are no labels.
    #[error(transparent)]
    Labels(#[from] InvalidLabels),
}

/// The credential is not deleted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the credential is not deleted")]
pub struct NotDeleted;

/// Why a version cannot serve.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unactivatable {
    /// The credential is deleted; it must be undeleted first.
    #[error("the credential is deleted")]
    Deleted,
    /// There is no such version, or it was purged.
    #[error("no such version")]
    NoSuchVersion,
}

/// What a change builds on.
struct Base {
    name: CredentialName,
    etag: Option<String>,
    request: Option<RequestStamp>,
}

impl Vault {
    /// Replaces the labels of a credential by what `change` makes of them.
    ///
    /// # Errors
    ///
    /// As [`ChangeError`] says.
    pub async fn update_labels(
        &self,
        name: CredentialName,
        etag: Option<String>,
        change: impl Fn(&Labels) -> Result<Labels, InvalidLabels> + Send + Sync + 'static,
    ) -> Result<Arc<Credential>, ChangeError<Unlabelable>> {
        self.change(Base { name, etag, request: None }, move |before| {
            if before.state != State::Active {
                return Err(Unlabelable::Deleted);
            }
            Ok(Credential { labels: change(&before.labels)?, ..before.clone() })
        })
        .await
    }

    /// Has this version serve.
    ///
    /// # Errors
    ///
    /// As [`ChangeError`] says.
    pub async fn activate(
        &self,
        name: CredentialName,
        version: VersionNumber,
        etag: Option<String>,
        request: Option<RequestStamp>,
    ) -> Result<Arc<Credential>, ChangeError<Unactivatable>> {
        self.change(Base { name, etag, request }, move |before| {
            if before.state != State::Active {
                return Err(Unactivatable::Deleted);
            }
            before.version(version).ok_or(Unactivatable::NoSuchVersion)?;
            Ok(Credential { active_version: version, ..before.clone() })
        })
        .await
    }

    /// Marks a credential as deleted, so that it serves no more.
    ///
    /// # Errors
    ///
    /// As [`ChangeError`] says.
    pub async fn delete(
        &self,
        name: CredentialName,
        etag: Option<String>,
        request: Option<RequestStamp>,
    ) -> Result<Arc<Credential>, ChangeError<std::convert::Infallible>> {
        let clock = Arc::clone(&self.0.clock);
        self.change(Base { name, etag, request }, move |before| {
            let state = match before.state {
                State::Active => State::Deleted(records::whole_micros(clock.now())),
                deleted @ State::Deleted(_) => deleted,
            };
            Ok(Credential { state, ..before.clone() })
        })
        .await
    }

    /// Takes a deletion back.
    ///
    /// # Errors
    ///
    /// As [`ChangeError`] says.
    pub async fn undelete(
        &self,
        name: CredentialName,
        etag: Option<String>,
        request: Option<RequestStamp>,
    ) -> Result<Arc<Credential>, ChangeError<NotDeleted>> {
        self.change(Base { name, etag, request }, |before| match before.state {
            State::Active => Err(NotDeleted),
            State::Deleted(_) => Ok(Credential { state: State::Active, ..before.clone() }),
        })
        .await
    }

    /// `next` says what becomes of the credential; what it makes of revision and update time does
    /// not matter.
    async fn change<R: std::error::Error + Send + 'static>(
        &self,
        base: Base,
        next: impl Fn(&Credential) -> Result<Credential, R> + Send + Sync + 'static,
    ) -> Result<Arc<Credential>, ChangeError<R>> {
        let (inner, room) = (Arc::clone(&self.0), self.begin_change()?);
        let change = async move {
            let _room = room;
            inner.change(&base, &next).await
        };
        self.0.changes.spawn(change).await.map_err(|_join| WriteError::Abandoned)?
    }
}

impl Inner {
    async fn change<R: std::error::Error>(
        &self,
        base: &Base,
        next: &(impl Fn(&Credential) -> Result<Credential, R> + Sync),
    ) -> Result<Arc<Credential>, ChangeError<R>> {
        let _lock = self.locks.lock(&base.name.tenant).await.ok_or(WriteError::Abandoned)?;
        for _ in 0..COMMIT_ATTEMPTS_MAX {
            match self.try_change(base, next).await {
                Err(ChangeError::Write(WriteError::Contended)) => {}
                done => return done,
            }
        }
        Err(WriteError::Contended.into())
    }

    async fn try_change<R: std::error::Error>(
        &self,
        base: &Base,
        next: &(impl Fn(&Credential) -> Result<Credential, R> + Sync),
    ) -> Result<Arc<Credential>, ChangeError<R>> {
        let name = &base.name;
        if self.directory.find(name).is_none() {
            self.directory.absent(&self.keyring, name)?;
            return Err(ChangeError::NotFound);
        }
        let tenant = self.directory.tenant_entry(&name.tenant).ok_or(ChangeError::NotFound)?;
        let before = tenant.get(&name.credential).ok_or(ChangeError::NotFound)?;
        let claim = match &base.request {
            None => None,
            Some(stamp) => match self.known(stamp, &[]).await? {
                Known::New(claim) => Some(claim),
                Known::Reused => return Err(ChangeError::RequestIdReused),
                Known::Done(_) => return Ok(before.credential),
            },
        };
        if base.etag.as_ref().is_some_and(|etag| !before.credential.etag().matches(etag)) {
            return Err(ChangeError::EtagMismatch);
        }
        let after = next(&before.credential).map_err(ChangeError::Refused)?;
        if same_state(&before.credential, &after) {
            self.remember(claim, &before, None).await?;
            return Ok(before.credential);
        }
        Ok(self.commit_change(&tenant.tenant, &before, after, claim).await?)
    }

    async fn commit_change(
        &self,
        tenant: &super::tenant::Tenant,
        before: &Entry,
        mut after: Credential,
        claim: Option<Claim>,
    ) -> Result<Arc<Credential>, WriteError> {
        let now = records::whole_micros(self.clock.now());
        after.revision = before.credential.revision + 1;
        after.update_time = now;
        let sealing_key = tenant.key(&self.keyring)?;
        let (key, record) = records::seal_credential(&self.keyring, &sealing_key, &after)?;
        let mut expects = vec![Expectation { key: key.clone(), revision: Some(before.stored) }];
        let mut writes = vec![Write::Put(key, record)];
        if let Some(claim) = claim {
            expects.push(claim.expectation.clone());
            writes.push(claim.write(&self.keyring, now, None)?);
        }
        let stored = self.store.commit(expects, writes).await?;
        let credential = Arc::new(after);
        self.publish(&Entry { credential: Arc::clone(&credential), stored });
        Ok(credential)
    }
}

/// Whether everything that the etag covers is as it was.
fn same_state(one: &Credential, other: &Credential) -> bool {
    one.labels == other.labels
        && one.active_version == other.active_version
        && one.state == other.state
}
