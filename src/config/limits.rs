//! `[limits]`: what each resource may grow to.

use std::time::Duration;

use serde::Deserialize;

use super::invalid::{InvalidConfig, within};
use crate::quotas::{QuotaSettings, Rate};

/// What each resource of the listeners may grow to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections of `[listen.mtls]` at the same time; further ones are closed at once.
    /// 1 to 100,000. Each costs about 50 KiB and one file descriptor.
    pub connections: usize,
    /// TLS handshakes at the same time; further ones wait. 1 to 4096.
    pub handshakes: usize,
    /// Calls at the same time on one connection, as HTTP/2 tells the client. 1 to 256.
    pub streams_per_connection: u32,
    /// Calls at work in the whole process; further ones are answered `OVERLOADED`. 1 to 65,536.
    pub calls: usize,
    /// How long a call may take until its answer begins, also if the caller would wait longer.
    /// 1 to 600 s.
    pub call: Duration,
    /// How long a TLS handshake and the client's first bytes may take together. 1 to 60 s.
    pub handshake: Duration,
    /// After this a connection is asked to end (± 10 %), so that callers spread over replicas and
    /// a certificate is looked at again. 1 minute to 24 h.
    pub connection_age: Duration,
    /// How long calls on such a connection may go on. 1 to 600 s.
    pub connection_age_grace: Duration,
    /// How often a connection is asked whether its client is still there. 5 to 3600 s.
    pub keepalive: Duration,
    /// How long the client may take to answer that. 1 to 60 s.
    pub keepalive_timeout: Duration,
}

/// What the file says if it says nothing.
impl Default for Limits {
    fn default() -> Self {
        LimitsFile::default().unchecked()
    }
}

/// `[limits]`
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LimitsFile {
    connections: usize,
    handshakes: usize,
    streams_per_connection: u32,
    calls: usize,
    call_seconds: u64,
    handshake_seconds: u64,
    connection_age_seconds: u64,
    connection_age_grace_seconds: u64,
    keepalive_seconds: u64,
    keepalive_timeout_seconds: u64,
    calls_per_second_per_caller: u32,
    calls_at_once_per_caller: u32,
    changes_per_second_per_caller: u32,
    changes_at_once_per_caller: u32,
    calls_per_second_per_tenant: u32,
    calls_at_once_per_tenant: u32,
    changes_per_second_per_tenant: u32,
    changes_at_once_per_tenant: u32,
}

impl Default for LimitsFile {
    fn default() -> Self {
        let QuotaSettings { caller_calls, caller_changes, tenant_calls, tenant_changes } =
            QuotaSettings::default();
        Self {
            connections: 4096,
            handshakes: 64,
            streams_per_connection: 128,
            calls: 4096,
            call_seconds: 60,
            handshake_seconds: 5,
            connection_age_seconds: 3600,
            connection_age_grace_seconds: 60,
            keepalive_seconds: 30,
            keepalive_timeout_seconds: 10,
            calls_per_second_per_caller: caller_calls.per_second().get(),
            calls_at_once_per_caller: caller_calls.burst().get(),
            changes_per_second_per_caller: caller_changes.per_second().get(),
            changes_at_once_per_caller: caller_changes.burst().get(),
            calls_per_second_per_tenant: tenant_calls.per_second().get(),
            calls_at_once_per_tenant: tenant_calls.burst().get(),
            changes_per_second_per_tenant: tenant_changes.per_second().get(),
            changes_at_once_per_tenant: tenant_changes.burst().get(),
        }
    }
}

impl LimitsFile {
    pub(super) fn check(self) -> Result<(Limits, QuotaSettings), InvalidConfig> {
        within("limits.connections", self.connections, 1..=100_000)?;
        within("limits.handshakes", self.handshakes, 1..=4096)?;
        within("limits.streams_per_connection", self.streams_per_connection, 1..=256)?;
        within("limits.calls", self.calls, 1..=65_536)?;
        within("limits.call_seconds", self.call_seconds, 1..=600)?;
        within("limits.handshake_seconds", self.handshake_seconds, 1..=60)?;
        within("limits.connection_age_seconds", self.connection_age_seconds, 60..=86_400)?;
        within("limits.connection_age_grace_seconds", self.connection_age_grace_seconds, 1..=600)?;
        within("limits.keepalive_seconds", self.keepalive_seconds, 5..=3600)?;
        within("limits.keepalive_timeout_seconds", self.keepalive_timeout_seconds, 1..=60)?;
        let quotas = self.quotas()?;
        Ok((self.unchecked(), quotas))
    }

    fn quotas(&self) -> Result<QuotaSettings, InvalidConfig> {
        Ok(QuotaSettings {
            caller_calls: rate(
                ("calls_per_second_per_caller", self.calls_per_second_per_caller),
                ("calls_at_once_per_caller", self.calls_at_once_per_caller),
            )?,
            caller_changes: rate(
                ("changes_per_second_per_caller", self.changes_per_second_per_caller),
                ("changes_at_once_per_caller", self.changes_at_once_per_caller),
            )?,
            tenant_calls: rate(
                ("calls_per_second_per_tenant", self.calls_per_second_per_tenant),
                ("calls_at_once_per_tenant", self.calls_at_once_per_tenant),
            )?,
            tenant_changes: rate(
                ("changes_per_second_per_tenant", self.changes_per_second_per_tenant),
                ("changes_at_once_per_tenant", self.changes_at_once_per_tenant),
            )?,
        })
    }

    fn unchecked(self) -> Limits {
        Limits {
            connections: self.connections,
            handshakes: self.handshakes,
            streams_per_connection: self.streams_per_connection,
            calls: self.calls,
            call: Duration::from_secs(self.call_seconds),
            handshake: Duration::from_secs(self.handshake_seconds),
            connection_age: Duration::from_secs(self.connection_age_seconds),
            connection_age_grace: Duration::from_secs(self.connection_age_grace_seconds),
            keepalive: Duration::from_secs(self.keepalive_seconds),
            keepalive_timeout: Duration::from_secs(self.keepalive_timeout_seconds),
        }
    }
}

/// A rate from two settings.
fn rate(average: (&str, u32), burst: (&str, u32)) -> Result<Rate, InvalidConfig> {
    let within = |(key, number), range| within(&format!("limits.{key}"), number, range);
    Ok(Rate::of(within(average, Rate::PER_SECOND)?, within(burst, Rate::BURST)?))
}
