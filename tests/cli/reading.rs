//! `list`, `show` and `versions`.

use std::io::Read;
use std::process::Stdio;

use super::vault::{Asked, Vault};

#[test]
fn a_credential_is_shown_a_fact_per_line() {
    let vault = Vault::start();
    assert_eq!(
        vault.run(&["show", "acme/infor"]).done(),
        "\
Name                  tenants/acme/credentials/infor
State                 active
Health                degraded
                      Infor did not answer
Advice                Wait.
Active version        2
Infor tenant          ACME_PRD
Application           DocBits_PRD
Application type      12
Client id             ACME_PRD~sample
Grant                 password (with the service account)
API base URL          https://mingle-ionapi.example/ACME_PRD
Authorization server  https://mingle-sso.example/ACME_PRD/as/
Scopes                Infor-ION Infor-M3
Warning               `v` is absent
Labels                environment=prd owner=finance
Last token            2026-11-18T11:05:40Z
Token expires         2026-11-18T13:05:40Z
Tokens used           12 of 100 in 24 h
Log-ins used          3 of 1000 in 24 h
Created               2026-11-18T11:06:40Z
Updated               2026-11-18T11:07:40Z
Uid                   0123456789abcdef
Etag                  \"01234567-5\"
"
    );
    assert!(matches!(vault.asked().as_slice(),
        [Asked::Get(request)] if request.name == "tenants/acme/credentials/infor"));
}

#[test]
fn programs_get_the_answer_in_proto3_json() {
    let vault = Vault::start();
    let shown = vault.run(&["show", "tenants/acme/credentials/infor", "--output", "json"]).json();
    assert_eq!(
        shown,
        serde_json::json!({"credential": {
            "name": "tenants/acme/credentials/infor",
            "uid": "0123456789abcdef",
            "etag": "\"01234567-5\"",
            "state": "STATE_ACTIVE",
            "createTime": "2026-11-18T11:06:40Z",
            "updateTime": "2026-11-18T11:07:40Z",
            "labels": {"environment": "prd", "owner": "finance"},
            "activeVersion": 2,
            "ionApiFile": {
                "inforTenant": "ACME_PRD",
                "applicationName": "DocBits_PRD",
                "applicationType": "12",
                "clientId": "ACME_PRD~sample",
                "apiBaseUrl": "https://mingle-ionapi.example/ACME_PRD",
                "authorizationServer": "https://mingle-sso.example/ACME_PRD/as/",
                "scopes": ["Infor-ION", "Infor-M3"],
                "hasServiceAccount": true,
                "grant": "GRANT_PASSWORD",
                "warnings": ["`v` is absent"],
            },
            "health": "HEALTH_DEGRADED",
            "healthReason": "Infor did not answer",
            "advice": "Wait.",
            "lastTokenTime": "2026-11-18T11:05:40Z",
            "tokenExpireTime": "2026-11-18T13:05:40Z",
            "tokenBudget": {
                "tokensUsed": 12, "tokensLimit": 100, "loginsUsed": 3, "loginsLimit": 1000
            },
        }})
    );
}

#[test]
fn a_list_goes_through_all_pages() {
    let vault = Vault::start();
    vault.page(&["tenants/acme/credentials/infor", "tenants/acme/credentials/m3"], "more");
    vault.page(&["tenants/globex/credentials/infor"], "");
    let arguments = ["list", "acme", "--deleted", "--filter", "state=ACTIVE"];
    assert_eq!(
        vault.run(&arguments).done(),
        "\
NAME        STATE   HEALTH    VERSION  INFOR TENANT  APPLICATION  LABELS                         UPDATED
acme/infor  active  degraded  2        ACME_PRD      DocBits_PRD  environment=prd owner=finance  2026-11-18T11:07:40Z
acme/m3     active  degraded  2        ACME_PRD      DocBits_PRD  environment=prd owner=finance  2026-11-18T11:07:40Z

NAME          STATE   HEALTH    VERSION  INFOR TENANT  APPLICATION  LABELS                         UPDATED
globex/infor  active  degraded  2        ACME_PRD      DocBits_PRD  environment=prd owner=finance  2026-11-18T11:07:40Z
"
    );
    let asked = vault.asked();
    let [Asked::List(first), Asked::List(second)] = asked.as_slice() else { panic!() };
    assert_eq!((first.parent.as_str(), first.filter.as_str()), ("tenants/acme", "state=ACTIVE"));
    assert!(first.show_deleted);
    assert_eq!((first.page_token.as_str(), second.page_token.as_str()), ("", "more"));
    assert_eq!(second.filter, first.filter);
}

#[test]
fn a_list_for_programs_is_one_document_however_many_pages_it_takes() {
    let vault = Vault::start();
    vault.page(&["tenants/acme/credentials/infor"], "more").page(&[], "even more");
    vault.page(&["tenants/acme/credentials/m3", "tenants/globex/credentials/infor"], "");
    let list = vault.run(&["list", "-o", "json"]).json();
    let names: Vec<_> =
        list["credentials"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(
        names,
        [
            "tenants/acme/credentials/infor",
            "tenants/acme/credentials/m3",
            "tenants/globex/credentials/infor"
        ]
    );
    assert!(matches!(&vault.asked()[0], Asked::List(first) if first.parent == "tenants/-"));
}

#[test]
fn an_empty_list_says_so_beside_the_result() {
    let vault = Vault::start();
    let ran = vault.run(&["list"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    assert_eq!(ran.stderr, "No credentials.\n");
    assert_eq!(vault.run(&["list", "-o", "json"]).json(), serde_json::json!({"credentials": []}));
}

#[test]
fn versions_are_listed_newest_first() {
    let vault = Vault::start();
    assert_eq!(
        vault.run(&["versions", "acme/infor"]).done(),
        "\
VERSION  ACTIVE  INFOR TENANT  CLIENT ID        UPLOADED              BY                              REQUESTED BY
2        active  ACME_PRD      ACME_PRD~sample  2026-11-18T11:06:42Z  spiffe://example.test/uploader  jo@acme.example
1                ACME_PRD      ACME_PRD~sample  2026-11-18T11:06:41Z  spiffe://example.test/uploader  jo@acme.example
"
    );
    let asked = vault.asked();
    let [Asked::Versions(first), Asked::Versions(second)] = asked.as_slice() else { panic!() };
    assert_eq!(first.parent, "tenants/acme/credentials/infor");
    assert_eq!((first.page_token.as_str(), second.page_token.as_str()), ("", "second"));

    let versions = vault.run(&["versions", "acme/infor", "-o", "json"]).json();
    assert_eq!(
        versions["credentialVersions"][1]["name"],
        "tenants/acme/credentials/infor/versions/1"
    );
    assert_eq!(versions["credentialVersions"][0]["active"], true);
}

#[test]
fn a_reader_who_has_had_enough_is_no_error() {
    let vault = Vault::start();
    // More than a pipe holds, so that the program is still writing when the reader leaves.
    for page in 0..60 {
        let names: Vec<_> = (0..200).map(|n| format!("tenants/t{page}/credentials/c{n}")).collect();
        vault.page(&names.iter().map(String::as_str).collect::<Vec<_>>(), "more");
    }
    let mut child =
        vault.command(&["list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 4];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"NAME");
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}
