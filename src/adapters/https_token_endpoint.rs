//! Infor's token endpoint, asked over HTTPS.

mod answer;
mod form;
mod retry_after;

use async_trait::async_trait;
use http::StatusCode;
use zeroize::Zeroizing;

use super::https::{Answer, HttpProxy, HttpsClient, Question, in_time};
use crate::ports::{
    ExchangeError, RevocationRequest, Target, TokenAnswer, TokenEndpoint, TokenRequest,
};

/// Sends token requests over HTTPS. Holds no connection and no secret.
pub struct HttpsTokenEndpoint(HttpsClient);

impl HttpsTokenEndpoint {
    /// An endpoint that trusts Mozilla's roots for targets that bring no trust anchors, and
    /// connects directly, whatever the environment says of proxies.
    #[must_use]
    pub fn new() -> Self {
        Self(HttpsClient::new(None))
    }

    /// The same, but public addresses are reached through `proxy`.
    #[must_use]
    pub fn through(proxy: HttpProxy) -> Self {
        Self(HttpsClient::new(Some(proxy)))
    }

    /// Sends `form` and reads what comes back.
    async fn post(
        &self,
        target: &Target,
        form: Zeroizing<Vec<u8>>,
        needs_body: fn(StatusCode) -> bool,
    ) -> Result<(answer::Head, Result<Zeroizing<Vec<u8>>, &'static str>), ExchangeError> {
        let Answer { status, headers, body } =
            self.0.ask(target, Question::Post(form), needs_body).await?;
        Ok((answer::Head { status, retry_after: retry_after::read(&headers) }, body))
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
            let (head, body) = self.post(request.target, form, |_| true).await?;
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
            let (head, body) = self.post(request.target, form, needs_body).await?;
            answer::revoked(&head, body.as_deref())
        })
        .await
    }
}

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
