//! A diagnosis as a protobuf message.

use crate::model::{CredentialName, VersionName, VersionNumber};
use crate::pb::v1;
use crate::tokens::{Attempt, Diagnosis, Finding, Severity, Verdict};

use super::grant;

/// What Infor made of a version.
pub(in crate::grpc) fn diagnosis(
    credential: &CredentialName,
    version: VersionNumber,
    diagnosis: &Diagnosis,
) -> v1::Diagnosis {
    let Diagnosis { verdict, attempts, findings } = diagnosis;
    let verdict = match verdict {
        Verdict::Accepted => v1::diagnosis::Verdict::Accepted,
        Verdict::Refused => v1::diagnosis::Verdict::Refused,
        Verdict::Unavailable => v1::diagnosis::Verdict::Unavailable,
        Verdict::Misbehaved => v1::diagnosis::Verdict::Misbehaved,
        Verdict::AuthorizationRequired => v1::diagnosis::Verdict::AuthorizationRequired,
        Verdict::BudgetExhausted => v1::diagnosis::Verdict::BudgetExhausted,
        Verdict::HostNotAllowed => v1::diagnosis::Verdict::HostNotAllowed,
    };
    v1::Diagnosis {
        verdict: verdict.into(),
        version: VersionName { credential: credential.clone(), version }.to_string(),
        attempts: attempts.iter().map(attempt).collect(),
        findings: findings.iter().map(finding).collect(),
    }
}

fn attempt(attempt: &Attempt) -> v1::diagnosis::Attempt {
    let Attempt { grant, endpoint, start_time, duration, outcome, oauth_error } = attempt;
    v1::diagnosis::Attempt {
        grant: self::grant(*grant).into(),
        endpoint: endpoint.clone(),
        start_time: Some((*start_time).into()),
        // An attempt ends within a minute.
        duration: prost_types::Duration::try_from(*duration).ok(),
        outcome: outcome.clone(),
        oauth_error: oauth_error.map(|error| error.to_string()).unwrap_or_default(),
    }
}

fn finding(finding: &Finding) -> v1::diagnosis::Finding {
    let Finding { severity, message, advice, file_keys, infor_setting } = finding;
    let severity = match severity {
        Severity::Error => v1::diagnosis::finding::Severity::Error,
        Severity::Warning => v1::diagnosis::finding::Severity::Warning,
    };
    v1::diagnosis::Finding {
        severity: severity.into(),
        message: message.clone(),
        advice: (*advice).to_owned(),
        file_keys: file_keys.iter().map(|key| (*key).to_owned()).collect(),
        infor_setting: (*infor_setting).to_owned(),
    }
}
