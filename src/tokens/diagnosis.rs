//! What asking Infor for a token came to, for the person who can change something in Infor.
//!
//! Only conclusions, no requests: `verify.rs` asks, this says what the answer means.

mod warnings;

use std::time::{Duration, SystemTime};

use crate::model::{Grant, IonApiFacts};
use crate::ports::OauthError;

use super::explanation::Explanation;
use super::flight::FlightError;

/// What asking for a token came to. Holds no secret and no text of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnosis {
    /// In one word.
    pub verdict: Verdict,
    /// What was tried; empty if Infor was not asked.
    pub attempts: Vec<Attempt>,
    /// What is wrong or unusual, the weightiest first.
    pub findings: Vec<Finding>,
}

/// What asking for a token can come to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Infor issued a token.
    Accepted,
    /// Infor said no for good.
    Refused,
    /// Infor did not answer, or answered that it cannot now.
    Unavailable,
    /// What Infor answered is not a token answer.
    Misbehaved,
    /// A person must authorize the app first.
    AuthorizationRequired,
    /// Infor's limits would be passed, so it was not asked.
    BudgetExhausted,
    /// The operator does not approve where the file points to, so nothing was sent.
    HostNotAllowed,
}

/// One request to Infor.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attempt {
    /// The grant that was asked with.
    pub grant: Grant,
    /// Host and port of the token endpoint.
    pub endpoint: String,
    /// When it began.
    pub start_time: SystemTime,
    /// How long it took, waiting for its turn included.
    pub duration: Duration,
    /// What came back, in fixed words.
    pub outcome: String,
    /// Infor's error code, if there was one.
    pub oauth_error: Option<OauthError>,
}

/// One thing that is wrong or unusual.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is.
    pub message: String,
    /// What to do about it; may be empty.
    pub advice: &'static str,
    /// The keys of the file that it is about.
    pub file_keys: &'static [&'static str],
    /// Where in Infor to look; may be empty.
    pub infor_setting: &'static str,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// No token can be had until it is changed, or time heals it.
    Error,
    /// Tokens can be had, and something is mistaken or will go wrong later.
    Warning,
}

/// What the file is, and what it is meant for.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) facts: &'a IonApiFacts,
    /// The label `environment` of the credential.
    pub(super) environment: Option<&'a str>,
}

/// What is known of a token that Infor issued, but for the token.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenFacts<'a> {
    /// Its whole life.
    pub(super) lifetime: Duration,
    /// What it is good for, if Infor said so.
    pub(super) scopes: Option<&'a [String]>,
    /// Whether a refresh token is there.
    pub(super) refresh_token: bool,
}

impl Diagnosis {
    /// There is a token.
    pub(super) fn accepted(
        subject: Subject<'_>,
        granted: TokenFacts<'_>,
        attempt: Option<Attempt>,
    ) -> Self {
        let mut findings = warnings::of_token(subject.facts, granted);
        findings.extend(warnings::of_environment(subject));
        let attempts = attempt.into_iter().collect();
        Self { verdict: Verdict::Accepted, attempts, findings }
    }

    /// There is none. `None` if that is the vault's own trouble, and says nothing about the file.
    pub(super) fn failed(
        subject: Subject<'_>,
        error: &FlightError,
        attempt: Option<Attempt>,
    ) -> Option<Self> {
        let verdict = Verdict::of(error)?;
        let Explanation { what, advice, file_keys, infor_setting } =
            Explanation::of(error, subject.facts.grant)?;
        let cause =
            Finding { severity: Severity::Error, message: what, advice, file_keys, infor_setting };
        let mut findings = vec![cause];
        findings.extend(warnings::of_environment(subject));
        // What is unusual about the file may be what is wrong with it.
        findings.extend(warnings::of_file(subject.facts));
        Some(Self { verdict, attempts: attempt.into_iter().collect(), findings })
    }
}

impl Attempt {
    /// What was sent and what came back; `None` if nothing was sent.
    pub(super) fn of(
        subject: Subject<'_>,
        (start_time, duration): (SystemTime, Duration),
        came: Result<TokenFacts<'_>, &FlightError>,
    ) -> Option<Self> {
        let (outcome, oauth_error) = match came {
            Ok(TokenFacts { refresh_token: true, .. }) => {
                ("a token and a refresh token".to_owned(), None)
            }
            Ok(TokenFacts { refresh_token: false, .. }) => ("a token".to_owned(), None),
            Err(error) => in_words(error)?,
        };
        let facts = subject.facts;
        let endpoint = facts.authorization_server.strip_prefix("https://");
        let endpoint = endpoint.and_then(|rest| rest.split('/').next()).unwrap_or_default();
        let port = if endpoint.contains(':') { "" } else { ":443" };
        let endpoint = format!("{endpoint}{port}");
        Some(Self { grant: facts.grant, endpoint, start_time, duration, outcome, oauth_error })
    }
}

/// What came back; `None` if nothing was sent.
fn in_words(error: &FlightError) -> Option<(String, Option<OauthError>)> {
    let outcome = match error {
        FlightError::Refused { error, .. } => {
            return Some((format!("a refusal ({error})"), Some(*error)));
        }
        FlightError::Unavailable { what, .. } => format!("no token: {what}"),
        FlightError::Throttled { .. } => "no token: it wants fewer requests".to_owned(),
        FlightError::NoEndpoint => "no token: there is nothing at this path".to_owned(),
        FlightError::Misbehaved(what) => format!("no token answer: {what}"),
        FlightError::ShortLived => "a token that is as good as expired".to_owned(),
        FlightError::AuthorizationRequired
        | FlightError::Server(_)
        | FlightError::Budget(_)
        | FlightError::Host(_)
        | FlightError::Address(_)
        | FlightError::Open(_)
        | FlightError::SealBudget(_)
        | FlightError::Store(_)
        | FlightError::Key(_)
        | FlightError::Seal(_)
        | FlightError::TooManyAccounts
        | FlightError::Random(_)
        | FlightError::AskAgain
        | FlightError::Abandoned => return None,
    };
    Some((outcome, None))
}

impl Verdict {
    /// What a failure says of the file; `None` if that is the vault's own trouble.
    pub(super) fn of(error: &FlightError) -> Option<Self> {
        Some(match error {
            FlightError::Refused { .. } => Self::Refused,
            FlightError::AuthorizationRequired => Self::AuthorizationRequired,
            FlightError::Unavailable { .. }
            | FlightError::Throttled { .. }
            | FlightError::Server(_) => Self::Unavailable,
            FlightError::Budget(_) => Self::BudgetExhausted,
            FlightError::NoEndpoint | FlightError::Misbehaved(_) | FlightError::ShortLived => {
                Self::Misbehaved
            }
            FlightError::Host(_) | FlightError::Address(_) => Self::HostNotAllowed,
            FlightError::Open(_)
            | FlightError::SealBudget(_)
            | FlightError::Store(_)
            | FlightError::Key(_)
            | FlightError::Seal(_)
            | FlightError::TooManyAccounts
            | FlightError::Random(_)
            | FlightError::AskAgain
            | FlightError::Abandoned => return None,
        })
    }
}

#[cfg(test)]
mod tests;
