//! What an operator writes. Every key is here, and only here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::audit::AuditFile;
use super::egress::EgressFile;
use super::invalid::InvalidConfig;
use super::limits::LimitsFile;
use super::listeners::ListenFile;
use super::log::LogFile;
use super::tokens::TokensFile;
use crate::access::Groups;

/// The whole file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) store: StoreFile,
    pub(super) root_key: RootKeyFile,
    pub(super) listen: ListenFile,
    #[serde(default)]
    pub(super) limits: LimitsFile,
    #[serde(default)]
    pub(super) egress: EgressFile,
    #[serde(default)]
    pub(super) tokens: TokensFile,
    pub(super) access: AccessFile,
    #[serde(default)]
    pub(super) audit: AuditFile,
    #[serde(default)]
    pub(super) log: LogFile,
    #[serde(default = "drain_seconds")]
    pub(super) drain_seconds: u64,
}

/// `[store]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreFile {
    pub(super) data_dir: PathBuf,
}

/// `[root_key]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RootKeyFile {
    pub(super) file: PathBuf,
}

/// `[access]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccessFile {
    pub(super) policy: PathBuf,
    #[serde(default)]
    pub(super) group: Vec<GroupFile>,
}

/// `[[access.group]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupFile {
    pub(super) name: String,
    pub(super) members: Vec<String>,
}

/// The groups, each named once.
pub(super) fn groups(groups: Vec<GroupFile>) -> Result<Groups, InvalidConfig> {
    let key = "access.group";
    let mut members = BTreeMap::new();
    for group in groups {
        if members.contains_key(&group.name) {
            let expected = format!("each group once, and `{}` is there twice", group.name);
            return Err(InvalidConfig::value(key, expected));
        }
        members.insert(group.name, group.members);
    }
    Groups::try_from(members).map_err(|error| {
        let why = std::error::Error::source(&error).map(|source| format!(": {source}"));
        InvalidConfig::value(key, format!("valid, but {error}{}", why.unwrap_or_default()))
    })
}

/// All but what a running vault takes anew: the policy's path, and the groups.
pub(super) fn fixed(text: &str) -> Result<toml::Table, InvalidConfig> {
    let file = text.parse::<toml::Table>();
    let mut file = file.map_err(|error| InvalidConfig::syntax(text, &error))?;
    if let Some(toml::Value::Table(access)) = file.get_mut("access") {
        access.remove("policy");
        access.remove("group");
    }
    Ok(file)
}

/// Kubernetes kills after 30 s unless told otherwise.
fn drain_seconds() -> u64 {
    25
}
