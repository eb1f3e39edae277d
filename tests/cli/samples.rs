//! What the scripted vault answers. Everything is invented.

use std::collections::HashMap;

use ionvault::pb::v1;
use ionvault::pb::v1::watch_token_response::Event;
use prost_types::Timestamp;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

pub(crate) const TOKEN: &str = "sample-token-that-is-shown-to-nobody-who-did-not-ask";

pub(crate) fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_795_000_000 + seconds, nanos: 0 })
}

pub(crate) fn file() -> v1::IonApiFile {
    v1::IonApiFile {
        infor_tenant: "ACME_PRD".into(),
        application_name: "DocBits_PRD".into(),
        application_type: "12".into(),
        client_id: "ACME_PRD~sample".into(),
        api_base_url: "https://mingle-ionapi.example/ACME_PRD".into(),
        authorization_server: "https://mingle-sso.example/ACME_PRD/as/".into(),
        scopes: vec!["Infor-ION".into(), "Infor-M3".into()],
        has_service_account: true,
        grant: v1::ion_api_file::Grant::Password.into(),
        warnings: vec!["`v` is absent".into()],
    }
}

pub(crate) fn credential(name: &str) -> v1::Credential {
    v1::Credential {
        name: name.into(),
        uid: "0123456789abcdef".into(),
        etag: "\"01234567-5\"".into(),
        state: v1::credential::State::Active.into(),
        create_time: at(0),
        update_time: at(60),
        delete_time: None,
        labels: HashMap::from([
            ("owner".into(), "finance".into()),
            ("environment".into(), "prd".into()),
        ]),
        active_version: 2,
        ion_api_file: Some(file()),
        health: v1::credential::Health::Degraded.into(),
        health_reason: "Infor did not answer".into(),
        advice: "Wait.".into(),
        last_token_time: at(-60),
        token_expire_time: at(7140),
        token_budget: Some(v1::TokenBudget {
            tokens_used: 12,
            tokens_limit: 100,
            logins_used: 3,
            logins_limit: 1000,
        }),
    }
}

/// What Infor made of a version, in the way that `verdict` says.
pub(crate) fn diagnosis(version: &str, verdict: v1::diagnosis::Verdict) -> v1::Diagnosis {
    use v1::diagnosis::finding::Severity;
    use v1::diagnosis::{Attempt, Finding, Verdict};
    let accepted = verdict == Verdict::Accepted;
    let problem = Finding {
        severity: Severity::Error.into(),
        message: "Infor refused this credential (invalid_grant)".into(),
        advice: "Enable the service account.".into(),
        file_keys: vec!["saak".into(), "sask".into()],
        infor_setting: "Security > Service Accounts".into(),
    };
    let warning = Finding {
        severity: Severity::Warning.into(),
        message: "Issue Refresh Tokens looks off".into(),
        advice: "Switch it on.".into(),
        file_keys: vec![],
        infor_setting: "ION API > Authorized Apps".into(),
    };
    v1::Diagnosis {
        verdict: verdict.into(),
        version: version.into(),
        attempts: vec![Attempt {
            grant: v1::ion_api_file::Grant::Password.into(),
            endpoint: "mingle-sso.example:443".into(),
            start_time: at(0),
            duration: Some(prost_types::Duration { seconds: 0, nanos: 250_000_000 }),
            outcome: if accepted { "a token" } else { "a refusal (invalid_grant)" }.into(),
            oauth_error: if accepted { "" } else { "invalid_grant" }.into(),
        }],
        findings: if accepted { vec![warning] } else { vec![problem, warning] },
    }
}

pub(crate) fn version(credential: &str, number: u32, active: bool) -> v1::CredentialVersion {
    v1::CredentialVersion {
        name: format!("{credential}/versions/{number}"),
        active,
        create_time: at(i64::from(number)),
        created_by: "spiffe://example.test/uploader".into(),
        requested_by: "jo@acme.example".into(),
        ion_api_file: Some(file()),
    }
}

pub(crate) fn token() -> v1::IssueTokenResponse {
    v1::IssueTokenResponse {
        access_token: TOKEN.into(),
        token_type: "Bearer".into(),
        expire_time: at(7200),
        token_id: "tok_sample".into(),
        infor_tenant: "ACME_PRD".into(),
        client_id: "ACME_PRD~sample".into(),
        api_base_url: "https://mingle-ionapi.example/ACME_PRD".into(),
        scopes: vec!["Infor-ION".into()],
        credential_version: 2,
    }
}

pub(crate) fn authorization() -> v1::StartAuthorizationResponse {
    v1::StartAuthorizationResponse {
        authorization_uri: "https://mingle-sso.example/ACME_PRD/as/authorization.oauth2?state=s1"
            .into(),
        state: "s1".into(),
        expire_time: at(600),
    }
}

/// One message of a stream.
pub(crate) type WatchItem = Result<v1::WatchTokenResponse, Status>;

/// What a watcher is told before its stream ends.
pub(crate) fn events() -> Vec<WatchItem> {
    let problem = v1::TokenProblem {
        reason: "PROVIDER_UNAVAILABLE".into(),
        message: "Infor did not answer".into(),
        retry_time: at(7000),
    };
    let events = [Event::Token(token()), Event::Problem(problem)];
    events.into_iter().map(|event| Ok(v1::WatchTokenResponse { event: Some(event) })).collect()
}

/// The end of a stream whose credential was deleted.
pub(crate) fn deleted() -> Status {
    let details = ErrorDetails::with_error_info("CREDENTIAL_DELETED", "ionvault", HashMap::new());
    let message = "the credential is deleted: undelete it first";
    Status::with_error_details(Code::FailedPrecondition, message, details)
}
