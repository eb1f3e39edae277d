//! Takes a changed policy, and changed groups, while calls go on.
//!
//! Both are judged together and taken as a whole or not at all. What cannot be taken leaves the old
//! policy in force, with an error in the log and `ionvault_policy_stale` at 1.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::access::{Access, Current, PolicyVersion};
use crate::config::Config;
use crate::file_watch::FileWatch;

use super::config_file::{ReadConfigError, read_config_text};
use super::policy_file::{ReadPolicyError, parse_policy, read_policy_text};

/// Has a vault look at its files, whether or not they seem to have changed.
#[derive(Debug)]
pub struct Reload(watch::Sender<()>);

impl Reload {
    /// Looks now.
    pub fn now(&self) {
        self.0.send_replace(());
    }
}

/// Keeps a policy in force as its files have it.
pub(super) struct PolicyReload {
    config_file: PathBuf,
    started_with: Config,
    access: Arc<Current>,
    asked: watch::Receiver<()>,
    said: Said,
}

/// What the operator has been told, so that nobody is told twice.
#[derive(Default)]
struct Said {
    refused: Option<String>,
    restart_for: Vec<String>,
}

/// What stands in the two files.
struct Found {
    config_text: String,
    config: Config,
    policy_text: Result<String, ReadPolicyError>,
}

/// Why a change is not taken.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ReadConfigError),
    #[error(transparent)]
    Policy(#[from] ReadPolicyError),
    #[error("the files change all the time: put a finished file in their place by renaming it")]
    Restless,
    /// Only a defect of this program does that.
    #[error("reading was abandoned")]
    Abandoned,
}

impl PolicyReload {
    /// For the vault that was started with this configuration, and judges by `access`.
    pub(super) fn new(
        config_file: &Path,
        started_with: Config,
        access: Arc<Current>,
    ) -> (Reload, Self) {
        let (sender, asked) = watch::channel(());
        let (config_file, said) = (config_file.to_owned(), Said::default());
        (Reload(sender), Self { config_file, started_with, access, asked, said })
    }

    /// Takes changes until the drain.
    pub(super) async fn run(mut self, drain: CancellationToken) {
        metrics::counter!(RELOADS, "result" => "taken").increment(0);
        metrics::counter!(RELOADS, "result" => "refused").increment(0);
        show(self.access.load().version(), false);
        let mut policy_file = self.started_with.policy.clone();
        let mut files = self.watch(&policy_file);
        // Between the start and the watch something may have changed.
        let mut found = self.settled(&drain).await;
        loop {
            while let Some(other) = elsewhere(&found, &policy_file) {
                policy_file = other;
                files = self.watch(&policy_file);
                found = self.settled(&drain).await;
            }
            self.judge(found).await;
            found = tokio::select! {
                () = drain.cancelled() => return,
                () = files.changed() => self.settled(&drain).await,
                // With the sender gone, nobody asks any more.
                Ok(()) = self.asked.changed() => {
                    self.said = Said::default();
                    self.read().await
                }
            };
        }
    }

    fn watch(&self, policy_file: &Path) -> FileWatch {
        FileWatch::new([self.config_file.clone(), policy_file.to_owned()])
    }

    /// What stands in the files once they have stopped to change: an editor may truncate a file and
    /// write it then, and half a policy may lack the half that forbids.
    async fn settled(&self, drain: &CancellationToken) -> Result<Found, ReloadError> {
        let mut found = self.read().await;
        for _ in 0..LOOKS_MAX {
            if drain.run_until_cancelled(tokio::time::sleep(SETTLED_FOR)).await.is_none() {
                return found;
            }
            let again = self.read().await;
            if alike(&found, &again) {
                return again;
            }
            found = again;
        }
        Err(ReloadError::Restless)
    }

    async fn read(&self) -> Result<Found, ReloadError> {
        let config_file = self.config_file.clone();
        blocking(move || {
            let (config_text, config) = read_config_text(&config_file)?;
            let policy_text = read_policy_text(&config.policy);
            Ok(Found { config_text, config, policy_text })
        })
        .await
    }

