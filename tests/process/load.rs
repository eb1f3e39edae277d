//! Callers who call as fast as they are answered, and can tell afterwards what they were answered.

use std::sync::Arc;

use ionvault::pb::v1::credential_service_client::CredentialServiceClient;
use ionvault::pb::v1::token_service_client::TokenServiceClient;
use ionvault::pb::v1::{Credential, GetCredentialRequest, UpdateCredentialRequest};
use ionvault::simulator::{App, Simulator, SimulatorConfig};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::clients::{channel, issue, upload};
use super::installation::{Installation, Server};

/// The credential that all calls are about.
pub(crate) const NAME: &str = "tenants/acme/credentials/infor";

/// A call that was answered, and not by an error.
#[derive(Debug)]
pub(crate) struct Answered {
    /// Which call: every one is a trace of its own.
    pub(crate) trace_id: String,
    /// The id of the token in the answer; empty if there is none.
    pub(crate) token_id: String,
}

/// Makes one call after the other.
pub(crate) struct Caller {
    tokens: TokenServiceClient<Channel>,
    credentials: CredentialServiceClient<Channel>,
    /// Told apart from all others by it; not 0.
    id: u64,
    /// Each so many calls it changes something, which takes longer than all others together.
    changes_each: u64,
    calls: u64,
    /// The label that was set last, by an answer.
    pub(crate) label: Option<String>,
}

/// What a caller was answered until an error came.
pub(crate) struct Ended {
    pub(crate) caller: Caller,
    pub(crate) answered: Vec<Answered>,
    pub(crate) error: Status,
}

impl Caller {
    pub(crate) fn new(channel: Channel, id: u64, changes_each: u64) -> Self {
        let (tokens, credentials) =
            (TokenServiceClient::new(channel.clone()), CredentialServiceClient::new(channel));
        Self { tokens, credentials, id, changes_each, calls: 0, label: None }
    }

    /// Mostly asks for the token that is kept, or looks at the credential; sometimes changes it.
    pub(crate) async fn call(&mut self) -> Result<Answered, Status> {
        self.calls += 1;
        let trace_id = format!("{:016x}{:016x}", self.id, self.calls);
        let header = format!("00-{trace_id}-{:016x}-01", self.calls).parse().unwrap();
        let mut metadata = tonic::metadata::MetadataMap::new();
        metadata.insert("traceparent", header);
        let mut token_id = String::new();
        match self.calls % 4 {
            _ if self.calls.is_multiple_of(self.changes_each) => {
                let label = format!("{:x}-{:x}", self.id, self.calls);
                let labels = [("set-by".to_owned(), label.clone())].into();
                let credential = Credential { name: NAME.to_owned(), labels, ..Default::default() };
                let credential = Some(credential);
                let request = UpdateCredentialRequest { credential, update_mask: None };
                self.credentials.update_credential(with(metadata, request)).await?;
                self.label = Some(label);
            }
            0 => {
                let request = GetCredentialRequest { name: NAME.to_owned() };
                self.credentials.get_credential(with(metadata, request)).await?;
            }
            _ => {
                let answer = self.tokens.issue_token(with(metadata, issue(NAME))).await?;
                token_id = answer.into_inner().token_id;
            }
        }
        Ok(Answered { trace_id, token_id })
    }

    /// The label as the vault tells it.
    pub(crate) async fn label_there(&mut self) -> Option<String> {
        let request = GetCredentialRequest { name: NAME.to_owned() };
        let answer = self.credentials.get_credential(request).await.unwrap().into_inner();
        answer.credential.unwrap().labels.remove("set-by")
    }
}

fn with<T>(metadata: tonic::metadata::MetadataMap, message: T) -> Request<T> {
    Request::from_parts(metadata, tonic::Extensions::default(), message)
}

/// Has all of them call until each is answered by an error; counts the other answers.
pub(crate) fn until_an_error(
    callers: impl IntoIterator<Item = Caller>,
    count: &Arc<watch::Sender<usize>>,
) -> JoinSet<Ended> {
    let mut tasks = JoinSet::new();
    for mut caller in callers {
        let count = Arc::clone(count);
        tasks.spawn(async move {
            let mut answered = Vec::new();
            loop {
                match caller.call().await {
                    Ok(answer) => answered.push(answer),
                    Err(error) => return Ended { caller, answered, error },
                }
                count.send_modify(|count| *count += 1);
            }
        });
    }
    tasks
}

/// Starts the vault with the credential and a token for it that is kept, so that no call needs Infor.
pub(crate) async fn serve_with_token(house: &Installation) -> (Simulator, Server) {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let app = App::sample("ACME_TST", "DocBits");
    simulator.add_app(app.clone()).unwrap();
    house.approve(&simulator);
    house.write("ionvault.toml", house.read("ionvault.toml") + LIMITS);
    let server = house.serve();
    let socket = house.path("admin.sock");
    upload(&socket, NAME.to_owned(), simulator.ion_api_file(&app)).await;
    let mut tokens = TokenServiceClient::new(channel(&socket).await);
    tokens.issue_token(issue(NAME)).await.unwrap();
    (simulator, server)
}

/// These callers are to be stopped by other things. Few may be at work at a time, so the segments of the
/// audit log are of the shortest kind.
const LIMITS: &str = "[limits]\ncalls = 1024\n\
    calls_per_second_per_caller = 100000\ncalls_at_once_per_caller = 100000\n\
    changes_per_second_per_caller = 100000\nchanges_at_once_per_caller = 100000\n\
    calls_per_second_per_tenant = 100000\ncalls_at_once_per_tenant = 100000\n\
    changes_per_second_per_tenant = 100000\nchanges_at_once_per_tenant = 100000\n";
