//! Requests over HTTPS, with the egress guard.
//!
//! An uploaded file names the host, so the host is the attacker's choice until an operator has
//! approved it, and what its name resolves to is still the choice of whoever runs its DNS. Hence:
//! HTTPS only; the name is resolved once, each address is judged, and the connection goes to a
//! judged address, through a proxy only if the operator names one; redirects, cookies,
//! decompression and retries do not exist here; what is read and the time are bounded.
//!
//! Each request makes its own connection. Requests are rare (one per account and about two hours, one
//! per token issuer and some minutes, one per checkpoint of the audit log), a pooled connection would
//! be dead by the next one, and nothing is shared between tenants this way. `docs/adr/0011` says why
//! the connection is made here and not by a client.

mod addresses;
mod allowance;
mod connect;
mod conversation;
mod failure;
mod proxy;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rustls::RootCertStore;
use tokio::time::timeout;

use crate::ports::{ExchangeError, Target};
use addresses::Resolver;
pub(super) use conversation::{Answer, Question};
pub use proxy::HttpProxy;

/// Asks servers over HTTPS. Holds no connection and no secret.
pub(super) struct HttpsClient {
    public_roots: Arc<RootCertStore>,
    resolver: Resolver,
    proxy: Option<HttpProxy>,
}

impl HttpsClient {
    /// A client that trusts Mozilla's roots for targets that bring no trust anchors. Whatever the
    /// environment says of proxies, public addresses are reached through `proxy` or directly.
    pub(super) fn new(proxy: Option<HttpProxy>) -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self { public_roots: Arc::new(roots), resolver: Resolver::new(), proxy }
    }

    /// Asks and reads what comes back; the body where `needs_body` says so of the status.
    pub(super) async fn ask(
        &self,
        target: &Target,
        question: Question,
        needs_body: fn(StatusCode) -> bool,
    ) -> Result<Answer, ExchangeError> {
        check_url(target)?;
        let addresses = self.resolver.resolve(target).await?;
        let config = tls::config(&self.public_roots, &target.trust_anchors)?;
        let connected = timeout(CONNECT_TIME_MAX, async {
            let proxy = self.proxy.as_ref();
            let stream = connect::connect(&addresses, proxy, &self.resolver).await?;
            tls::shake_hands(config, &target.url, stream).await
        });
        let Ok(connection) = connected.await else {
            return Err(ExchangeError::Unreachable("no connection came about in time"));
        };
        conversation::ask(connection?, &target.url, question, needs_body).await
    }
}

/// The time that a request may take, with all that it needs.
pub(super) async fn in_time<T>(
    request: impl Future<Output = Result<T, ExchangeError>>,
) -> Result<T, ExchangeError> {
    match timeout(EXCHANGE_TIME_MAX, request).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(unavailable("it did not answer in time")),
    }
}

/// What happened, for those who can do the same about all of it.
pub(super) fn words(error: &ExchangeError) -> &'static str {
    match error {
        ExchangeError::Unreachable(what)
        | ExchangeError::Unavailable { what, .. }
        | ExchangeError::Misbehaved(what)
        | ExchangeError::AddressNotAllowed(what) => what,
        ExchangeError::Refused(_) | ExchangeError::Throttled { .. } | ExchangeError::NoEndpoint => {
            "it refused"
        }
    }
}

/// What a file's address was checked for at the upload is checked again: the last place before the
/// network trusts nobody.
fn check_url(target: &Target) -> Result<(), ExchangeError> {
    let url = &target.url;
    let wrong = if url.scheme() != "https" {
        "it is not an https address"
    } else if !url.username().is_empty() || url.password().is_some() {
        "it holds a user name or a password"
    } else if url.query().is_some() || url.fragment().is_some() {
        "it holds a query or a fragment"
    } else {
        return Ok(());
    };
    Err(ExchangeError::AddressNotAllowed(wrong))
}

fn unavailable(what: &'static str) -> ExchangeError {
    ExchangeError::Unavailable { what, retry_after: None }
}

/// The whole exchange: name, connection, handshake, question and answer. The ports promise it.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(10);

/// TCP, the proxy and TLS together. Longer means that the host is down, and another exchange waits.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
