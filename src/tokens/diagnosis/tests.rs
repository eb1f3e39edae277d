//! What each answer of Infor's is made of.

use super::super::servers::{NotNow, Why};
use super::*;

fn facts(grant: Grant) -> IonApiFacts {
    IonApiFacts {
        infor_tenant: "ACME_TST".to_owned(),
        application_name: "DocBits".to_owned(),
        application_type: "12".to_owned(),
        client_id: "ACME_TST~invented".to_owned(),
        api_base_url: "https://mingle-ionapi.eu1.inforcloudsuite.com/ACME_TST".to_owned(),
        authorization_server: "https://mingle-sso.eu1.inforcloudsuite.com/ACME_TST/as/".to_owned(),
        scopes: vec!["Infor-ION".to_owned(), "Infor-M3".to_owned()],
        has_service_account: grant == Grant::Password,
        grant,
        warnings: vec!["`v` is absent".to_owned()],
    }
}

fn subject(facts: &IonApiFacts) -> Subject<'_> {
    Subject { facts, environment: None }
}

fn refused(error: OauthError, grant: Grant) -> FlightError {
    FlightError::Refused { error, advice: crate::ion::advice(error, grant) }
}

fn failed(grant: Grant, error: &FlightError) -> Option<Diagnosis> {
    let facts = facts(grant);
    let when = (SystemTime::UNIX_EPOCH, Duration::from_millis(250));
    let attempt = Attempt::of(subject(&facts), when, Err(error));
    Diagnosis::failed(subject(&facts), error, attempt)
}

/// The place in the file and in Infor of the weightiest finding.
fn place(diagnosis: &Diagnosis) -> (&'static [&'static str], &'static str) {
    (diagnosis.findings[0].file_keys, diagnosis.findings[0].infor_setting)
}

#[test]
fn each_refusal_names_its_keys_and_its_place_in_infor() {
    for (error, grant, keys, setting) in [
        (OauthError::InvalidClient, Grant::Password, &["ci", "cs"][..], "Authorized Apps"),
        (OauthError::InvalidGrant, Grant::Password, &["saak", "sask"], "Service Accounts"),
        (
            OauthError::InvalidGrant,
            Grant::ClientCredentials,
            &["saak", "sask"],
            "Create Service Account",
        ),
        (OauthError::InvalidGrant, Grant::AuthorizationCode, &["ru"], "Authorized Apps"),
        (OauthError::UnauthorizedClient, Grant::Password, &["dt"], "Grant Type"),
        (OauthError::UnsupportedGrantType, Grant::ClientCredentials, &["dt"], "Grant Type"),
        (OauthError::InvalidScope, Grant::Password, &["sc"], "Scopes"),
        (OauthError::InvalidRequest, Grant::Password, &["pu", "ti"], "Authorized Apps"),
    ] {
        let diagnosis = failed(grant, &refused(error, grant)).unwrap();
        assert_eq!(diagnosis.verdict, Verdict::Refused);
        assert_eq!(diagnosis.findings[0].severity, Severity::Error);
        let (named, place) = place(&diagnosis);
        assert_eq!(named, keys, "{error} {grant:?}");
        assert!(place.contains(setting), "{error} {grant:?}: {place}");
        assert_eq!(diagnosis.findings[0].advice, crate::ion::advice(error, grant));
        let [attempt] = diagnosis.attempts.as_slice() else { panic!("{error}: {diagnosis:?}") };
        assert_eq!(attempt.oauth_error, Some(error));
        assert_eq!(attempt.outcome, format!("a refusal ({error})"));
        assert_eq!(attempt.endpoint, "mingle-sso.eu1.inforcloudsuite.com:443");
        assert_eq!(attempt.duration, Duration::from_millis(250));
    }
}

