//! A vault that answers from a script, on a Unix socket or behind TLS on loopback.

mod audit;
mod listener;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ionvault::pb::v1::authorization_service_server::AuthorizationService;
use ionvault::pb::v1::credential_service_server::CredentialService;
use ionvault::pb::v1::token_service_server::TokenService;
use ionvault::pb::v1::*;
use tokio::sync::oneshot;
use tonic::transport::ServerTlsConfig;
use tonic::{Request, Response, Status};

use super::program::{Ran, command, finish};
use super::samples;
pub(crate) use audit::{SampleLog, Spoil};
use listener::Listener;

/// A request that the vault got.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a test holds a handful of them")]
pub(crate) enum Asked {
    Upload(UploadCredentialRequest),
    Get(GetCredentialRequest),
    List(ListCredentialsRequest),
    Versions(ListCredentialVersionsRequest),
    Update(UpdateCredentialRequest),
    Activate(ActivateCredentialVersionRequest),
    Delete(DeleteCredentialRequest),
    Undelete(UndeleteCredentialRequest),
    Token(IssueTokenRequest),
    Start(StartAuthorizationRequest),
    Complete(CompleteAuthorizationRequest),
    Watch(WatchTokenRequest),
    Test(TestCredentialRequest),
    Revoke(RevokeTokensRequest),
    Recorded(ListAuditEventsRequest),
    /// From a tree of that size on.
    Checkpoint(i64),
    Proof(i64),
}

/// What the vault does instead of answering well, and what it was asked.
#[derive(Default)]
pub(crate) struct Script {
    refusals: Mutex<VecDeque<Option<Status>>>,
    asked: Mutex<Vec<Asked>>,
    pages: Mutex<VecDeque<ListCredentialsResponse>>,
    silent: Mutex<bool>,
    endings: Mutex<VecDeque<Status>>,
    verdict: Mutex<diagnosis::Verdict>,
    audit_pages: Mutex<VecDeque<ListAuditEventsResponse>>,
    spoil: Mutex<Option<Spoil>>,
}

pub(crate) struct Vault {
    pub(crate) directory: tempfile::TempDir,
    script: Arc<Script>,
    endpoint: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Vault {
    /// Listens on a Unix socket.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("vault.sock");
        let endpoint = format!("unix:{}", socket.display());
        Self::serve(directory, Listener::Unix(socket), |_address| endpoint)
    }

    /// Listens on loopback, with TLS.
    pub(crate) fn start_tls(tls: ServerTlsConfig) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address =
            |address: Option<SocketAddr>| format!("https://localhost:{}", address.unwrap().port());
        Self::serve(directory, Listener::Tls(Box::new(tls)), address)
    }

    fn serve(
        directory: tempfile::TempDir,
        listener: Listener,
        endpoint: impl FnOnce(Option<SocketAddr>) -> String,
    ) -> Self {
        let script = Arc::<Script>::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (listens, listening) = mpsc::channel();
        let served = Arc::clone(&script);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(listener.serve(served, listens, stopped));
        });
        let endpoint = endpoint(listening.recv().unwrap());
        Self { directory, script, endpoint, stop: Some(stop), thread: Some(thread) }
    }

    /// The next call gets this answer.
    pub(crate) fn refuse(&self, status: Status) -> &Self {
        self.script.refusals.lock().unwrap().push_back(Some(status));
        self
    }

    /// The next call is answered well.
    pub(crate) fn allow(&self) -> &Self {
        self.script.refusals.lock().unwrap().push_back(None);
        self
    }

    /// The next stream ends with this.
    pub(crate) fn end_stream(&self, status: Status) -> &Self {
        self.script.endings.lock().unwrap().push_back(status);
        self
    }

    /// The next page of a list.
    pub(crate) fn page(&self, names: &[&str], next_page_token: &str) -> &Self {
        let credentials = names.iter().map(|name| samples::credential(name)).collect();
        let page = ListCredentialsResponse { credentials, next_page_token: next_page_token.into() };
        self.script.pages.lock().unwrap().push_back(page);
        self
    }

    /// From now on this is what Infor makes of files.
    pub(crate) fn judge(&self, verdict: diagnosis::Verdict) -> &Self {
        *self.script.verdict.lock().unwrap() = verdict;
        self
    }

    /// The next page of recorded calls.
    pub(crate) fn audit_page(&self, page: ListAuditEventsResponse) -> &Self {
        self.script.audit_pages.lock().unwrap().push_back(page);
        self
    }

    /// From now on proofs and checkpoints are given like this.
    pub(crate) fn spoil(&self, spoil: Option<Spoil>) {
        *self.script.spoil.lock().unwrap() = spoil;
    }

    /// From now on no call is answered.
    pub(crate) fn fall_silent(&self) {
        *self.script.silent.lock().unwrap() = true;
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The program with this vault as its endpoint.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(arguments);
        command.env("IONVAULT_ENDPOINT", &self.endpoint);
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.command(arguments), None)
    }

    /// A file beside the socket.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A failed server thread has failed the test already.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// Far beyond the patience that the tests ask of the program, and an end: a program that waits for
