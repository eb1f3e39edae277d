//! What hostile authorization servers cost: ten seconds, some memory, and nothing else.
#![cfg(feature = "simulator")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test"
)]

#[path = "hostile/answers.rs"]
mod answers;
#[path = "token_endpoint/certificates.rs"]
mod certificates;
#[path = "hostile/journal.rs"]
mod journal;
#[path = "hostile/memory.rs"]
mod memory;
#[path = "hostile/server.rs"]
mod server;
#[path = "hostile/servers.rs"]
mod servers;

use ionvault::adapters::HttpsTokenEndpoint;
use ionvault::ports::{
    ExchangeError, GrantRequest, Target, TokenAnswer, TokenEndpoint, TokenRequest,
};
use ionvault::secret::Secret;
use journal::Journal;
use memory::Memory;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// One test, because memory is counted for the whole process.
#[tokio::test]
async fn a_hostile_server_costs_ten_seconds_and_less_than_a_megabyte() {
    let journal = Journal::start();
    let asking = Asking::new();
    // What is made once and kept, such as the threads that resolve names.
    asking.once_to_warm_up().await;
    let mut memory = Memory::new();
    let answers = answers::read(&asking, &mut memory).await;
    let (servers, longest) = servers::survived(&asking, &mut memory).await;
    journal.holds_nothing_that_servers_said();
    println!(
        "{answers} hostile answers, {servers} hostile servers: the longest exchange took {longest:?} \
         of its own clock, memory grew by {} KiB at most and {} KiB for good",
        memory.peak().div_ceil(1024),
        memory.kept().div_ceil(1024),
    );
    assert!(answers >= 60 && servers >= 12);
}

/// Whoever asks a hostile server for a token.
struct Asking {
    endpoint: HttpsTokenEndpoint,
    identity: server::Identity,
    authority: CertificateDer<'static>,
    secret: Secret,
}

impl Asking {
    fn new() -> Self {
        let identity = server::Identity::generate();
        let secret = Secret::from(b"invented".to_vec());
        let authority = CertificateDer::from_pem_slice(identity.authority_pem.as_bytes()).unwrap();
        Self { endpoint: HttpsTokenEndpoint::new(), identity, authority, secret }
    }

    async fn exchange(&self, url: &str) -> Result<TokenAnswer, ExchangeError> {
        let target = Target {
            url: url.parse().unwrap(),
            private_addresses: true,
            trust_anchors: vec![self.authority.clone()],
        };
        let request = TokenRequest {
            target: &target,
            client_id: "ACME_TST~invented",
            client_secret: &self.secret,
            grant: GrantRequest::ClientCredentials,
            scope: None,
        };
        self.endpoint.exchange(&request).await
    }

    async fn once_to_warm_up(&self) {
        let good = answers::http("200 OK", br#"{"access_token":"t","token_type":"Bearer"}"#);
        let server = server::HostileServer::start(&self.identity, server::Script::say(good)).await;
        assert!(self.exchange(&server.url()).await.is_ok());
    }
}

/// What an exchange came to, in a word or a sentence.
fn told(outcome: &Result<TokenAnswer, ExchangeError>) -> String {
    match outcome {
        Ok(answer) => format!("a token for {} s", answer.expires_in.as_secs()),
        Err(error) => {
            let shown = format!("{error:?} {error}");
            assert!(!shown.contains("planted"), "{shown}");
            match error {
                ExchangeError::Refused(code) => format!("refused: {code}"),
                ExchangeError::Unreachable(what) => format!("unreachable: {what}"),
                ExchangeError::Unavailable { what, .. } => format!("unavailable: {what}"),
                ExchangeError::Misbehaved(what) => format!("misbehaved: {what}"),
                ExchangeError::Throttled { .. } => "throttled".to_owned(),
                ExchangeError::NoEndpoint => "no endpoint".to_owned(),
                ExchangeError::AddressNotAllowed(what) => format!("not allowed: {what}"),
            }
        }
    }
}
