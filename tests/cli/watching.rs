//! `watch`.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::program::Ran;
use super::samples::TOKEN;
use super::vault::{Asked, Vault};

/// The lines of a run whose stream ended because the credential was deleted.
#[track_caller]
fn lines(ran: &Ran) -> Vec<&str> {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    ran.stdout.lines().collect()
}

#[test]
fn events_are_lines_without_the_token_and_the_end_is_told() {
    let vault = Vault::start();
    let ran = vault.run(&["watch", "acme/infor"]);
    assert_eq!(
        lines(&ran),
        [
            "Token tok_sample of version 2, until 2026-11-18T13:06:40Z",
            "Problem PROVIDER_UNAVAILABLE: Infor did not answer; the vault tries again at \
             2026-11-18T13:03:20Z",
        ]
    );
    assert_eq!(
        ran.stderr,
        "error: the credential is deleted: undelete it first\nreason: CREDENTIAL_DELETED\n\
         next: run `ionvault undelete acme/infor` first\n"
    );
}

#[test]
fn programs_get_the_token_and_an_object_per_line() {
    let vault = Vault::start();
    let ran = vault.run(&["watch", "acme/infor", "--output", "json"]);
    let events: Vec<serde_json::Value> =
        lines(&ran).into_iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let issued = vault.run(&["token", "acme/infor", "--output", "json"]).json();
    assert_eq!(issued["accessToken"], TOKEN);
    let problem = serde_json::json!({
        "reason": "PROVIDER_UNAVAILABLE",
        "message": "Infor did not answer",
        "retryTime": "2026-11-18T13:03:20Z",
    });
    assert_eq!(
        events,
        [serde_json::json!({ "token": issued }), serde_json::json!({ "problem": problem })]
    );
}

/// What ends a stream on an old connection; zero seconds, so that the test does not wait.
fn connection_ends() -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(Duration::ZERO));
    details.set_error_info("SHUTTING_DOWN", "ionvault", HashMap::new());
    Status::with_error_details(Code::Unavailable, "this connection is about to end", details)
}

#[test]
fn a_stream_that_is_told_to_call_again_is_followed_by_another() {
    let vault = Vault::start();
    vault.end_stream(connection_ends()).end_stream(connection_ends());
    let ran = vault.run(&["watch", "acme/infor", "--min-remaining", "10m"]);
    assert_eq!(lines(&ran).len(), 6, "three streams of two events");
    let again = "note: this connection is about to end; watching again in 0s\n";
    assert_eq!(ran.stderr.matches(again).count(), 2, "{}", ran.stderr);
    let asked = vault.asked();
    assert_eq!(asked.len(), 3);
    for asked in asked {
        let Asked::Watch(request) = asked else { panic!("something else was asked") };
        assert_eq!(request.name, "tenants/acme/credentials/infor");
        assert_eq!(request.min_remaining.map(|least| least.seconds), Some(600));
    }
}

#[test]
fn a_vault_that_says_nothing_is_not_waited_for() {
    let vault = Vault::start();
    vault.fall_silent();
    let said = vault.run(&["watch", "acme/infor", "--timeout", "1s"]).failed(6);
    assert!(said.contains("gave no answer within 1s"), "{said}");
}
