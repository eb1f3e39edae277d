//! `authorize`.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::program::{Ran, finish};
use super::vault::{Asked, Vault};

const REDIRECT: &str = "https://docbits.example/callback?code=c1&state=s1";

fn authorize(vault: &Vault, arguments: &[&str], pasted: &str) -> Ran {
    let command = vault.command(&[&["authorize", "acme/web"], arguments].concat());
    finish(command, Some(pasted.as_bytes()))
}

fn status(code: Code, reason: &str) -> Status {
    let mut details = ErrorDetails::with_error_info(reason, "ionvault", HashMap::new());
    details.set_retry_info(Some(Duration::from_millis(1)));
    Status::with_error_details(code, "the vault says so", details)
}

#[test]
fn the_address_is_printed_and_the_pasted_one_is_sent_as_it_is() {
    let vault = Vault::start();
    let ran = authorize(&vault, &["--output", "json"], &format!("  {REDIRECT}#_=_ \r\nmore\n"));
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("\n  https://mingle-sso.example/ACME_PRD/as/"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("c1") && !ran.stdout.contains("c1"), "the code is printed");
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["credential"]["name"], "tenants/acme/credentials/web");
    let asked = vault.asked();
    let [Asked::Start(start), Asked::Complete(complete)] = asked.as_slice() else { panic!() };
    assert_eq!(start.name, "tenants/acme/credentials/web");
    assert_eq!(complete.name, "tenants/acme/credentials/web");
    assert_eq!(complete.redirect_uri.trim(), format!("{REDIRECT}#_=_"));
}

#[test]
fn without_an_address_nothing_is_completed() {
    let vault = Vault::start();
    for pasted in ["", "\n", &"a".repeat(9000)] {
        let ran = authorize(&vault, &[], pasted);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("\nnext: run the command again, and give it"),
            "{}",
            ran.stderr
        );
    }
    assert!(vault.asked().iter().all(|asked| matches!(asked, Asked::Start(_))));
}

/// Even where the vault says when to try again: the code was used up.
#[test]
fn a_completion_is_never_repeated() {
    for (code, reason, exit) in [
        (Code::Unavailable, "PROVIDER_UNAVAILABLE", 6),
        (Code::FailedPrecondition, "AUTHORIZATION_STATE_INVALID", 1),
        (Code::FailedPrecondition, "CREDENTIAL_REFUSED", 5),
    ] {
        let vault = Vault::start();
        vault.allow().refuse(status(code, reason));
        let ran = authorize(&vault, &[], REDIRECT);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(exit), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("\nreason: {reason}\n")), "{}", ran.stderr);
        assert_eq!(vault.asked().len(), 2, "{reason}");
    }
}

#[test]
fn the_address_is_opened_where_there_is_a_browser_and_printed_anyway() {
    let vault = Vault::start();
    // Nothing but what this test puts there.
    let path = vault.directory.path();
    let run = || {
        let mut command = vault.command(&["authorize", "acme/web", "--open"]);
        command.env("PATH", path);
        let ran = finish(command, Some(REDIRECT.as_bytes()));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(ran.stderr.contains("\n  https://mingle-sso.example/"), "{}", ran.stderr);
        ran.stderr.contains("No browser could be opened")
    };
    assert!(run());
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let script =
        b"#!/bin/sh\nprintf %s \"$*\" > \"$0.part\" && /bin/mv \"$0.part\" \"$0.opened\"\n";
    let script = vault.file(opener, script);
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!run());
    // The program does not wait for the browser.
    let opened = (0..6000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        std::fs::read_to_string(format!("{script}.opened")).ok()
    });
    let uri = "https://mingle-sso.example/ACME_PRD/as/authorization.oauth2?state=s1";
    assert_eq!(opened.as_deref(), Some(uri));
}
