//! One TOML text becomes values that nothing needs to check again.
//!
//! [`Config`] holds what an operator decided: addresses, paths, numbers within their ranges. It
//! opens nothing; `listen`, `app` and the adapters turn it into sockets, stores and keys. Every key
//! is described in `deploy/ionvault.example.toml`.

mod audit;
mod certificates;
mod egress;
mod file;
mod invalid;
mod limits;
mod listeners;
mod log;
mod token_limits;
mod tokens;

pub use audit::{Audit, WitnessServer, Witnesses};
pub use certificates::{ReadCertificatesError, read_certificates};
pub use egress::{Egress, EgressHost, EgressProxy};
pub use invalid::InvalidConfig;
pub use limits::Limits;
pub use listeners::{
    Admin, IdentityHeader, Jwks, Jwt, JwtIssuer, Listeners, Mesh, MeshPlace, Mtls, Ops,
};
pub use log::{Log, LogFormat};

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use crate::access::Groups;
use crate::model::BudgetLimits;
use crate::quotas::QuotaSettings;
use crate::tokens::ServerSettings;

/// What the operator decided. Relative paths count from the working directory of the process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory of the store; made by `ionvault init`.
    pub data_dir: PathBuf,
    /// Where calls are recorded.
    pub audit: Audit,
    /// File of the root key; made by `ionvault init`.
    pub root_key: PathBuf,
    /// Where callers come in.
    pub listeners: Listeners,
    /// What each resource may grow to.
    pub limits: Limits,
    /// How often callers may call, and tenants be asked about.
    pub quotas: QuotaSettings,
    /// Where requests may go besides Infor's own hosts, and how.
    pub egress: Egress,
    /// How many tokens Infor may be asked for.
    pub budget: BudgetLimits,
    /// What is known about authorization servers; nothing else has to be.
    pub servers: ServerSettings,
    /// File of the Cedar policy.
    pub policy: PathBuf,
    /// Who is in which group.
    pub groups: Groups,
    /// How the program speaks to its operator.
    pub log: Log,
    /// How long calls in flight may go on after SIGTERM; 1 to 600 s.
    pub drain: Duration,
    /// What takes effect at the start only, as it is written.
    fixed: toml::Table,
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`], which names the key and says what to write. Unknown keys are errors: a
    /// typo must not silently become a default.
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        let file: file::File =
            toml::from_str(text).map_err(|error| InvalidConfig::syntax(text, &error))?;
        let file::File {
            store,
            root_key,
            listen,
            limits,
            egress,
            tokens,
            access,
            audit,
            log,
            drain_seconds,
        } = file;
        let drain = invalid::within("drain_seconds", drain_seconds, 1..=DRAIN_SECONDS_MAX)?;
        let (limits, quotas) = limits.check()?;
        let (budget, servers) = tokens.check()?;
        let data_dir = invalid::path("store.data_dir", store.data_dir)?;
        Ok(Self {
            audit: audit.check(&data_dir, limits.calls)?,
            data_dir,
            root_key: invalid::path("root_key.file", root_key.file)?,
            listeners: listen.check()?,
            limits,
            quotas,
            egress: egress.check()?,
            budget,
            servers,
            policy: invalid::path("access.policy", access.policy)?,
            groups: file::groups(access.group)?,
            log: log.check()?,
            drain: Duration::from_secs(drain),
            fixed: file::fixed(text)?,
        })
    }

    /// The sections that say something else in `newer`, and that a running vault does not take from
    /// there: it would have to be started anew. Policy and groups are taken while it runs.
    #[must_use]
    pub fn restart_for(&self, newer: &Self) -> Vec<String> {
        let sections: BTreeSet<_> = self.fixed.keys().chain(newer.fixed.keys()).collect();
        let changed =
            sections.into_iter().filter(|key| self.fixed.get(*key) != newer.fixed.get(*key));
        changed.cloned().collect()
    }
}

/// Above what any supervisor waits before it kills (Kubernetes: 30 s, systemd: 90 s, unless told).
const DRAIN_SECONDS_MAX: u64 = 600;

#[cfg(test)]
mod tests;
