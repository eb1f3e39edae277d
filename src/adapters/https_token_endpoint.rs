//! Infor's token endpoint over HTTPS, with the egress guard.
//!
//! An uploaded file names the host, so the host is the attacker's choice until an operator has
//! approved it, and what its name resolves to is still the choice of whoever runs its DNS. Hence:
//! HTTPS only; the name is resolved once, each address is judged, and the connection goes to a
//! judged address, through a proxy only if the operator names one; redirects, cookies,
//! decompression and retries do not exist here; what is read and the time are bounded.
//!
//! Each exchange makes its own connection. Exchanges are rare (one per account and about two
//! hours), a pooled connection would be dead by the next one, and nothing is shared between
//! tenants this way. `docs/adr/0011` says why the connection is made here and not by a client.

mod addresses;
mod allowance;
mod answer;
mod connect;
mod conversation;
mod failure;
mod form;
mod proxy;
mod retry_after;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use rustls::RootCertStore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::ports::{
    ExchangeError, RevocationRequest, Target, TokenAnswer, TokenEndpoint, TokenRequest,
};
use addresses::Resolver;
use conversation::Answer;
pub use proxy::HttpProxy;

/// Sends token requests over HTTPS. Holds no connection and no secret.
pub struct HttpsTokenEndpoint {
    public_roots: Arc<RootCertStore>,
    resolver: Resolver,
    proxy: Option<HttpProxy>,
}

impl HttpsTokenEndpoint {
    /// An endpoint that trusts Mozilla's roots for targets that bring no trust anchors, and
    /// connects directly, whatever the environment says of proxies.
    #[must_use]
    pub fn new() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self { public_roots: Arc::new(roots), resolver: Resolver::new(), proxy: None }
    }

    /// The same, but public addresses are reached through `proxy`.
    #[must_use]
    pub fn through(proxy: HttpProxy) -> Self {
        Self { proxy: Some(proxy), ..Self::new() }
    }

    /// Sends `form` and reads what comes back.
    async fn post(
        &self,
        target: &Target,
        form: Zeroizing<Vec<u8>>,
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
        conversation::ask(connection?, &target.url, form, needs_body).await
    }
}

impl Default for HttpsTokenEndpoint {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl TokenEndpoint for HttpsTokenEndpoint {
    async fn exchange(&self, request: &TokenRequest<'_>) -> Result<TokenAnswer, ExchangeError> {
        in_time(async {
            let form = form::token(request);
            let Answer { head, body } = self.post(request.target, form, |_| true).await?;
            match body {
                Ok(body) => answer::read(&head, &body),
                Err(what) => Err(head.without_body(what)),
            }
        })
        .await
    }

    async fn revoke(&self, request: &RevocationRequest<'_>) -> Result<(), ExchangeError> {
        in_time(async {
            let form = form::revocation(request);
            let needs_body = |status: StatusCode| !status.is_success();
            let Answer { head, body } = self.post(request.target, form, needs_body).await?;
            answer::revoked(&head, body.as_deref())
        })
        .await
    }
}

async fn in_time<T>(
    request: impl Future<Output = Result<T, ExchangeError>>,
) -> Result<T, ExchangeError> {
    match timeout(EXCHANGE_TIME_MAX, request).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(unavailable("it did not answer in time")),
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

/// The whole exchange: name, connection, handshake, question and answer. The port promises it.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(10);

/// TCP, the proxy and TLS together. Longer means that the host is down, and another exchange waits.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::GrantRequest;
    use crate::secret::Secret;

    async fn refusal(url: &str, private_addresses: bool) -> String {
        let target =
            Target { url: url.parse().unwrap(), private_addresses, trust_anchors: Vec::new() };
        let request = TokenRequest {
            target: &target,
            client_id: "acme~client",
            client_secret: &Secret::from(b"planted".to_vec()),
            grant: GrantRequest::ClientCredentials,
            scope: None,
        };
        match HttpsTokenEndpoint::new().exchange(&request).await {
            Ok(_) => panic!("{url} gave a token"),
            Err(error) => format!("{error:?}"),
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_to_an_address_that_is_not_approved() {
        for (url, private, expected) in [
            ("http://localhost:1/t", true, "it is not an https address"),
            ("https://a@localhost:1/t", true, "it holds a user name or a password"),
            ("https://:b@localhost:1/t", true, "it holds a user name or a password"),
            ("https://localhost:1/t?a=b", true, "it holds a query or a fragment"),
            ("https://localhost:1/t#a", true, "it holds a query or a fragment"),
            ("https://localhost:0/t", true, "it names port 0"),
            ("https://localhost:1/t", false, "a loopback address"),
            ("https://127.0.0.1:1/t", false, "a loopback address"),
            ("https://2130706433:1/t", false, "a loopback address"),
            ("https://[::1]:1/t", false, "a loopback address"),
            ("https://169.254.169.254/latest/meta-data/", true, "a link-local address"),
        ] {
            let refused = refusal(url, private).await;
            assert_eq!(refused, format!("AddressNotAllowed({expected:?})"), "{url}");
        }
    }
}
