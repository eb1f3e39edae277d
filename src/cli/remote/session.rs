//! One call to the vault.

use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

use super::endpoint::Endpoint;
use super::refusal;
use super::token_file::TokenFile;
use crate::cli::duration;
use crate::cli::failure::Failure;
use crate::cli::names::shorten;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::audit_service_client::AuditServiceClient;
use crate::pb::v1::authorization_service_client::AuthorizationServiceClient;
use crate::pb::v1::credential_service_client::CredentialServiceClient;
use crate::pb::v1::token_service_client::TokenServiceClient;

/// A connection to a vault, and what holds for every call on it.
pub(super) struct Session {
    pub(super) channel: Channel,
    /// Where it leads.
    pub(super) endpoint: Endpoint,
    /// How long one call may take.
    pub(super) timeout: Duration,
    /// What shows who asks, where no certificate does.
    pub(super) token: Option<TokenFile>,
}

/// What a call is about, for the advice that goes with its failure.
pub(super) struct Subject {
    /// The short name.
    pub(super) name: String,
    /// What makes repeating it safe, for calls that change something.
    pub(super) request_id: Option<String>,
}

impl Subject {
    /// A call that changes a credential.
    pub(super) fn change(name: &CredentialName, request_id: &str) -> Self {
        Self { request_id: Some(request_id.to_owned()), ..Self::of(name) }
    }

    /// A call about a credential that may be repeated as it is.
    pub(super) fn of(name: &CredentialName) -> Self {
        Self::read(shorten(&name.to_string()))
    }

    /// A call about something else that may be repeated as it is.
    pub(super) fn read(name: String) -> Self {
        Self { name, request_id: None }
    }
}

/// The file, its certificates and room for the rest; the vault takes no more either.
const REQUEST_BYTES_MAX: usize = 128 * 1024;

/// A page of 200 credentials takes 200 to 400 KiB.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A vault that asks for more patience than this is better asked by a person, later.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);

impl Session {
    /// The client of `AuditService`.
    pub(super) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone())
            .max_encoding_message_size(REQUEST_BYTES_MAX)
            .max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The client of `AuthorizationService`.
    pub(super) fn authorizations(&self) -> AuthorizationServiceClient<Channel> {
        AuthorizationServiceClient::new(self.channel.clone())
            .max_encoding_message_size(REQUEST_BYTES_MAX)
            .max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The client of `CredentialService`.
    pub(super) fn credentials(&self) -> CredentialServiceClient<Channel> {
        CredentialServiceClient::new(self.channel.clone())
            .max_encoding_message_size(REQUEST_BYTES_MAX)
            .max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The client of `TokenService`.
    pub(super) fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
            .max_encoding_message_size(REQUEST_BYTES_MAX)
            .max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// A request that tells the vault, too, how long its answer is waited for.
    pub(super) fn request<Message>(&self, message: Message) -> Request<Message> {
        let mut request = self.lasting(message);
        request.set_timeout(self.timeout);
        request
    }

    /// A request whose answer may go on for ever.
    pub(super) fn lasting<Message>(&self, message: Message) -> Request<Message> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            token.sign(&mut request);
        }
        request
    }

    /// Asks, and once more if the vault says that it cannot now and when it can.
    ///
    /// The second attempt is the same request, with the same request id, so a change cannot happen
    /// twice. After a connection that broke the user decides, and is told how to repeat the
    /// command safely.
    ///
    pub(super) async fn call<Answer>(
        &self,
        subject: &Subject,
        output: &mut Output<'_>,
        mut ask: impl AsyncFnMut() -> Result<Response<Answer>, Status>,
    ) -> Result<Answer, Failure> {
        let mut answer = ask().await;
        if let Err(status) = &answer
            && let Some(delay) = retry_delay(status)
        {
            let shown = duration::show(delay);
            output.note(&format!("note: {}; trying once more in {shown}", status.message()))?;
            tokio::time::sleep(delay).await;
            answer = ask().await;
        }
        self.outcome(subject, answer)
    }

    /// Asks, and not again: the request holds something that is good for one time.
    pub(super) async fn call_once<Answer>(
        &self,
        subject: &Subject,
        ask: impl AsyncFnOnce() -> Result<Response<Answer>, Status>,
    ) -> Result<Answer, Failure> {
        let answer = ask().await;
        self.outcome(subject, answer)
    }

    fn outcome<Answer>(
        &self,
        subject: &Subject,
        answer: Result<Response<Answer>, Status>,
    ) -> Result<Answer, Failure> {
        match answer {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(refusal::refused(&status, subject, self)),
        }
    }
}

/// When to ask again, if the vault says that it cannot now and this is soon enough for a person.
pub(super) fn retry_delay(status: &Status) -> Option<Duration> {
    if status.code() != Code::Unavailable {
        return None;
    }
    let delay = status.get_details_retry_info()?.retry_delay?;
    (delay <= RETRY_DELAY_MAX).then_some(delay)
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn status(code: Code, seconds: u64) -> Status {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(seconds)));
        Status::with_error_details(code, "not now", details)
    }

    #[test]
    fn only_a_short_wait_that_the_vault_asked_for_is_waited() {
        assert_eq!(retry_delay(&status(Code::Unavailable, 2)), Some(Duration::from_secs(2)));
        assert_eq!(retry_delay(&status(Code::Unavailable, 31)), None);
        assert_eq!(retry_delay(&status(Code::ResourceExhausted, 2)), None);
        assert_eq!(retry_delay(&Status::unavailable("gone")), None);
    }
}
