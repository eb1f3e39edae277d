//! `[tokens]`: how many tokens Infor may be asked for, and what the operator knows about
//! authorization servers.

use serde::Deserialize;

use super::invalid::{InvalidConfig, host, within};
use super::token_limits::TokenLimitsFile;
use crate::model::BudgetLimits;
use crate::tokens::{RefreshRotation, ServerSettings};

/// `[tokens]`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TokensFile {
    #[serde(default)]
    limits: TokenLimitsFile,
    #[serde(default)]
    server: Vec<ServerFile>,
}

/// `[[tokens.server]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerFile {
    host: String,
    #[serde(default = "https")]
    port: u16,
    refresh_rotation: RefreshRotation,
}

impl TokensFile {
    pub(super) fn check(self) -> Result<(BudgetLimits, ServerSettings), InvalidConfig> {
        let key = "tokens.server";
        if self.server.len() > SERVERS_MAX {
            return Err(InvalidConfig::value(key, format!("at most {SERVERS_MAX} servers")));
        }
        let mut settings = ServerSettings::default();
        for ServerFile { host: name, port, refresh_rotation } in self.server {
            let name = host("tokens.server.host", name)?;
            let port = within("tokens.server.port", port, 1..=u16::MAX)?;
            let expected = format!("each server once, and `{name}` is there twice");
            if !settings.settle(name, port, refresh_rotation) {
                return Err(InvalidConfig::value(key, expected));
            }
        }
        Ok((self.limits.check()?, settings))
    }
}

fn https() -> u16 {
    443
}

/// As many as hosts can be approved.
const SERVERS_MAX: usize = 256;
