//! Domain values as protobuf messages.

mod audit;
mod diagnosis;

use crate::model::{Credential, Grant, Health, IonApiFacts, State, Version, VersionName};
use crate::pb::v1;
use crate::tokens::{BudgetUsage, HealthReport, Issued, Revocation, StartedAuthorization};

pub(super) use audit::{audit_checkpoint, audit_event};
pub(super) use diagnosis::diagnosis;

/// A credential, how it stands with Infor (`None` only if it has no version that serves), and what
/// is used of Infor's limits (where somebody looked).
pub(super) fn credential(
    credential: &Credential,
    report: Option<HealthReport>,
    usage: Option<BudgetUsage>,
) -> v1::Credential {
    let (state, delete_time) = match credential.state {
        State::Active => (v1::credential::State::Active, None),
        State::Deleted(time) => (v1::credential::State::Deleted, Some(time.into())),
    };
    let health =
        report.as_ref().map_or(v1::credential::Health::Unspecified, |report| health(report.health));
    let explanation = report.as_ref().and_then(|report| report.explanation.as_ref());
    let time = |time: Option<std::time::SystemTime>| time.map(Into::into);
    v1::Credential {
        name: credential.name.to_string(),
        uid: credential.uid.to_string(),
        etag: credential.etag().to_string(),
        state: state.into(),
        create_time: Some(credential.create_time.into()),
        update_time: Some(credential.update_time.into()),
        delete_time,
        labels: credential.labels.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        active_version: credential.active_version.get(),
        ion_api_file: credential.active().map(|version| ion_api_file(&version.facts)),
        health: health.into(),
        health_reason: explanation.map(|told| told.what.clone()).unwrap_or_default(),
        advice: explanation.map(|told| told.advice.to_owned()).unwrap_or_default(),
        last_token_time: time(report.as_ref().and_then(|report| report.last_token_time)),
        token_expire_time: time(report.as_ref().and_then(|report| report.token_expire_time)),
        token_budget: usage.map(token_budget),
    }
}

fn health(health: Health) -> v1::credential::Health {
    match health {
        Health::Healthy => v1::credential::Health::Healthy,
        Health::Unverified => v1::credential::Health::Unverified,
        Health::Degraded => v1::credential::Health::Degraded,
        Health::Refused => v1::credential::Health::Refused,
        Health::AuthorizationRequired => v1::credential::Health::AuthorizationRequired,
    }
}

fn token_budget(usage: BudgetUsage) -> v1::TokenBudget {
    let BudgetUsage { tokens_used, tokens_limit, logins_used, logins_limit } = usage;
    v1::TokenBudget { tokens_used, tokens_limit, logins_used, logins_limit }
}

pub(super) fn version(credential: &Credential, version: &Version) -> v1::CredentialVersion {
    let name = VersionName { credential: credential.name.clone(), version: version.number };
    v1::CredentialVersion {
        name: name.to_string(),
        active: version.number == credential.active_version,
        create_time: Some(version.create_time.into()),
        created_by: version.created_by.clone(),
        requested_by: version.requested_by.clone(),
        ion_api_file: Some(ion_api_file(&version.facts)),
    }
}

fn ion_api_file(facts: &IonApiFacts) -> v1::IonApiFile {
    let IonApiFacts {
        infor_tenant,
        application_name,
        application_type,
        client_id,
        api_base_url,
        authorization_server,
        scopes,
        has_service_account,
        grant,
        warnings,
    } = facts.clone();
    let grant = self::grant(grant);
    v1::IonApiFile {
        infor_tenant,
        application_name,
        application_type,
        client_id,
        api_base_url,
        authorization_server,
        scopes,
        has_service_account,
        grant: grant.into(),
        warnings,
    }
}

fn grant(grant: Grant) -> v1::ion_api_file::Grant {
    match grant {
        Grant::Password => v1::ion_api_file::Grant::Password,
        Grant::ClientCredentials => v1::ion_api_file::Grant::ClientCredentials,
        Grant::AuthorizationCode => v1::ion_api_file::Grant::AuthorizationCode,
    }
}

/// The token itself leaves the vault here, and only here.
pub(super) fn token(issued: &Issued) -> Option<v1::IssueTokenResponse> {
    let Issued { token, version } = issued;
    let facts = &version.facts;
    Some(v1::IssueTokenResponse {
        access_token: std::str::from_utf8(token.token.expose()).ok()?.to_owned(),
        token_type: "Bearer".to_owned(),
        expire_time: Some(token.expire_time.into()),
        token_id: token.id.clone(),
        infor_tenant: facts.infor_tenant.clone(),
        client_id: facts.client_id.clone(),
        api_base_url: facts.api_base_url.clone(),
        scopes: token.scopes.as_ref().unwrap_or(&facts.scopes).clone(),
        credential_version: version.number.get(),
    })
}

pub(super) fn authorization(started: StartedAuthorization) -> v1::StartAuthorizationResponse {
    let StartedAuthorization { authorization_uri, state, expire_time } = started;
    v1::StartAuthorizationResponse {
        authorization_uri,
        // It is base64url.
        state: String::from_utf8_lossy(state.expose()).into_owned(),
        expire_time: Some(expire_time.into()),
    }
}

pub(super) fn revocation(revocation: Revocation) -> v1::revoke_tokens_response::Revocation {
    match revocation {
        Revocation::None => v1::revoke_tokens_response::Revocation::None,
        Revocation::Done => v1::revoke_tokens_response::Revocation::Done,
        Revocation::Unsupported => v1::revoke_tokens_response::Revocation::Unsupported,
        Revocation::Pending => v1::revoke_tokens_response::Revocation::Pending,
    }
}
