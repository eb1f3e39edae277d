//! Takes new certificates, keys and authorities when their files change.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use metrics::counter;
use tracing::{error, info};

use super::Tls;
use crate::file_watch::FileWatch;

/// Watches the files of one listener.
pub(in crate::listen) struct Renewal {
    pub(super) tls: Arc<Tls>,
    pub(super) watch: FileWatch,
}

impl Renewal {
    /// Has each later handshake use what the files hold by then. Connections that are there live on,
    /// by the certificates they were made with, until their age ends them.
    ///
    /// Files that cannot be used change nothing: what was read before serves on, and whoever
    /// watches the log or the counter learns of it.
    pub(in crate::listen) async fn run(mut self) -> Infallible {
        loop {
            self.watch.changed().await;
            let listener = self.tls.files.listener.as_str();
            let outcome = match self.tls.files.read() {
                Ok(config) => {
                    self.tls.config.store(config);
                    info!(listener, "took new certificates");
                    "taken"
                }
                Err(refused) => {
                    let error: &(dyn Error + 'static) = &refused;
                    error!(
                        listener,
                        error, "the new certificates are of no use; the old ones serve on"
                    );
                    "refused"
                }
            };
            let labels = [("listener", listener), ("outcome", outcome)];
            counter!("ionvault_certificate_reloads_total", &labels).increment(1);
        }
    }
}
