//! A vault with credentials, its provider, and the proxy between them.

use std::process::Command;
use std::time::Duration;

use crate::installation::{Installation, Server};
use crate::kills::provider::{Granted, Provider, TOKEN_LIFE_SECONDS};
use crate::kills::proxy::Proxy;
use crate::kills::tracing::{KillAt, Trace};
use crate::kills::vault::Vault;

pub(crate) struct House {
    installation: Installation,
    pub(crate) provider: Provider,
    pub(crate) proxy: Proxy,
}

/// A token that a credential got after a restart.
pub(crate) enum Outcome {
    Working,
    /// It was kept from before and its family was revoked since; the next one works.
    WorkingLater,
    Stuck(String),
}

impl House {
    /// Everything but a running vault; `None` if the provider is not installed. `more` goes into the
    /// configuration, with `{port}` for the provider's.
    pub(crate) async fn build(more: &str) -> Option<Self> {
        let provider = Provider::start(CREDENTIALS)?;
        let proxy = Proxy::start(provider.base_url(), provider.client.clone()).await;
        let installation = Installation::initialized();
        installation.approve_server(proxy.port, &proxy.ca_pem);
        let more = more.replace("{port}", &proxy.port.to_string());
        let configuration = installation.read("ionvault.toml");
        installation.write("ionvault.toml", configuration + &more);
        let house = Self { installation, provider, proxy };
        let server = house.installation.serve();
        for (number, app) in house.provider.apps.iter().enumerate() {
            let file = format!("{number}.ionapi");
            house.installation.write(&file, app.ion_api_file(&house.proxy_url()));
            let path = house.installation.path(&file).display().to_string();
            let short = format!("acme/c{number}");
            let ended =
                house.installation.run(&["upload", &short, &path, "--verification", "skip"]);
            assert_eq!(ended.code, Some(0), "{ended:?}");
        }
        server.stop();
        Some(house)
    }

    /// Starts the vault.
    pub(crate) async fn serve(&self) -> (Server, Vault) {
        self.ready(self.installation.command(&["serve"])).await
    }

    /// Starts the vault under strace.
    pub(crate) async fn serve_traced(&self, kill: Option<KillAt>) -> (Server, Vault, Trace) {
        let file = self.installation.path("trace");
        let trace = Trace::new(file, &self.installation.path("data"));
        let command = trace.command(&self.installation.command(&["serve"]), kill);
        let (server, vault) = self.ready(command).await;
        (server, vault, trace)
    }

    async fn ready(&self, command: Command) -> (Server, Vault) {
        let server = tokio::task::block_in_place(|| self.installation.serve_by(command));
        let vault = Vault::connect(&self.installation.path("admin.sock")).await;
        (server, vault)
    }

    pub(crate) fn name(number: usize) -> String {
        format!("tenants/acme/credentials/c{number}")
    }

    pub(crate) fn client_id(&self, number: usize) -> &str {
        &self.provider.apps[number].client_id
    }

    pub(crate) async fn granted(&self) -> Granted {
        self.provider.granted().await
    }

    /// Whether each credential gives a token that works, from a vault that was just started.
    pub(crate) async fn outcomes(&self, vault: &Vault) -> [Outcome; CREDENTIALS] {
        let outcome = |number| self.outcome(vault, number);
        tokio::join!(outcome(0), outcome(1), outcome(2), outcome(3)).into()
    }

    async fn outcome(&self, vault: &Vault, number: usize) -> Outcome {
        let (app, name) = (&self.provider.apps[number], Self::name(number));
        let mut outcome = Outcome::Working;
        for _ in 0..2 {
            match vault.insist(&name).await {
                Ok(token) if self.provider.accepts(app, &token.access_token).await => {
                    return outcome;
                }
                Ok(_) => outcome = Outcome::WorkingLater,
                Err(status) => return Outcome::Stuck(format!("{name}: {status:?}")),
            }
            self.until_tokens_are_old().await;
        }
        Outcome::Stuck(format!("{name}: two tokens that do not work"))
    }

    /// By then the vault holds no token that it would serve.
    pub(crate) async fn until_tokens_are_old(&self) {
        tokio::time::sleep(Duration::from_secs(TOKEN_LIFE_SECONDS)).await;
    }

    fn proxy_url(&self) -> String {
        format!("https://localhost:{}", self.proxy.port)
    }
}

/// Each kill finds one in the step that is its turn, and the others in three further steps.
pub(crate) const CREDENTIALS: usize = 4;
