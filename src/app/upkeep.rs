//! What a running vault does unasked. Its tasks end with the drain, and are waited for.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::adapters::SledStore;
use crate::telemetry::Metrics;
use crate::tokens::{Authorizations, TokenIssuer};
use crate::vault::Vault;

use super::reload::PolicyReload;

/// Request ids are remembered for a day, authorizations for ten minutes; an hour more does no harm:
/// neither is believed when its time is over.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);

/// Tokens that nobody may use any more live on at Infor until then.
const SWEEP_EVERY: Duration = Duration::from_secs(5 * 60);

/// As often as metrics are usually collected.
const MEASURE_EVERY: Duration = Duration::from_secs(15);

pub(super) fn start(
    (vault, issuer, authorizations): (&Vault, &TokenIssuer, &Authorizations),
    store: &Arc<SledStore>,
    reload: Option<PolicyReload>,
    metrics: &Option<Metrics>,
    drain: &CancellationToken,
) -> TaskTracker {
    let tasks = TaskTracker::new();
    tasks.spawn(forget_requests(vault.clone(), drain.clone()));
    tasks.spawn(forget_authorizations(authorizations.clone(), drain.clone()));
    tasks.spawn(measure_store(store.clone(), drain.clone()));
    tasks.spawn(sweep_tokens(issuer.clone(), drain.clone()));
    let (issuer, until) = (issuer.clone(), drain.clone());
    tasks.spawn(async move { issuer.run(until).await });
    if let Some(reload) = reload {
        tasks.spawn(reload.run(drain.clone()));
    }
    if let Some(metrics) = metrics.clone() {
        let drain = drain.clone();
        tasks.spawn(async move { metrics.keep_small(drain).await });
    }
    tasks
}

async fn forget_requests(vault: Vault, drain: CancellationToken) {
    loop {
        if let Err(error) = vault.forget_old_requests().await {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "old request ids could not be forgotten");
        }
        if drain.run_until_cancelled(tokio::time::sleep(FORGET_EVERY)).await.is_none() {
            return;
        }
    }
}

async fn forget_authorizations(authorizations: Authorizations, drain: CancellationToken) {
    loop {
        if let Err(error) = authorizations.forget_expired().await {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "old authorizations could not be forgotten");
        }
        if drain.run_until_cancelled(tokio::time::sleep(FORGET_EVERY)).await.is_none() {
            return;
        }
    }
}

async fn sweep_tokens(issuer: TokenIssuer, drain: CancellationToken) {
    while drain.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        if let Err(error) = issuer.sweep().await {
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "unused tokens could not be revoked");
        }
    }
}

/// A file that sled put aside instead of into its log is never synced: see `adapters`.
async fn measure_store(store: Arc<SledStore>, drain: CancellationToken) {
    loop {
        let of = store.clone();
        if let Ok(Ok(files)) = tokio::task::spawn_blocking(move || of.blob_files()).await {
            metrics::gauge!("ionvault_store_blob_files").set(files as f64);
            if files > 0 {
                tracing::error!(files, "the store keeps records in files that are not durable");
            }
        }
        if drain.run_until_cancelled(tokio::time::sleep(MEASURE_EVERY)).await.is_none() {
            return;
        }
    }
}
