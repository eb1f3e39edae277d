//! A server that keeps checkpoints.

use async_trait::async_trait;
use rustls_pki_types::CertificateDer;
use url::Url;

use super::https::{Answer, HttpProxy, HttpsClient, Question, in_time, words};
use crate::ports::{CheckpointNote, NotWitnessed, Target, Witness};

/// Sends each checkpoint, the signed note as it is, with `POST` as `text/plain`. A status of 2xx says
/// that it is kept; redirects are not followed. The operator wrote the address, so it may be a
/// private one.
pub struct HttpsWitness {
    client: HttpsClient,
    target: Target,
}

impl HttpsWitness {
    /// The server at `url`, which must have a certificate of one of `trust_anchors`, or of a public
    /// authority if there are none. Public addresses are reached through `proxy`, if given.
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
impl Witness for HttpsWitness {
    fn name(&self) -> &'static str {
        "https"
    }

    async fn tell(&self, checkpoint: CheckpointNote<'_>) -> Result<(), NotWitnessed> {
        let question = Question::Note(checkpoint.text.to_owned());
        let asked = in_time(self.client.ask(&self.target, question, |_status| false)).await;
        let Answer { status, .. } =
            asked.map_err(|error| NotWitnessed::Unreachable(words(&error)))?;
        if status.is_success() { Ok(()) } else { Err(NotWitnessed::Refused(status.as_u16())) }
    }
}
