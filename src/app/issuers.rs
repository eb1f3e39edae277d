//! The issuers whose tokens are taken, with the places of their keys.

use std::sync::Arc;

use super::StartError;
use super::open::proxy;
use crate::adapters::{HttpsKeySet, KeySetFile, SystemClock};
use crate::config::{Config, Jwks, JwtIssuer, read_certificates};
use crate::identity::Issuers;

/// Keys in files must be there. Those at addresses may come later: a vault whose other callers know
/// nothing of tokens must start while an issuer is down.
pub(super) async fn open(config: &Config) -> Result<Issuers, StartError> {
    let mut issuers = Issuers::new(Arc::new(SystemClock));
    let configured = config.listeners.jwt.iter().flat_map(|jwt| &jwt.issuers);
    for JwtIssuer { rules, jwks } in configured {
        match jwks {
            Jwks::File(path) => {
                let source = Arc::new(KeySetFile::new(path.clone()));
                let added = issuers.add_loaded(rules.clone(), source).await;
                added.map_err(|source| StartError::KeySet { path: path.clone(), source })?;
            }
            Jwks::Address { url, ca } => {
                let ca = ca.as_deref().map(read_certificates).transpose();
                let trust_anchors = ca.map_err(StartError::KeySetCa)?.unwrap_or_default();
                let proxy = proxy(&config.egress);
                let source = Arc::new(HttpsKeySet::new(url.clone(), trust_anchors, proxy));
                issuers.add(rules.clone(), source);
            }
        }
    }
    Ok(issuers)
}
