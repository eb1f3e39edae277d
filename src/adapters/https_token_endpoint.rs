//! Infor's token endpoint over HTTPS, with the egress guard.
//!
//! An uploaded file names the host, so the host is the attacker's choice until an operator has
//! approved it, and what its name resolves to is still the choice of whoever runs its DNS. Hence:
//! HTTPS only; the name is resolved once, each address is judged, and the connection goes to a
//! judged address; no redirect is followed; no proxy is taken from the environment; cookies,
//! decompression and retries do not exist here; the answer and the time are bounded.
//!
//! Each exchange makes its own connection. Exchanges are rare (one per account and about two
//! hours), a pooled connection would be dead by the next one, and nothing is shared between
//! tenants this way.

mod addresses;
mod answer;
mod form;
mod retry_after;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Client, Response};
use rustls::RootCertStore;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::ports::{
    ExchangeError, RevocationRequest, Target, TokenAnswer, TokenEndpoint, TokenRequest,
};

/// Sends token requests over HTTPS. Cheap to share; holds no connection and no secret.
pub struct HttpsTokenEndpoint {
    public_roots: Arc<RootCertStore>,
}

impl HttpsTokenEndpoint {
    /// An endpoint that trusts Mozilla's roots for targets that bring no trust anchors.
    #[must_use]
    pub fn new() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        Self { public_roots: Arc::new(roots) }
    }

    /// Sends `form` and reads what comes back: the head, and the body or why it is not read.
    async fn post(
        &self,
        target: &Target,
        form: Zeroizing<Vec<u8>>,
    ) -> Result<(answer::Head, Result<Zeroizing<Vec<u8>>, Unreadable>), ExchangeError> {
        check_url(target)?;
        let addresses = addresses::resolve(target).await?;
        let tls = transport::tls(&self.public_roots, &target.trust_anchors)?;
        let client = transport::client(tls, addresses)?;
        let response = send(&client, target, form).await?;
        let head = answer::Head {
            status: response.status(),
            retry_after: retry_after::read(response.headers()),
        };
        Ok((head, read_body(response).await?))
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
            match self.post(request.target, form::token(request)).await? {
                (head, Ok(body)) => answer::read(&head, &body),
                (head, Err(Unreadable(what))) => Err(head.without_body(what)),
            }
        })
        .await
    }

    async fn revoke(&self, request: &RevocationRequest<'_>) -> Result<(), ExchangeError> {
        in_time(async {
            match self.post(request.target, form::revocation(request)).await? {
                (head, Ok(body)) => answer::revoked(&head, &body),
                (head, Err(Unreadable(what))) => {
                    answer::revoked(&head, &[]).map_err(|_refused| head.without_body(what))
                }
            }
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

fn check_url(target: &Target) -> Result<(), ExchangeError> {
    let url = &target.url;
    if url.scheme() != "https" {
        return Err(ExchangeError::AddressNotAllowed("it is not an https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ExchangeError::AddressNotAllowed("it holds a user name or a password"));
    }
    Ok(())
}

async fn send(
    client: &Client,
    target: &Target,
    form: Zeroizing<Vec<u8>>,
) -> Result<Response, ExchangeError> {
    client
        .post(target.url.clone())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Bytes::from_owner(form))
        .send()
        .await
        .map_err(|error| transport::failure(&error.without_url()))
}

/// An answer whose body is not read, and why.
struct Unreadable(&'static str);

/// Reads chunk by chunk into a buffer that never grows, so nothing is left behind unwiped. (The
/// chunks themselves are the HTTP library's and cannot be wiped.)
async fn read_body(
    mut response: Response,
) -> Result<Result<Zeroizing<Vec<u8>>, Unreadable>, ExchangeError> {
    if response.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Ok(Err(Unreadable("it compressed an answer that must not be")));
    }
    let mut body = Zeroizing::new(Vec::with_capacity(ANSWER_BYTES_MAX));
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| transport::failure(&error.without_url()))? {
            None => return Ok(Ok(body)),
            Some(chunk) if chunk.len() <= ANSWER_BYTES_MAX - body.len() => {
                body.extend_from_slice(&chunk);
            }
            Some(_) => return Ok(Err(Unreadable("its answer is too long"))),
        }
    }
}

fn unavailable(what: &'static str) -> ExchangeError {
    ExchangeError::Unavailable { what, retry_after: None }
}

/// The whole exchange: name, connection, handshake, question and answer. The port promises it.
const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(10);

/// Infor's answers are below 4 KiB; 16 times that leaves room for long tokens.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

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
