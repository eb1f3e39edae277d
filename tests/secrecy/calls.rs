//! A vault's days: everything that is asked of it, and everything that it answers.

use std::fmt::Debug;

use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::*;
use ionvault::simulator::certificates::Identity;
use prost::Message;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Response, Status};
use tonic_types::StatusExt;

use super::notes::{ANSWERS, Notes};
use super::people::People;
use super::planted::Planted;

/// One caller, and what it hears.
pub(crate) struct Caller<'a> {
    pub(crate) credentials: CredentialServiceClient<Channel>,
    pub(crate) tokens: TokenServiceClient<Channel>,
    pub(crate) people: People,
    pub(crate) notes: &'a mut Notes,
    pub(crate) planted: &'a Planted,
    /// Where answers are noted.
    pub(crate) place: &'static str,
}

/// A connection over mTLS; without a certificate if there is none.
pub(crate) async fn channel(
    port: u16,
    ca_pem: &str,
    identity: Option<&Identity>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new()
        .domain_name("localhost")
        .ca_certificate(Certificate::from_pem(ca_pem));
    if let Some(Identity { certificate_pem, key_pem }) = identity {
        let identity = tonic::transport::Identity::from_pem(certificate_pem, key_pem.as_bytes());
        tls = tls.identity(identity);
    }
    let endpoint = Endpoint::from_shared(format!("https://127.0.0.1:{port}")).unwrap();
    endpoint.tls_config(tls)?.connect().await
}

impl<'a> Caller<'a> {
    pub(crate) fn new(channel: Channel, notes: &'a mut Notes, planted: &'a Planted) -> Self {
        Self {
            credentials: CredentialServiceClient::new(channel.clone())
                .max_encoding_message_size(usize::MAX),
            tokens: TokenServiceClient::new(channel.clone()),
            people: People::new(channel),
            notes,
            planted,
            place: ANSWERS,
        }
    }

    /// Notes an answer and says how it was refused, if it was.
    pub(crate) fn heard<T: Message + Debug>(
        &mut self,
        what: &str,
        result: Result<Response<T>, Status>,
    ) -> String {
        match result {
            Ok(answer) => {
                self.notes.answer_at(self.place, what, &answer);
                "OK".to_owned()
            }
            Err(status) => {
                self.notes.status(what, &status);
                let details = status.get_error_details();
                details.error_info().map_or(status.to_string(), |info| info.reason.clone())
            }
        }
    }

    /// Uploads a file that Infor is not asked about, which goes as `expected`.
    pub(crate) async fn upload(&mut self, name: &str, file: &[u8], expected: &str) {
        let request = UploadCredentialRequest {
            name: full(name),
            ion_api_file: file.to_vec(),
            verification: upload_credential_request::Verification::Skip.into(),
            ..Default::default()
        };
        self.uploads(name, request, expected).await;
    }

    pub(crate) async fn uploads(
        &mut self,
        what: &str,
        request: UploadCredentialRequest,
        expected: &str,
    ) {
        let what = format!("upload {what}");
        self.notes.debug(&what, &request);
        let request = tonic::Request::new(request);
        self.notes.debug(&what, &request);
        let result = self.credentials.upload_credential(request).await;
        assert_eq!(self.heard(&what, result), expected, "{what}");
    }

    /// Has Infor asked about a credential, and looks at the diagnosis.
    pub(crate) async fn test(&mut self, name: &str, expected: diagnosis::Verdict) {
        let request = TestCredentialRequest { name: full(name) };
        let result = self.credentials.test_credential(request).await;
        let verdict = result.as_ref().ok().and_then(|answer| answer.get_ref().diagnosis.as_ref());
        assert_eq!(verdict.map(Diagnosis::verdict), Some(expected), "{name}");
        assert_eq!(self.heard(&format!("test {name}"), result), "OK");
    }

