//! `[log]`: how the program speaks to its operator.

use serde::Deserialize;
use tracing_subscriber::filter::Targets;

use super::invalid::InvalidConfig;

/// What is logged, and how it is written; always to standard error.
#[derive(Clone, Debug)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least level for each part of the program.
    pub filter: Targets,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// `[log]`
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LogFile {
    format: LogFormat,
    filter: String,
}

impl Default for LogFile {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

impl LogFile {
    pub(super) fn check(self) -> Result<Log, InvalidConfig> {
        let Self { format, filter } = self;
        // `Targets` takes an empty text for "everything" and a mistyped level for a target.
        let known = |part: &str| {
            let level = part.rsplit('=').next().unwrap_or_default();
            LEVELS.contains(&level)
        };
        let parsed = filter.split(',').all(known).then(|| filter.parse().ok()).flatten();
        let filter = parsed.ok_or_else(|| {
            let expected = format!(
                "levels ({}) for all or for parts, such as `info` or `warn,ionvault::listen=debug`",
                LEVELS.join(", ")
            );
            InvalidConfig::value("log.filter", expected)
        })?;
        Ok(Log { format, filter })
    }
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