#[test]
fn what_is_no_refusal_has_its_own_verdict_and_says_whether_anything_was_sent() {
    let not_now = NotNow { retry_after: Duration::from_secs(30), why: Why::Open };
    for (error, verdict, sent) in [
        (
            FlightError::Unavailable { what: "it hung up".into(), retry_after: None },
            Verdict::Unavailable,
            Some("no token: it hung up"),
        ),
        (
            FlightError::Throttled { retry_after: None },
            Verdict::Unavailable,
            Some("no token: it wants fewer requests"),
        ),
        (FlightError::Server(not_now), Verdict::Unavailable, None),
        (
            FlightError::NoEndpoint,
            Verdict::Misbehaved,
            Some("no token: there is nothing at this path"),
        ),
        (
            FlightError::Misbehaved("it is HTML".into()),
            Verdict::Misbehaved,
            Some("no token answer: it is HTML"),
        ),
        (FlightError::ShortLived, Verdict::Misbehaved, Some("a token that is as good as expired")),
        (FlightError::Address("it is private".into()), Verdict::HostNotAllowed, None),
    ] {
        let diagnosis = failed(Grant::Password, &error).unwrap();
        assert_eq!(diagnosis.verdict, verdict, "{error}");
        let outcome = diagnosis.attempts.first().map(|attempt| attempt.outcome.as_str());
        assert_eq!(outcome, sent, "{error}");
        assert!(!diagnosis.findings[0].advice.is_empty(), "{error}");
    }
    let diagnosis = failed(Grant::AuthorizationCode, &FlightError::AuthorizationRequired).unwrap();
    assert_eq!(diagnosis.verdict, Verdict::AuthorizationRequired);
    assert!(diagnosis.attempts.is_empty());
    assert_eq!(diagnosis.findings[0].file_keys, ["ru"]);
}

#[test]
fn the_vaults_own_trouble_is_no_diagnosis_of_the_file() {
    for error in [FlightError::AskAgain, FlightError::Abandoned, FlightError::TooManyAccounts] {
        assert_eq!(failed(Grant::Password, &error), None, "{error}");
    }
}

#[test]
fn what_was_odd_about_the_file_is_told_when_it_fails_and_not_when_it_works() {
    let error = refused(OauthError::InvalidClient, Grant::Password);
    let said = |diagnosis: Diagnosis| {
        diagnosis.findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
    };
    let told = said(failed(Grant::Password, &error).unwrap());
    assert_eq!(told, ["Infor refused this credential (invalid_client)", "`v` is absent"]);
    let facts = facts(Grant::Password);
    assert_eq!(said(Diagnosis::accepted(subject(&facts), usual(&facts), None)), [""; 0]);
}

fn usual(facts: &IonApiFacts) -> TokenFacts<'_> {
    TokenFacts {
        lifetime: Duration::from_secs(7200),
        scopes: Some(&facts.scopes),
        refresh_token: true,
    }
}

#[test]
fn a_token_with_something_odd_about_it_is_accepted_with_a_warning() {
    let facts = facts(Grant::Password);
    let scopes = ["Infor-ION".to_owned()];
    let warned = |token: TokenFacts<'_>, environment| {
        let subject = Subject { facts: &facts, environment };
        let diagnosis = Diagnosis::accepted(subject, token, None);
        assert_eq!(diagnosis.verdict, Verdict::Accepted);
        let warnings = diagnosis.findings.iter();
        assert!(warnings.clone().all(|finding| finding.severity == Severity::Warning));
        warnings.map(|finding| finding.message.clone()).collect::<Vec<_>>().join("; ")
    };
    let usual = usual(&facts);
    let lives = |seconds| TokenFacts { lifetime: Duration::from_secs(seconds), ..usual };
    for (token, environment, expected) in [
        (usual, None, ""),
        (usual, Some("test"), ""),
        (usual, Some("production"), "is a test tenant, but"),
        (TokenFacts { refresh_token: false, ..usual }, None, "Issue Refresh Tokens looks off"),
        (lives(864), None, ""),
        (lives(863), None, "lives only 863 s"),
        (lives(24 * 3600), None, ""),
        (lives(48 * 3600), None, "lives 48 h"),
        (TokenFacts { scopes: Some(&scopes), ..usual }, None, "names: Infor-M3"),
        (TokenFacts { scopes: None, ..usual }, None, ""),
    ] {
        let said = warned(token, environment);
        assert!(said.contains(expected), "{said} / {expected}");
        assert_eq!(said.is_empty(), expected.is_empty(), "{said} / {expected}");
    }
}

#[test]
fn only_a_log_in_with_a_service_account_should_bring_a_refresh_token() {
    let facts = facts(Grant::ClientCredentials);
    let token = TokenFacts { refresh_token: false, ..usual(&facts) };
    assert_eq!(Diagnosis::accepted(subject(&facts), token, None).findings, []);
}
