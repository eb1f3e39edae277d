//! The keys of a token issuer, fetched from where it publishes them.

use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use rustls_pki_types::CertificateDer;
use url::Url;

use super::https::{Answer, HttpProxy, HttpsClient, Question, in_time, words};
use crate::ports::{KeySetSource, ReadKeySetError, Target};

/// Fetches a key set over HTTPS. The operator wrote the address, so it may be a private one.
pub struct HttpsKeySet {
    client: HttpsClient,
    target: Target,
}

impl HttpsKeySet {
    /// The key set at `url`, whose host must have a certificate of one of `trust_anchors`, or of a
    /// public authority if there are none. Public addresses are reached through `proxy`, if given.
    #[must_use]
    pub fn new(
        url: Url,
        trust_anchors: Vec<CertificateDer<'static>>,
        proxy: Option<HttpProxy>,
    ) -> Self {
        let target = Target { url, private_addresses: true, trust_anchors };
        Self { client: HttpsClient::new(proxy), target }
    }
}

#[async_trait]
impl KeySetSource for HttpsKeySet {
    async fn read(&self) -> Result<Vec<u8>, ReadKeySetError> {
        let good = |status: StatusCode| status == StatusCode::OK;
        let asked = in_time(self.client.ask(&self.target, Question::Get, good)).await;
        let unreachable = ReadKeySetError::Unreachable;
        let Answer { status, body, .. } = asked.map_err(|error| unreachable(words(&error)))?;
        match status {
            StatusCode::OK => Ok(body.map_err(unreachable)?.to_vec()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(unreachable("it must give them to everybody, and wants to know who asks"))
            }
            _ => Err(unreachable("there are none at this address")),
        }
    }

    fn read_every(&self) -> Duration {
        EVERY
    }
}

/// Issuers let several minutes or hours pass between publishing a key and using it, and as long
/// before they take one away. A key that is used at once is asked for when the first token comes.
const EVERY: Duration = Duration::from_secs(5 * 60);