    async fn judge(&mut self, found: Result<Found, ReloadError>) {
        let next = match found {
            Ok(found) => {
                self.say_what_needs_a_restart(&found.config);
                let in_force = self.access.load().version();
                blocking(move || next(found, in_force)).await
            }
            Err(refused) => Err(refused),
        };
        match next {
            Ok(Some(access)) => self.take(access).await,
            Ok(None) => self.stand(),
            Err(refused) => self.refuse(&refused),
        }
    }

    async fn take(&mut self, access: Access) {
        let version = access.version();
        let policies = access.outline().policies.len();
        self.access.replace(access);
        metrics::counter!(RELOADS, "result" => "taken").increment(1);
        show(version, false);
        self.said.refused = None;
        info!(%version, policies, "a changed policy is in force");
    }

    /// The files say what is in force.
    fn stand(&mut self) {
        let version = self.access.load().version();
        show(version, false);
        if self.said.refused.take().is_some() {
            info!(%version, "the policy in force is the one in the files again");
        }
    }

    fn refuse(&mut self, refused: &ReloadError) {
        let why = chain(refused);
        let version = self.access.load().version();
        show(version, true);
        if self.said.refused.as_ref() != Some(&why) {
            metrics::counter!(RELOADS, "result" => "refused").increment(1);
            error!(why, in_force = %version, "a changed policy is refused: the old one stays in force");
            self.said.refused = Some(why);
        }
    }

    fn say_what_needs_a_restart(&mut self, config: &Config) {
        let sections = self.started_with.restart_for(config);
        if sections != self.said.restart_for {
            if !sections.is_empty() {
                let sections = sections.join(", ");
                warn!(sections, "the configuration has changes that need a restart");
            }
            self.said.restart_for = sections;
        }
    }
}

/// Where the configuration has the policy, if that is not where it was.
fn elsewhere(found: &Result<Found, ReloadError>, policy_file: &Path) -> Option<PathBuf> {
    let now = found.as_ref().ok().map(|found| &found.config.policy);
    now.filter(|now| *now != policy_file).cloned()
}

/// The next policy; `None` if it is in force already.
fn next(found: Found, in_force: PolicyVersion) -> Result<Option<Access>, ReloadError> {
    let Found { config, policy_text, .. } = found;
    let policy_text = policy_text?;
    if PolicyVersion::of(&policy_text, &config.groups) == in_force {
        return Ok(None);
    }
    Ok(Some(parse_policy(&config.policy, &policy_text, &config.groups)?))
}

/// A policy may take a second of CPU to be checked, which no call should wait for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReloadError> + Send + 'static,
) -> Result<T, ReloadError> {
    tokio::task::spawn_blocking(work).await.map_err(|_join| ReloadError::Abandoned)?
}

fn alike(one: &Result<Found, ReloadError>, two: &Result<Found, ReloadError>) -> bool {
    match (one, two) {
        (Ok(one), Ok(two)) => {
            let [policy_of_one, policy_of_two] =
                [one, two].map(|found| found.policy_text.as_ref().map_err(chain));
            one.config_text == two.config_text && policy_of_one == policy_of_two
        }
        (Err(one), Err(two)) => chain(one) == chain(two),
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// An error and its causes in one line.
fn chain(error: &impl std::error::Error) -> String {
    let error: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut links: Vec<_> = causes.map(ToString::to_string).collect();
    // What only passes on its cause says the same.
    links.dedup();
    links.join(": ")
}

fn show(version: PolicyVersion, stale: bool) {
    metrics::gauge!("ionvault_policy_version").set(version.number() as f64);
    metrics::gauge!("ionvault_policy_stale").set(f64::from(u8::from(stale)));
}

/// Changes by what became of them.
const RELOADS: &str = "ionvault_policy_reloads_total";

/// Two looks at the files, so far apart, must find the same. Writing 256 KiB takes a millisecond;
/// who writes slower replaces the file by renaming.
const SETTLED_FOR: Duration = Duration::from_millis(100);

/// Five seconds of changes: that is no editor.
const LOOKS_MAX: usize = 50;
