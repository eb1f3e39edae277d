//! Who is told the checkpoints of the audit log.

use std::sync::Arc;

use super::open::proxy;
use crate::adapters::{HttpsWitness, WitnessDirectory, WitnessLog};
use crate::config::{Config, ReadCertificatesError, WitnessServer, Witnesses, read_certificates};
use crate::ports::Witness;

/// Those that are configured. None is asked yet: a vault must start while they are down.
pub(super) fn open(config: &Config) -> Result<Vec<Arc<dyn Witness>>, ReadCertificatesError> {
    let Witnesses { directory, server, log } = &config.audit.witnesses;
    let mut witnesses: Vec<Arc<dyn Witness>> = Vec::new();
    if let Some(dir) = directory {
        witnesses.push(Arc::new(WitnessDirectory::new(dir.clone())));
    }
    if let Some(WitnessServer { url, ca }) = server {
        let trust_anchors = ca.as_deref().map(read_certificates).transpose()?.unwrap_or_default();
        let proxy = proxy(&config.egress);
        witnesses.push(Arc::new(HttpsWitness::new(url.clone(), trust_anchors, proxy)));
    }
    if *log {
        witnesses.push(Arc::new(WitnessLog));
    }
    Ok(witnesses)
}
