//! Answers for programs: proto3 JSON, with every field present except times that are not set.
//!
//! The shapes are written down here, not derived from the messages, so that nothing gets printed
//! because it was added to a message; a test compares them with the proto files, so that nothing
//! is forgotten. The only secret here is `accessToken`, in the answer of `ionvault token`.

mod audit;
mod diagnosis;

use std::collections::BTreeMap;

use serde::Serialize;

use super::sheet::timestamp;
use crate::pb::v1;

pub(super) use audit::{AuditEvent, CheckpointAnswer, ProofAnswer};
use diagnosis::Diagnosis;
pub(super) use diagnosis::DiagnosisAnswer;

#[derive(Serialize)]
pub(super) struct CredentialAnswer<'a> {
    credential: Credential<'a>,
}

#[derive(Serialize)]
pub(super) struct UploadAnswer<'a> {
    credential: Credential<'a>,
    version: u32,
    added: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnosis: Option<Diagnosis<'a>>,
    activated: bool,
}

#[derive(Serialize)]
pub(super) struct RevokeAnswer {
    revocation: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionsAnswer<'a> {
    credential_versions: Vec<Version<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credential<'a> {
    name: &'a str,
    uid: &'a str,
    etag: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_time: Option<String>,
    labels: BTreeMap<&'a str, &'a str>,
    active_version: u32,
    ion_api_file: IonApiFile<'a>,
    health: &'static str,
    health_reason: &'a str,
    advice: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_token_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_expire_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_budget: Option<TokenBudget>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenBudget {
    tokens_used: u32,
    tokens_limit: u32,
    logins_used: u32,
    logins_limit: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IonApiFile<'a> {
    infor_tenant: &'a str,
    application_name: &'a str,
    application_type: &'a str,
    client_id: &'a str,
    api_base_url: &'a str,
    authorization_server: &'a str,
    scopes: &'a [String],
    has_service_account: bool,
    grant: &'static str,
    warnings: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version<'a> {
    name: &'a str,
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_time: Option<String>,
    created_by: &'a str,
    requested_by: &'a str,
    ion_api_file: IonApiFile<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token<'a> {
    access_token: &'a str,
    token_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_time: Option<String>,
    token_id: &'a str,
    infor_tenant: &'a str,
    client_id: &'a str,
    api_base_url: &'a str,
    scopes: &'a [String],
    credential_version: u32,
}

impl<'a> From<&'a v1::Credential> for CredentialAnswer<'a> {
    fn from(credential: &'a v1::Credential) -> Self {
        Self { credential: credential.into() }
    }
}

impl<'a> UploadAnswer<'a> {
    pub(super) fn new(
        credential: &'a v1::Credential,
        answer: &'a v1::UploadCredentialResponse,
    ) -> Self {
        Self {
            credential: credential.into(),
            version: answer.version,
            added: answer.added,
            diagnosis: answer.diagnosis.as_ref().map(Diagnosis::from),
            activated: answer.activated,
        }
    }
}

impl From<&v1::RevokeTokensResponse> for RevokeAnswer {
    fn from(answer: &v1::RevokeTokensResponse) -> Self {
        Self { revocation: answer.revocation().as_str_name() }
    }
}

impl From<&v1::TokenBudget> for TokenBudget {
    fn from(budget: &v1::TokenBudget) -> Self {
        let v1::TokenBudget { tokens_used, tokens_limit, logins_used, logins_limit } = *budget;
        Self { tokens_used, tokens_limit, logins_used, logins_limit }
    }
}

impl<'a> From<&'a [v1::CredentialVersion]> for VersionsAnswer<'a> {
    fn from(versions: &'a [v1::CredentialVersion]) -> Self {
        Self { credential_versions: versions.iter().map(Into::into).collect() }
    }
}

impl<'a> From<&'a v1::Credential> for Credential<'a> {
    fn from(credential: &'a v1::Credential) -> Self {
        Self {
            name: &credential.name,
            uid: &credential.uid,
            etag: &credential.etag,
            state: credential.state().as_str_name(),
            create_time: credential.create_time.as_ref().and_then(timestamp),
            update_time: credential.update_time.as_ref().and_then(timestamp),
            delete_time: credential.delete_time.as_ref().and_then(timestamp),
            labels: credential.labels.iter().map(|(key, value)| (&**key, &**value)).collect(),
            active_version: credential.active_version,
            ion_api_file: credential.ion_api_file.as_ref().unwrap_or(&NO_FILE).into(),
            health: credential.health().as_str_name(),
            health_reason: &credential.health_reason,
            advice: &credential.advice,
            last_token_time: credential.last_token_time.as_ref().and_then(timestamp),
            token_expire_time: credential.token_expire_time.as_ref().and_then(timestamp),
            token_budget: credential.token_budget.as_ref().map(TokenBudget::from),
        }
    }
}

impl<'a> From<&'a v1::IonApiFile> for IonApiFile<'a> {
    fn from(file: &'a v1::IonApiFile) -> Self {
        Self {
            infor_tenant: &file.infor_tenant,
            application_name: &file.application_name,
            application_type: &file.application_type,
            client_id: &file.client_id,
            api_base_url: &file.api_base_url,
            authorization_server: &file.authorization_server,
            scopes: &file.scopes,
            has_service_account: file.has_service_account,
            grant: file.grant().as_str_name(),
            warnings: &file.warnings,
        }
    }
}

impl<'a> From<&'a v1::CredentialVersion> for Version<'a> {
    fn from(version: &'a v1::CredentialVersion) -> Self {
        Self {
            name: &version.name,
            active: version.active,
            create_time: version.create_time.as_ref().and_then(timestamp),
            created_by: &version.created_by,
            requested_by: &version.requested_by,
            ion_api_file: version.ion_api_file.as_ref().unwrap_or(&NO_FILE).into(),
        }
    }
}

impl<'a> From<&'a v1::IssueTokenResponse> for Token<'a> {
    fn from(token: &'a v1::IssueTokenResponse) -> Self {
        Self {
            access_token: &token.access_token,
            token_type: &token.token_type,
            expire_time: token.expire_time.as_ref().and_then(timestamp),
            token_id: &token.token_id,
            infor_tenant: &token.infor_tenant,
            client_id: &token.client_id,
            api_base_url: &token.api_base_url,
            scopes: &token.scopes,
            credential_version: token.credential_version,
        }
    }
}

/// Stands for a message that a vault left out.
static NO_FILE: v1::IonApiFile = v1::IonApiFile {
    infor_tenant: String::new(),
    application_name: String::new(),
    application_type: String::new(),
    client_id: String::new(),
    api_base_url: String::new(),
    authorization_server: String::new(),
    scopes: Vec::new(),
    has_service_account: false,
    grant: 0,
    warnings: Vec::new(),
};

#[cfg(test)]
mod tests;
