//! What is unusual, although there may be a token.

use std::time::Duration;

use crate::ion;
use crate::model::{Grant, IonApiFacts};

use super::super::explanation::TOKEN_LIFETIME;
use super::{Finding, Severity, Subject, TokenFacts};

/// Infor grants a client 100 tokens a day: tokens of a shorter life than this, renewed one after
/// the other, are more.
const LIFE_MIN: Duration = Duration::from_secs(24 * 60 * 60 / 100);

/// Infor's tokens live two hours by default; one that is out for longer than a day is a risk that
/// somebody should have decided on.
const LIFE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// About the token.
pub(super) fn of_token(facts: &IonApiFacts, granted: TokenFacts<'_>) -> Vec<Finding> {
    let TokenFacts { lifetime, scopes, refresh_token } = granted;
    let mut findings = Vec::new();
    if facts.grant == Grant::Password && !refresh_token {
        findings.push(Finding {
            severity: Severity::Warning,
            message: "Infor gave no refresh token: Issue Refresh Tokens looks off".to_owned(),
            advice: ion::NO_REFRESH_TOKEN_ADVICE,
            file_keys: &[],
            infor_setting: "ION API > Authorized Apps > the app > Issue Refresh Tokens",
        });
    }
    findings.extend(of_lifetime(lifetime));
    findings.extend(scopes.and_then(|granted| of_scopes(&facts.scopes, granted)));
    findings
}

fn of_lifetime(lifetime: Duration) -> Option<Finding> {
    let seconds = lifetime.as_secs();
    let (message, advice) = if lifetime < LIFE_MIN {
        (
            format!("the token lives only {seconds} s"),
            "Infor grants an app 100 tokens a day, and tokens as short-lived as this can use them \
             up. In Infor ION API, Authorized Apps, open the app and give its access tokens a \
             longer life; two hours are usual.",
        )
    } else if lifetime > LIFE_MAX {
        (
            format!("the token lives {} h", seconds / 3600),
            "A token that gets into wrong hands is good for all of its life, and Infor usually \
             cannot recall it. In Infor ION API, Authorized Apps, open the app and give its access \
             tokens a shorter life; two hours are usual.",
        )
    } else {
        return None;
    };
    Some(Finding {
        severity: Severity::Warning,
        message,
        advice,
        file_keys: &[],
        infor_setting: TOKEN_LIFETIME,
    })
}

/// The file names its scopes, so naming those that are missing tells nothing new.
fn of_scopes(asked: &[String], granted: &[String]) -> Option<Finding> {
    let missing: Vec<_> =
        asked.iter().filter(|scope| !granted.contains(scope)).map(String::as_str).collect();
    (!missing.is_empty()).then(|| Finding {
        severity: Severity::Warning,
        message: format!("the token lacks scopes that the file names: {}", missing.join(" ")),
        advice: "Calls that need them will be refused by Infor. In Infor ION API, Authorized Apps, \
                 open the app, check its scopes, save, download the credentials again and upload \
                 the new file.",
        file_keys: &["sc"],
        infor_setting: "ION API > Authorized Apps > the app > Scopes",
    })
}

/// About the tenant that the file is of, and the environment that the credential is for.
pub(super) fn of_environment(subject: Subject<'_>) -> Option<Finding> {
    let mismatch = ion::environment_mismatch(&subject.facts.infor_tenant, subject.environment?)?;
    Some(Finding {
        severity: Severity::Warning,
        message: mismatch,
        advice: "",
        file_keys: &["ti"],
        infor_setting: "",
    })
}

/// About the file, as it was noted when it was uploaded.
pub(super) fn of_file(facts: &IonApiFacts) -> impl Iterator<Item = Finding> + '_ {
    facts.warnings.iter().map(|warning| Finding {
        severity: Severity::Warning,
        message: warning.clone(),
        advice: "",
        file_keys: &[],
        infor_setting: "",
    })
}
