//! A diagnosis for people.

use super::grant;
use crate::cli::table::Table;
use crate::pb::v1::Diagnosis;
use crate::pb::v1::diagnosis::{Attempt, Finding, Verdict, finding::Severity};

/// What was tried, what came back, what is wrong, what to do: a fact per line.
pub(in crate::cli::remote) fn of_diagnosis(diagnosis: &Diagnosis) -> Table {
    let mut table = Table::of_facts();
    table.fact("Verdict", verdict(diagnosis));
    table.fact("Version", diagnosis.version.rsplit('/').next().unwrap_or_default());
    for attempt in &diagnosis.attempts {
        table.fact("Tried", format!("{} at {}", grant(attempt.grant()), attempt.endpoint));
        table.fact("Answer", answer(attempt));
    }
    for finding in &diagnosis.findings {
        add_finding(&mut table, finding);
    }
    table
}

fn verdict(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.verdict() {
        Verdict::Unspecified => "unknown",
        Verdict::Accepted => "accepted: Infor issued a token",
        Verdict::Refused => "refused: Infor said no for good",
        Verdict::Unavailable => "unavailable: Infor did not answer, or cannot now",
        Verdict::Misbehaved => "misbehaved: what Infor answered is not a token answer",
        Verdict::AuthorizationRequired => "a person must authorize the app first",
        Verdict::BudgetExhausted => "not asked: Infor's limits would be passed",
        Verdict::HostNotAllowed => "not asked: the operator has not approved the host",
    }
}

fn answer(attempt: &Attempt) -> String {
    match &attempt.duration {
        Some(took) => {
            format!("{}, after {}.{:03} s", attempt.outcome, took.seconds, took.nanos / 1_000_000)
        }
        None => attempt.outcome.clone(),
    }
}

fn add_finding(table: &mut Table, finding: &Finding) {
    let name = match finding.severity() {
        Severity::Unspecified | Severity::Error => "Problem",
        Severity::Warning => "Warning",
    };
    table.fact(name, &finding.message);
    table.fact("  in the file", finding.file_keys.join(", "));
    table.fact("  in Infor", &finding.infor_setting);
    table.fact("  advice", &finding.advice);
}
