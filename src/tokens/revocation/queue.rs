//! Telling Infor, until it has answered or the tokens are dead.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ion::HostNotAllowed;
use crate::model::TenantId;
use crate::ports::{
    CommitError, ExchangeError, Expectation, OauthError, Revision, RevocationRequest,
    SCAN_LIMIT_MAX, StoreError, TokenKind, Write,
};
use crate::sealing::{RecordKind, StoreKey};
use crate::tokens::jitter::Jitter;
use crate::tokens::servers::{self, NotNow};
use crate::tokens::{Inner, backoff};

use super::RevokeError;
use super::record::Revoked;

/// A revocation that lies in the store.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::tokens) struct Pending {
    key: StoreKey,
    tenant: TenantId,
    /// How often Infor was told without success, since the start.
    failures: u32,
}

/// Why Infor was not told, or did not confirm.
#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error("the host is not approved any more")]
    Host(#[from] HostNotAllowed),
    /// A dead server must not keep the places that revocations at others need.
    #[error(transparent)]
    Server(#[from] NotNow),
    #[error("the revocation was not granted")]
    Exchange(#[from] ExchangeError),
    #[error("the record names no endpoint or certificates")]
    Record,
}

/// What telling Infor came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::tokens) enum Told {
    /// It confirmed, or there is nothing left to tell.
    Done,
    /// It takes such tokens back from nobody.
    Unsupported,
    /// It is to be told again after this time.
    Again(Duration),
}

impl Pending {
    pub(super) fn new(key: StoreKey, tenant: TenantId) -> Self {
        Self { key, tenant, failures: 0 }
    }
}

impl Inner {
    /// Enters what earlier processes did not finish.
    pub(in crate::tokens) async fn load_revocations(&self) -> Result<(), StoreError> {
        let tenants = self.vault.tenants();
        let mut after: Option<StoreKey> = None;
        loop {
            let kind = [RecordKind::Revocation as u8];
            let found = self.vault.store().scan(&kind, after.as_ref(), SCAN_LIMIT_MAX).await?;
            for (key, stored) in &found {
                if let Some(tenant) = tenants.get(&stored.record.tenant_uid()) {
                    self.enter(Pending::new(key.clone(), tenant.clone()), Duration::ZERO);
                }
            }
            after = match found.last() {
                Some((key, _)) if found.len() == SCAN_LIMIT_MAX => Some(key.clone()),
                Some(_) | None => return Ok(()),
            };
        }
    }

    /// Has Infor told as revocations become due, until `drain` is cancelled.
    pub(in crate::tokens) async fn revoke_in_time(self: &Arc<Self>, drain: &CancellationToken) {
        while let Some(pending) = drain.run_until_cancelled(self.revocations.next()).await {
            drop(self.tell_soon(pending));
        }
    }

    /// Has Infor told in a task of its own. Here it says what came of it.
    pub(in crate::tokens) fn tell_soon(
        self: &Arc<Self>,
        pending: Pending,
    ) -> oneshot::Receiver<Told> {
        let (sender, receiver) = oneshot::channel();
        let inner = Arc::clone(self);
        self.flights.spawn(async move {
            let told = inner.tell(&pending).await;
            if let Told::Again(wait) = told {
                let failures = pending.failures.saturating_add(1);
                inner.enter(Pending { failures, ..pending }, wait);
            }
            // Whoever waited may have gone.
            let _gone = sender.send(told);
        });
        receiver
    }

    pub(in crate::tokens) fn enter(&self, pending: Pending, wait: Duration) {
        if self.revocations.len() < PENDING_MAX {
            self.revocations.enter(Instant::now() + wait, pending);
        } else {
            tracing::error!("too many revocations wait: this one waits for the next start");
        }
    }

    async fn tell(&self, pending: &Pending) -> Told {
        // The semaphore is never closed.
        let Ok(_place) = self.revoking.acquire().await else { return Told::Again(LATER) };
        match self.try_to_tell(pending).await {
            Ok(told) => told,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(tenant = %pending.tenant, error, "a revocation cannot be made");
                Told::Again(LATER)
            }
        }
    }

    async fn try_to_tell(&self, pending: &Pending) -> Result<Told, RevokeError> {
        let Pending { key, tenant, failures } = pending;
        let Some(stored) = self.vault.store().get(key).await? else { return Ok(Told::Done) };
        // Without the tenant's key the tokens are destroyed, too.
        let Some(sealing_key) = self.vault.tenant_key(tenant)? else { return Ok(Told::Done) };
        let revoked = Revoked::open(self.vault.keyring(), &sealing_key, key, &stored.record)?;
        if revoked.is_dead(self.clock.now()) {
            tracing::warn!(%tenant, "tokens expired before Infor confirmed that they are revoked");
            self.remove(key, stored.revision).await?;
            return Ok(Told::Done);
        }
        match self.tell_all(&revoked).await {
            Ok(told) => {
                self.remove(key, stored.revision).await?;
                Ok(told)
            }
            Err(failure) => {
                let wait = failure.wait(failures.saturating_add(1), &self.jitter);
                let error = &failure as &dyn std::error::Error;
                tracing::warn!(%tenant, error, ?wait, "Infor has not revoked tokens yet");
                Ok(Told::Again(wait))
            }
        }
    }

    /// The refresh token first: with it ends the whole grant, and at some servers its access tokens.
    async fn tell_all(&self, revoked: &Revoked) -> Result<Told, TellError> {
        let (client, client_secret) = &revoked.client;
        let anchors = client.anchors().ok_or(TellError::Record)?;
        let endpoint = client.revocation_endpoint.parse().ok().ok_or(TellError::Record)?;
        let target = &self.hosts.target(&endpoint, &anchors)?;
        let request = |token, kind| RevocationRequest {
            target,
            client_id: &client.client_id,
            client_secret,
            token,
            kind,
        };
        let passage = self.revocation_servers.of(&client.revocation_endpoint).enter().await?;
        let tokens = [
            (&revoked.refresh_token, TokenKind::Refresh),
            (&revoked.access_token, TokenKind::Access),
        ];
        let mut confirmed = false;
        for (token, kind) in tokens {
            let Some(token) = token else { continue };
            match self.tell_one(request(token, kind)).await {
                Ok(told) => confirmed |= told,
                Err(error) => {
                    passage.report(servers::health_of(Some(&error)));
                    return Err(error.into());
                }
            }
        }
        passage.report(servers::health_of(None));
        Ok(if confirmed { Told::Done } else { Told::Unsupported })
    }

    /// Whether Infor confirmed it; `false` if it takes no tokens of this kind back.
    async fn tell_one(&self, request: RevocationRequest<'_>) -> Result<bool, ExchangeError> {
        match self.endpoint.revoke(&request).await {
            Ok(()) => Ok(true),
            Err(ExchangeError::Refused(OauthError::UnsupportedTokenType)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn remove(&self, key: &StoreKey, revision: Revision) -> Result<(), StoreError> {
        let expects = vec![Expectation { key: key.clone(), revision: Some(revision) }];
        match self.vault.store().commit(expects, vec![Write::Delete(key.clone())]).await {
            // Somebody else has told Infor meanwhile.
            Ok(_) | Err(CommitError::Conflict) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }
}

impl TellError {
    /// How long to leave it at that, after so many failures in a row.
    fn wait(&self, failures: u32, jitter: &Jitter) -> Duration {
        match self {
            // Somebody has to change something first, as for an account that was refused.
            Self::Host(_)
            | Self::Record
            | Self::Exchange(
                ExchangeError::Refused(_)
                | ExchangeError::NoEndpoint
                | ExchangeError::AddressNotAllowed(_),
            ) => backoff::reprobe(failures, jitter),
            // Those that wait for one server are spread: it is probed by one at a time.
            Self::Server(NotNow { retry_after, .. }) => {
                backoff::backoff(failures, Some(*retry_after), jitter)
            }
            Self::Exchange(
                ExchangeError::Throttled { retry_after }
                | ExchangeError::Unavailable { retry_after, .. },
            ) => backoff::backoff(failures, *retry_after, jitter),
            Self::Exchange(ExchangeError::Unreachable(_) | ExchangeError::Misbehaved(_)) => {
                backoff::backoff(failures, None, jitter)
            }
        }
    }
}

/// Bounds the memory of what waits: 300 bytes each, 20 MiB. The store keeps the others.
const PENDING_MAX: usize = 65_536;

/// Bounds the connections for revocations, beside those for tokens, all servers together: nobody
/// waits for them. One that hangs has all of them until its breaker opens, and then one.
pub(in crate::tokens) const REVOKING_MAX: usize = 16;

/// When the store is asked again after it failed.
const LATER: Duration = Duration::from_secs(60);
