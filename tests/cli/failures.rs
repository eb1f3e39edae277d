//! What is said when the vault refuses, and how scripts see it.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::vault::{Asked, Vault};

fn reason(reason: &str, metadata: &[(&str, &str)]) -> ErrorDetails {
    let metadata: HashMap<String, String> =
        metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    ErrorDetails::with_error_info(reason, "ionvault", metadata)
}

fn refusal(code: Code, message: &str, details: ErrorDetails) -> Status {
    Status::with_error_details(code, message, details)
}

#[test]
fn every_wrong_key_of_a_file_gets_its_line() {
    let vault = Vault::start();
    let mut details = reason("INVALID_ION_API_FILE", &[]);
    details.add_bad_request_violation("ion_api_file.ci", "the key is missing");
    details.add_bad_request_violation("ion_api_file.pu", "not an https URL");
    vault.refuse(refusal(Code::InvalidArgument, "the file is not an ION API file", details));
    let file = vault.file("file", b"{}");
    assert_eq!(
        vault.run(&["upload", "acme/infor", &file]).failed(1),
        "error: the file is not an ION API file\n\
         \x20 ion_api_file.ci: the key is missing\n\
         \x20 ion_api_file.pu: not an https URL\n\
         reason: INVALID_ION_API_FILE\n\
         next: download the file again in Infor (ION API > Authorized Apps > the app > Download \
         Credentials) and upload it unchanged\n"
    );
}

#[test]
fn exit_codes_say_who_must_act() {
    for (code, name, exit, next) in [
        (Code::NotFound, "CREDENTIAL_NOT_FOUND", 3, "see `ionvault list`"),
        (Code::PermissionDenied, "CALLER_DENIED", 4, "ask an administrator"),
        (Code::Unauthenticated, "CALLER_UNKNOWN", 4, "exactly one SPIFFE id"),
        (Code::FailedPrecondition, "CREDENTIAL_REFUSED", 5, "ionvault upload acme/infor FILE"),
        (Code::FailedPrecondition, "CREDENTIAL_DELETED", 1, "run `ionvault undelete acme/infor`"),
        (Code::Unavailable, "PROVIDER_UNAVAILABLE", 6, "run the command again later"),
        (Code::DataLoss, "INTEGRITY_FAILURE", 1, "call an operator"),
    ] {
        let vault = Vault::start();
        vault.refuse(refusal(code, "no", reason(name, &[])));
        let said = vault.run(&["token", "acme/infor", "--raw"]).failed(exit);
        assert!(said.starts_with(&format!("error: no\nreason: {name}\nnext: ")), "{said}");
        assert!(said.contains(next), "{said}");
    }
}

#[test]
fn metadata_of_a_refusal_is_shown_and_used() {
    let vault = Vault::start();
    let details = reason("CREDENTIAL_REFUSED", &[("oauth_error", "invalid_client")]);
    vault.refuse(refusal(Code::FailedPrecondition, "Infor does not know this app", details));
    let said = vault.run(&["token", "acme/infor"]).failed(5);
    assert!(said.contains("\n  oauth_error: invalid_client\n"), "{said}");

    let details = reason("LIFETIME_TOO_LONG", &[("max_seconds", "3600")]);
    vault.refuse(refusal(Code::OutOfRange, "too long", details));
    let said = vault.run(&["token", "acme/infor", "--min-remaining", "2h"]).failed(1);
    assert!(said.contains("next: ask for less: `--min-remaining 3600s`\n"), "{said}");
}

#[test]
fn the_vault_is_asked_once_more_when_it_says_when() {
    let vault = Vault::start();
    let mut details = reason("OVERLOADED", &[]);
    details.set_retry_info(Some(Duration::from_millis(20)));
    let busy = refusal(Code::Unavailable, "too much to do", details);
    let file = vault.file("file", b"file");

    vault.refuse(busy.clone());
    let ran = vault.run(&["upload", "acme/infor", &file]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.stderr, "note: too much to do; trying once more in 1s\n");
    let asked = vault.asked();
    let [Asked::Upload(first), Asked::Upload(second)] = asked.as_slice() else { panic!() };
    // The same request, and the vault can tell.
    assert_eq!(first.request_id, second.request_id);
    assert_eq!(first.ion_api_file, second.ion_api_file);

    vault.refuse(busy.clone()).refuse(busy);
    let said = vault.run(&["upload", "acme/infor", &file]).failed(6);
    assert!(said.contains("next: run the command again in 1s, with `--request-id "), "{said}");
    assert_eq!(vault.asked().len(), 4);
}

#[test]
fn a_refusal_without_a_time_is_not_repeated() {
    let vault = Vault::start();
    vault.refuse(refusal(Code::Unavailable, "closing", reason("SHUTTING_DOWN", &[])));
    vault.run(&["delete", "acme/infor"]).failed(6);
    assert_eq!(vault.asked().len(), 1);
}

#[test]
fn silence_ends_and_says_how_to_repeat_a_change() {
    let vault = Vault::start();
    vault.fall_silent();
    let said = vault.run(&["delete", "acme/infor", "--timeout", "1s"]).failed(6);
    assert!(said.contains(" gave no answer within 1s\n"), "{said}");
    let asked = vault.asked();
    let [Asked::Delete(request)] = asked.as_slice() else { panic!() };
    let repeat = format!("`--request-id {}`", request.request_id);
    assert!(said.contains(&repeat), "{said}");

    let said = vault.run(&["show", "acme/infor", "--timeout", "1s"]).failed(6);
    assert!(!said.contains("request-id"), "{said}");
}

#[test]
fn text_of_the_vault_is_not_obeyed_by_the_terminal() {
    let vault = Vault::start();
    let mut details = reason("INVALID_ARGUMENT", &[]);
    details.add_bad_request_violation("labels", "\u{1b}]0;owned\u{7}");
    vault.refuse(refusal(Code::InvalidArgument, "bad \u{9b}2J", details));
    let said = vault.run(&["show", "acme/infor"]).failed(1);
    assert!(!said.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{said:?}");
}

#[test]
fn another_server_is_recognised_by_what_it_does_not_say() {
    let vault = Vault::start();
    let details = ErrorDetails::with_error_info("NOT_FOUND", "elsewhere.example", HashMap::new());
    vault.refuse(refusal(Code::NotFound, "no such thing", details));
    let said = vault.run(&["show", "acme/infor"]).failed(3);
    assert!(said.contains("answered: no such thing\nreason: NotFound\n"), "{said}");
    assert!(said.contains("next: check that the endpoint is an ionvault, and of"), "{said}");
}
