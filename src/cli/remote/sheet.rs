//! Answers for people.

mod audit;
mod diagnosis;

use prost_types::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cli::names::shorten;
use crate::cli::table::Table;
use crate::pb::v1::{Credential, CredentialVersion};
use crate::pb::v1::{credential::Health, credential::State, ion_api_file::Grant};

pub(super) use audit::{of_audit_event, of_audit_events};
pub(super) use diagnosis::of_diagnosis;

/// One credential, a fact per line.
pub(super) fn of_credential(credential: &Credential) -> Table {
    let mut table = Table::of_facts();
    table.fact("Name", &credential.name);
    table.fact("State", state(credential));
    table.fact("Health", health(credential));
    table.fact("", &credential.health_reason);
    table.fact("Advice", &credential.advice);
    table.fact("Active version", credential.active_version.to_string());
    if let Some(file) = &credential.ion_api_file {
        table.fact("Infor tenant", &file.infor_tenant);
        table.fact("Application", &file.application_name);
        table.fact("Application type", &file.application_type);
        table.fact("Client id", &file.client_id);
        table.fact("Grant", grant(file.grant()));
        table.fact("API base URL", &file.api_base_url);
        table.fact("Authorization server", &file.authorization_server);
        table.fact("Scopes", file.scopes.join(" "));
        for warning in &file.warnings {
            table.fact("Warning", warning);
        }
    }
    table.fact("Labels", labels(credential));
    table.fact("Last token", time(credential.last_token_time.as_ref()));
    table.fact("Token expires", time(credential.token_expire_time.as_ref()));
    if let Some(budget) = &credential.token_budget {
        let used = |used, limit| format!("{used} of {limit} in 24 h");
        table.fact("Tokens used", used(budget.tokens_used, budget.tokens_limit));
        table.fact("Log-ins used", used(budget.logins_used, budget.logins_limit));
    }
    table.fact("Created", time(credential.create_time.as_ref()));
    table.fact("Updated", time(credential.update_time.as_ref()));
    table.fact("Deleted", time(credential.delete_time.as_ref()));
    table.fact("Uid", &credential.uid);
    table.fact("Etag", &credential.etag);
    table
}

/// Many credentials, a line each.
pub(super) fn of_credentials(credentials: &[Credential]) -> Table {
    let header =
        ["NAME", "STATE", "HEALTH", "VERSION", "INFOR TENANT", "APPLICATION", "LABELS", "UPDATED"];
    let mut table = Table::with_header(header);
    for credential in credentials {
        let file = credential.ion_api_file.as_ref();
        table.row([
            shorten(&credential.name),
            state(credential).to_owned(),
            health(credential).to_owned(),
            credential.active_version.to_string(),
            file.map(|file| file.infor_tenant.clone()).unwrap_or_default(),
            file.map(|file| file.application_name.clone()).unwrap_or_default(),
            labels(credential),
            time(credential.update_time.as_ref()),
        ]);
    }
    table
}

/// The versions of a credential, a line each.
pub(super) fn of_versions(versions: &[CredentialVersion]) -> Table {
    let header =
        ["VERSION", "ACTIVE", "INFOR TENANT", "CLIENT ID", "UPLOADED", "BY", "REQUESTED BY"];
    let mut table = Table::with_header(header);
    for version in versions {
        let file = version.ion_api_file.as_ref();
        let number = version.name.rsplit('/').next().unwrap_or_default();
        table.row([
            number.to_owned(),
            if version.active { "active" } else { "" }.to_owned(),
            file.map(|file| file.infor_tenant.clone()).unwrap_or_default(),
            file.map(|file| file.client_id.clone()).unwrap_or_default(),
            time(version.create_time.as_ref()),
            version.created_by.clone(),
            version.requested_by.clone(),
        ]);
    }
    table
}

/// RFC 3339 in UTC; `None` for what is no time between the years 0 and 9999.
pub(super) fn timestamp(timestamp: &Timestamp) -> Option<String> {
    let nanos = u32::try_from(timestamp.nanos).ok()?;
    let seconds = OffsetDateTime::from_unix_timestamp(timestamp.seconds).ok()?;
    seconds.replace_nanosecond(nanos).ok()?.format(&Rfc3339).ok()
}

/// To the second: people do not read further.
pub(super) fn time(time: Option<&Timestamp>) -> String {
    let whole = time.map(|time| Timestamp { seconds: time.seconds, nanos: 0 });
    whole.as_ref().and_then(timestamp).unwrap_or_default()
}

fn state(credential: &Credential) -> &'static str {
    match credential.state() {
        State::Unspecified => "unknown",
        State::Active => "active",
        State::Deleted => "deleted",
    }
}

fn health(credential: &Credential) -> &'static str {
    match credential.health() {
        Health::Unspecified => "unknown",
        Health::Healthy => "healthy",
        Health::Unverified => "unverified",
        Health::Degraded => "degraded",
        Health::Refused => "refused",
        Health::AuthorizationRequired => "authorization required",
    }
}

fn grant(grant: Grant) -> &'static str {
    match grant {
        Grant::Unspecified => "unknown",
        Grant::Password => "password (with the service account)",
        Grant::ClientCredentials => "client credentials",
        Grant::AuthorizationCode => "authorization code (a person must authorize the app)",
    }
}

fn labels(credential: &Credential) -> String {
    let mut labels: Vec<_> =
        credential.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.sort_unstable();
    labels.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let at = |seconds, nanos| timestamp(&Timestamp { seconds, nanos });
        assert_eq!(at(0, 0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(at(1_795_000_000, 250_000_000).as_deref(), Some("2026-11-18T11:06:40.25Z"));
        for (seconds, nanos) in [(i64::MAX, 0), (0, -1), (0, 1_000_000_000)] {
            assert_eq!(at(seconds, nanos), None, "{seconds} {nanos}");
        }
        let odd = Timestamp { seconds: 0, nanos: 999 };
        assert_eq!(time(Some(&odd)), "1970-01-01T00:00:00Z");
        assert_eq!(time(None), "");
    }
}
