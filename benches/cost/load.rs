//! Calls `IssueToken`, and checks every answer.

use std::sync::Arc;
use std::time::Duration;

use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::{IssueTokenRequest, IssueTokenResponse};
use tokio::task::JoinSet;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::Failure;

/// A client of one server, with one connection.
#[derive(Clone)]
pub(crate) struct Client(TokenServiceClient<Channel>);

/// Where a server is, and how to be somebody there.
#[derive(Clone)]
pub(crate) struct Address {
    /// `https://localhost:port`.
    pub url: String,
    /// The CA that the server's certificate comes from.
    pub ca_pem: String,
    /// The client's certificate.
    pub certificate_pem: String,
    /// Its key.
    pub key_pem: String,
}

impl Address {
    /// The endpoint, with the client's certificate.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Failure> {
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.ca_pem))
            .identity(Identity::from_pem(&self.certificate_pem, &self.key_pem))
            .domain_name("localhost");
        Ok(Endpoint::from_shared(self.url.clone())?.tls_config(tls)?)
    }
}

impl Client {
    /// Connects as soon as the server listens.
    pub(crate) async fn connect(address: &Address) -> Result<Self, Failure> {
        let endpoint = address.endpoint()?;
        let mut attempts = 0;
        loop {
            match endpoint.connect().await {
                Ok(channel) => return Ok(Self(TokenServiceClient::new(channel))),
                Err(error) if attempts == CONNECT_ATTEMPTS_MAX => return Err(error.into()),
                Err(_) => attempts += 1,
            }
            tokio::time::sleep(CONNECT_PAUSE).await;
        }
    }

    /// One call, for this tenant's credential.
    async fn issue(&mut self, tenant: usize) -> Result<IssueTokenResponse, Failure> {
        let request = IssueTokenRequest {
            name: credential(tenant),
            min_remaining: None,
            ..Default::default()
        };
        Ok(self.0.issue_token(request).await?.into_inner())
    }

    /// The first answer for each credential, which the others must equal.
    pub(crate) async fn first_answers(&mut self) -> Result<Vec<IssueTokenResponse>, Failure> {
        let mut answers = Vec::new();
        for tenant in 0..TENANTS {
            answers.push(self.issue(tenant).await?);
        }
        Ok(answers)
    }

    /// `calls` calls, one after the other and one tenant after the other.
    ///
    /// Fails if an answer is not the expected one.
    pub(crate) async fn calls(
        &mut self,
        calls: u32,
        first: &[IssueTokenResponse],
    ) -> Result<(), Failure> {
        for (tenant, first) in first.iter().enumerate().cycle().take(calls as usize) {
            if self.issue(tenant).await? != *first {
                return Err("an answer differs from the first one".into());
            }
        }
        Ok(())
    }
}

/// The credential of a tenant.
pub(crate) fn credential(tenant: usize) -> String {
    format!("tenants/customer-{tenant:04}/credentials/infor")
}

/// [`CALLS_PER_STREAM`] calls on each of [`STREAMS`] streams of each client, all at once.
pub(crate) async fn burst(
    clients: &[Client],
    first: &Arc<[IssueTokenResponse]>,
) -> Result<(), Failure> {
    let callers = clients.iter().flat_map(|client| std::iter::repeat_n(client, STREAMS));
    let mut running = JoinSet::new();
    for client in callers {
        let (mut client, first) = (client.clone(), Arc::clone(first));
        running.spawn(async move { client.calls(CALLS_PER_STREAM, &first).await });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(())
}

/// How many calls a burst is.
pub(crate) fn calls_per_burst(clients: &[Client]) -> f64 {
    clients.len() as f64 * STREAMS as f64 * f64::from(CALLS_PER_STREAM)
}

/// Customers, each with a credential of its own.
pub(crate) const TENANTS: usize = 64;

/// Calls in flight on one connection, as a busy service would have.
const STREAMS: usize = 16;

/// A multiple of the tenants, so that all are asked alike.
const CALLS_PER_STREAM: u32 = 256;

/// Two minutes: valgrind takes its time to start a program.
const CONNECT_ATTEMPTS_MAX: u32 = 1200;
const CONNECT_PAUSE: Duration = Duration::from_millis(100);