    /// Gives the tokens of a credential back.
    pub(crate) async fn revoke(&mut self, name: &str) {
        let result = self.tokens.revoke_tokens(RevokeTokensRequest { name: full(name) }).await;
        assert_eq!(self.heard(&format!("revoke {name}"), result), "OK");
    }

    /// Asks for a token, which goes as `expected`. A token that comes is a secret from then on.
    pub(crate) async fn issue(&mut self, name: &str, expected: &str) {
        let what = format!("issue {name}");
        let request =
            IssueTokenRequest { name: full(name), min_remaining: None, ..Default::default() };
        match self.tokens.issue_token(request).await {
            Ok(mut answer) => {
                self.notes.debug(&what, &answer);
                self.notes.given_out(&answer.get_ref().token_id, &full(name));
                let token = std::mem::take(&mut answer.get_mut().access_token);
                self.planted.add(format!("access token of {name}"), token);
                // Apart from the token itself, nothing in it may be a secret.
                self.notes.add(ANSWERS, &what, answer.get_ref().encode_to_vec());
                assert_eq!("OK", expected, "{what}");
            }
            Err(status) => {
                let heard = self.heard::<()>(&what, Err(status));
                assert_eq!(heard, expected, "{what}");
            }
        }
    }

    /// Watches the tokens of a credential until the first news, which is a token or a problem.
    pub(crate) async fn watch(&mut self, name: &str) {
        let what = format!("watch {name}");
        let request = WatchTokenRequest { name: full(name), min_remaining: None };
        let stream = self.tokens.watch_token(request).await;
        let mut stream = stream.unwrap().into_inner();
        let mut message = stream.message().await.unwrap().unwrap();
        self.notes.debug(&what, &message);
        if let Some(watch_token_response::Event::Token(token)) = &mut message.event {
            self.notes.given_out(&token.token_id, &full(name));
            let token = std::mem::take(&mut token.access_token);
            self.planted.add(format!("access token that a watcher of {name} was told"), token);
        }
        self.notes.add(ANSWERS, &what, message.encode_to_vec());
    }

    /// Looks at everything that is described.
    pub(crate) async fn look_around(&mut self, names: &[&str]) {
        let request =
            ListCredentialsRequest { parent: "tenants/-".to_owned(), ..Default::default() };
        let result = self.credentials.list_credentials(request).await;
        assert_eq!(self.heard("list", result), "OK");
        for name in names {
            let result =
                self.credentials.get_credential(GetCredentialRequest { name: full(name) }).await;
            assert_eq!(self.heard("get", result), "OK", "{name}");
            let request =
                ListCredentialVersionsRequest { parent: full(name), ..Default::default() };
            let result = self.credentials.list_credential_versions(request).await;
            assert_eq!(self.heard("versions", result), "OK", "{name}");
        }
    }

    /// Labels, activates, deletes and undeletes.
    pub(crate) async fn change(&mut self, name: &str) {
        let labels = [("environment".to_owned(), "tst".to_owned())].into();
        let credential = Some(Credential { name: full(name), labels, ..Default::default() });
        let request = UpdateCredentialRequest { credential, update_mask: None };
        let result = self.credentials.update_credential(request).await;
        assert_eq!(self.heard("update", result), "OK");
        let request = ActivateCredentialVersionRequest {
            name: format!("{}/versions/1", full(name)),
            ..Default::default()
        };
        let result = self.credentials.activate_credential_version(request).await;
        assert_eq!(self.heard("activate", result), "OK");
        let request = DeleteCredentialRequest { name: full(name), ..Default::default() };
        let result = self.credentials.delete_credential(request).await;
        assert_eq!(self.heard("delete", result), "OK");
        self.issue(name, "CREDENTIAL_DELETED").await;
        let request = UndeleteCredentialRequest { name: full(name), ..Default::default() };
        let result = self.credentials.undelete_credential(request).await;
        assert_eq!(self.heard("undelete", result), "OK");
    }
}

/// The full name of a credential of the only tenant.
pub(crate) fn full(name: &str) -> String {
    format!("tenants/acme/credentials/{name}")
}
