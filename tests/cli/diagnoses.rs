//! `test`, and what an upload says of Infor's answer.

use ionvault::pb::v1::diagnosis::Verdict;

use super::vault::{Asked, Vault};

#[test]
fn a_refusal_is_explained_with_its_place_in_the_file_and_in_infor() {
    let vault = Vault::start();
    let ran = vault.judge(Verdict::Refused).run(&["test", "acme/infor"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "\
Verdict        refused: Infor said no for good
Version        2
Tried          password (with the service account) at mingle-sso.example:443
Answer         a refusal (invalid_grant), after 0.250 s
Problem        Infor refused this credential (invalid_grant)
  in the file  saak, sask
  in Infor     Security > Service Accounts
  advice       Enable the service account.
Warning        Issue Refresh Tokens looks off
  in Infor     ION API > Authorized Apps
  advice       Switch it on.
"
    );
    assert_eq!(
        ran.stderr,
        "error: Infor refused this credential (invalid_grant)\n\
         next: change in Infor what the advice says, then `ionvault test acme/infor` again, or \
         upload the new file: `ionvault upload acme/infor FILE`\n"
    );
}

#[test]
fn the_exit_code_is_the_verdict() {
    let vault = Vault::start();
    for (verdict, code) in [
        (Verdict::Accepted, 0),
        (Verdict::Refused, 5),
        (Verdict::Unavailable, 6),
        (Verdict::Misbehaved, 6),
        (Verdict::BudgetExhausted, 6),
        (Verdict::AuthorizationRequired, 1),
        (Verdict::HostNotAllowed, 1),
        (Verdict::Unspecified, 1),
    ] {
        let ran = vault.judge(verdict).run(&["test", "acme/infor"]);
        assert_eq!(ran.code, Some(code), "{verdict:?}: {}", ran.stderr);
        assert!(ran.stdout.starts_with("Verdict "), "{verdict:?}");
        assert_eq!(ran.stderr.contains("\nnext: "), code != 0, "{verdict:?}: {}", ran.stderr);
    }
}

#[test]
fn a_version_can_be_tried_and_programs_get_the_whole_diagnosis() {
    let vault = Vault::start();
    let answer = vault.judge(Verdict::Accepted).run(&["test", "acme/infor", "3", "-o", "json"]);
    assert_eq!(
        answer.json(),
        serde_json::json!({"diagnosis": {
            "verdict": "VERDICT_ACCEPTED",
            "version": "tenants/acme/credentials/infor/versions/3",
            "attempts": [{
                "grant": "GRANT_PASSWORD",
                "endpoint": "mingle-sso.example:443",
                "startTime": "2026-11-18T11:06:40Z",
                "duration": "0.250s",
                "outcome": "a token",
                "oauthError": "",
            }],
            "findings": [{
                "severity": "SEVERITY_WARNING",
                "message": "Issue Refresh Tokens looks off",
                "advice": "Switch it on.",
                "fileKeys": [],
                "inforSetting": "ION API > Authorized Apps",
            }],
        }})
    );
    let asked = vault.asked();
    let [Asked::Test(request)] = asked.as_slice() else { panic!() };
    assert_eq!(request.name, "tenants/acme/credentials/infor/versions/3");
}

#[test]
fn an_upload_says_what_infor_made_of_it_and_whether_it_serves() {
    let vault = Vault::start();
    let new = vault.file("new", b"new");
    let said = vault.judge(Verdict::Accepted).run(&["upload", "acme/infor", &new]).done();
    assert!(
        said.starts_with(
            "Uploaded: version 2 of acme/infor serves from now on.\n\nVerdict     accepted: Infor"
        ),
        "{said}"
    );
    let said = vault.judge(Verdict::Unavailable).run(&["upload", "acme/infor", &new]).done();
    assert!(
        said.starts_with(
            "Uploaded: acme/infor holds the file as version 2, which does not serve yet: Infor has \
             not accepted it.\nVersion 3 serves; to change that: ionvault test acme/infor 2 && \
             ionvault activate acme/infor 2\n\nVerdict        unavailable"
        ),
        "{said}"
    );
    let answer = vault.run(&["upload", "acme/infor", &new, "-o", "json"]).json();
    assert_eq!(answer["activated"], false);
    assert_eq!(answer["diagnosis"]["verdict"], "VERDICT_UNAVAILABLE");
}

#[test]
fn how_an_upload_is_verified_is_the_users_choice() {
    let vault = Vault::start();
    let new = vault.file("new", b"new");
    let ways = [None, Some("best-effort"), Some("required"), Some("skip")];
    for way in ways {
        let mut arguments = vec!["upload", "acme/infor", &new];
        arguments.extend(way.into_iter().flat_map(|way| ["--verification", way]));
        vault.run(&arguments).done();
    }
    let asked: Vec<_> = vault
        .asked()
        .iter()
        .map(|asked| {
            let Asked::Upload(request) = asked else { panic!() };
            request.verification().as_str_name()
        })
        .collect();
    assert_eq!(
        asked,
        [
            "VERIFICATION_BEST_EFFORT",
            "VERIFICATION_BEST_EFFORT",
            "VERIFICATION_REQUIRED",
            "VERIFICATION_SKIP"
        ]
    );
}
