//! `ionvault dev`: a whole vault with Infor beside it, on one machine, with no account anywhere.
//!
//! Everything lies in one directory and is made once; the next run finds it, so that the same
//! commands and the same sample file work again.

mod files;

use std::io;
use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;

use crate::config::{Config, InvalidConfig};
use crate::simulator::certificates::InvalidCertificate;
use crate::simulator::{self, App as InforApp, Simulator, SimulatorConfig};

use super::{App, InitError, RunError, StartError, init};

pub use files::DevFiles;

/// A vault and a simulator, not yet running.
pub struct Dev {
    /// Where everything lies.
    pub files: DevFiles,
    /// The sample `.ionapi`, as Infor would have it downloaded.
    pub sample: Vec<u8>,
    app: App,
    simulator: Simulator,
}

/// Why there is no development vault.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No certificates could be made.
    #[error("the certificates in the data directory could not be made or read")]
    Certificate(#[from] InvalidCertificate),
    /// The configuration in the directory was changed to something invalid.
    #[error(
        "the configuration in the data directory is not valid: remove it to have it made again"
    )]
    Config(#[from] InvalidConfig),
    /// The store could not be made.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The simulator does not start.
    #[error("the simulator does not start")]
    Simulator(#[from] simulator::StartError),
    /// The simulator takes no more apps.
    #[error(transparent)]
    TooManyApps(#[from] simulator::TooManyApps),
    /// The vault does not start.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl Dev {
    /// Makes what is missing in `dir`, and opens it.
    ///
    /// # Errors
    ///
    /// As [`DevError`] says.
    pub async fn start(dir: &Path) -> Result<Self, DevError> {
        let files = DevFiles::prepare(dir)?;
        let simulator = Simulator::start(SimulatorConfig {
            port: files.simulator_port,
            authority: Some(files.authority()?),
            ..SimulatorConfig::default()
        })
        .await?;
        let infor_app = InforApp::sample("ACME_TST", "DocBits_Development");
        let sample = simulator.ion_api_file(&infor_app);
        simulator.add_app(infor_app)?;
        files.write_sample(&sample)?;
        let config = Config::parse(&files.read_config()?)?;
        if !config.data_dir.exists() {
            init(&config).await?;
        }
        // Changing them is a part of trying things out.
        let (_reload, app) = App::start(&config, None).await?.following(&files.config);
        Ok(Self { files, sample, app, simulator })
    }

    /// Answers calls until `drain` is cancelled.
    ///
    /// # Errors
    ///
    /// As [`App::run`].
    pub async fn run(self, drain: CancellationToken) -> Result<(), RunError> {
        let ran = self.app.run(drain).await;
        self.simulator.shutdown().await;
        ran
    }
}