/// ever fails its test and does not hang it.
const SILENCE: Duration = Duration::from_secs(60);

impl Script {
    /// Notes the request, and answers well unless the script says otherwise.
    async fn answer<Answer>(
        &self,
        asked: Asked,
        answer: impl FnOnce() -> Answer,
    ) -> Result<Response<Answer>, Status> {
        self.asked.lock().unwrap().push(asked);
        let silent = *self.silent.lock().unwrap();
        if silent {
            tokio::time::sleep(SILENCE).await;
        }
        match self.refusals.lock().unwrap().pop_front().flatten() {
            Some(status) => Err(status),
            None => Ok(Response::new(answer())),
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl CredentialService for Script {
    async fn upload_credential(
        &self,
        request: Request<UploadCredentialRequest>,
    ) -> Answer<UploadCredentialResponse> {
        let request = request.into_inner();
        // The script's way to say "these bytes are held already".
        let known = request.ion_api_file == b"known";
        let mut credential = samples::credential(&request.name);
        let verdict = *self.verdict.lock().unwrap();
        let diagnosis = (verdict != diagnosis::Verdict::Unspecified)
            .then(|| samples::diagnosis(&format!("{}/versions/2", request.name), verdict));
        let accepted = diagnosis.is_none() || verdict == diagnosis::Verdict::Accepted;
        let activated = accepted && !known;
        credential.active_version = if activated { 2 } else { 3 };
        let answer = UploadCredentialResponse {
            credential: Some(credential),
            version: 2,
            added: !known,
            diagnosis,
            activated,
        };
        self.answer(Asked::Upload(request), || answer).await
    }

    async fn get_credential(
        &self,
        request: Request<GetCredentialRequest>,
    ) -> Answer<GetCredentialResponse> {
        let request = request.into_inner();
        let credential = Some(samples::credential(&request.name));
        self.answer(Asked::Get(request), || GetCredentialResponse { credential }).await
    }

    async fn list_credentials(
        &self,
        request: Request<ListCredentialsRequest>,
    ) -> Answer<ListCredentialsResponse> {
        let page = || self.pages.lock().unwrap().pop_front().unwrap_or_default();
        self.answer(Asked::List(request.into_inner()), page).await
    }

    async fn list_credential_versions(
        &self,
        request: Request<ListCredentialVersionsRequest>,
    ) -> Answer<ListCredentialVersionsResponse> {
        let request = request.into_inner();
        let version = |number, active| samples::version(&request.parent, number, active);
        // One version on each page.
        let first = request.page_token.is_empty();
        let credential_versions = vec![if first { version(2, true) } else { version(1, false) }];
        let next_page_token = if first { "second".into() } else { String::new() };
        let answer = ListCredentialVersionsResponse { credential_versions, next_page_token };
        self.answer(Asked::Versions(request), || answer).await
    }

    async fn update_credential(
        &self,
        request: Request<UpdateCredentialRequest>,
    ) -> Answer<UpdateCredentialResponse> {
        let request = request.into_inner();
        let name = request.credential.clone().unwrap_or_default().name;
        let credential = Some(samples::credential(&name));
        self.answer(Asked::Update(request), || UpdateCredentialResponse { credential }).await
    }

    async fn activate_credential_version(
        &self,
        request: Request<ActivateCredentialVersionRequest>,
    ) -> Answer<ActivateCredentialVersionResponse> {
        let request = request.into_inner();
        let name = request.name.split("/versions/").next().unwrap_or_default();
        let credential = Some(samples::credential(name));
        let answer = ActivateCredentialVersionResponse { credential };
        self.answer(Asked::Activate(request), || answer).await
    }

    async fn delete_credential(
        &self,
        request: Request<DeleteCredentialRequest>,
    ) -> Answer<DeleteCredentialResponse> {
        let request = request.into_inner();
        let mut credential = samples::credential(&request.name);
        credential.set_state(credential::State::Deleted);
        credential.delete_time = samples::at(120);
        let answer = DeleteCredentialResponse { credential: Some(credential) };
        self.answer(Asked::Delete(request), || answer).await
    }

    async fn undelete_credential(
        &self,
        request: Request<UndeleteCredentialRequest>,
    ) -> Answer<UndeleteCredentialResponse> {
        let request = request.into_inner();
        let credential = Some(samples::credential(&request.name));
        self.answer(Asked::Undelete(request), || UndeleteCredentialResponse { credential }).await
    }

    async fn test_credential(
        &self,
        request: Request<TestCredentialRequest>,
    ) -> Answer<TestCredentialResponse> {
        let request = request.into_inner();
        let named = request.name.contains("/versions/");
        let version =
            if named { request.name.clone() } else { format!("{}/versions/2", request.name) };
        let diagnosis = Some(samples::diagnosis(&version, *self.verdict.lock().unwrap()));
        self.answer(Asked::Test(request), || TestCredentialResponse { diagnosis }).await
    }
}

#[tonic::async_trait]
impl TokenService for Script {
    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Answer<IssueTokenResponse> {
        self.answer(Asked::Token(request.into_inner()), samples::token).await
    }

    type WatchTokenStream = tokio_stream::Iter<std::vec::IntoIter<samples::WatchItem>>;

    async fn watch_token(
        &self,
        request: Request<WatchTokenRequest>,
    ) -> Answer<Self::WatchTokenStream> {
        // Each stream ends as the script says, in the order of the streams.
        let ending = self.endings.lock().unwrap().pop_front().unwrap_or_else(samples::deleted);
        let mut events = samples::events();
        events.push(Err(ending));
        self.answer(Asked::Watch(request.into_inner()), || tokio_stream::iter(events)).await
    }

    async fn revoke_tokens(
        &self,
        request: Request<RevokeTokensRequest>,
    ) -> Answer<RevokeTokensResponse> {
        let request = request.into_inner();
        let revocation = match request.name.rsplit('/').next() {
            Some("idle") => revoke_tokens_response::Revocation::None,
            Some("slow") => revoke_tokens_response::Revocation::Pending,
            Some(_) | None => revoke_tokens_response::Revocation::Done,
        };
        let answer = RevokeTokensResponse { revocation: revocation.into() };
        self.answer(Asked::Revoke(request), || answer).await
    }
}

#[tonic::async_trait]
impl AuthorizationService for Script {
    async fn start_authorization(
        &self,
        request: Request<StartAuthorizationRequest>,
    ) -> Answer<StartAuthorizationResponse> {
        self.answer(Asked::Start(request.into_inner()), samples::authorization).await
    }

    async fn complete_authorization(
        &self,
        request: Request<CompleteAuthorizationRequest>,
    ) -> Answer<CompleteAuthorizationResponse> {
        let request = request.into_inner();
        let credential = Some(samples::credential(&request.name));
        let answer = CompleteAuthorizationResponse { credential };
        self.answer(Asked::Complete(request), || answer).await
    }
}
