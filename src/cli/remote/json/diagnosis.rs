//! A diagnosis for programs.

use serde::Serialize;

use super::timestamp;
use crate::pb::v1;

#[derive(Serialize)]
pub(in crate::cli::remote) struct DiagnosisAnswer<'a> {
    diagnosis: Diagnosis<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Diagnosis<'a> {
    verdict: &'static str,
    version: &'a str,
    attempts: Vec<Attempt<'a>>,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attempt<'a> {
    grant: &'static str,
    endpoint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<String>,
    outcome: &'a str,
    oauth_error: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding<'a> {
    severity: &'static str,
    message: &'a str,
    advice: &'a str,
    file_keys: &'a [String],
    infor_setting: &'a str,
}

impl<'a> From<&'a v1::Diagnosis> for DiagnosisAnswer<'a> {
    fn from(diagnosis: &'a v1::Diagnosis) -> Self {
        Self { diagnosis: diagnosis.into() }
    }
}

impl<'a> From<&'a v1::Diagnosis> for Diagnosis<'a> {
    fn from(diagnosis: &'a v1::Diagnosis) -> Self {
        Self {
            verdict: diagnosis.verdict().as_str_name(),
            version: &diagnosis.version,
            attempts: diagnosis.attempts.iter().map(Into::into).collect(),
            findings: diagnosis.findings.iter().map(Into::into).collect(),
        }
    }
}

impl<'a> From<&'a v1::diagnosis::Attempt> for Attempt<'a> {
    fn from(attempt: &'a v1::diagnosis::Attempt) -> Self {
        Self {
            grant: attempt.grant().as_str_name(),
            endpoint: &attempt.endpoint,
            start_time: attempt.start_time.as_ref().and_then(timestamp),
            duration: attempt.duration.as_ref().map(duration),
            outcome: &attempt.outcome,
            oauth_error: &attempt.oauth_error,
        }
    }
}

impl<'a> From<&'a v1::diagnosis::Finding> for Finding<'a> {
    fn from(finding: &'a v1::diagnosis::Finding) -> Self {
        Self {
            severity: finding.severity().as_str_name(),
            message: &finding.message,
            advice: &finding.advice,
            file_keys: &finding.file_keys,
            infor_setting: &finding.infor_setting,
        }
    }
}

/// As proto3 JSON spells it, to the millisecond: `1.050s`.
fn duration(duration: &prost_types::Duration) -> String {
    format!("{}.{:03}s", duration.seconds, duration.nanos / 1_000_000)
}
