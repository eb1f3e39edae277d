//! `token` and `revoke`.

use super::samples::TOKEN;
use super::vault::{Asked, Vault};

#[test]
fn the_token_itself_is_shown_only_if_asked_for() {
    let vault = Vault::start();
    assert_eq!(
        vault.run(&["token", "acme/infor"]).done(),
        "\
Token id      tok_sample
Expires       2026-11-18T13:06:40Z
Type          Bearer
API base URL  https://mingle-ionapi.example/ACME_PRD
Infor tenant  ACME_PRD
Client id     ACME_PRD~sample
Scopes        Infor-ION
From version  2

The token itself is not shown. To use it:
  ionvault token acme/infor --header | curl --header @- URL
"
    );
}

#[test]
fn the_token_comes_bare_as_a_header_or_in_json() {
    let vault = Vault::start();
    assert_eq!(vault.run(&["token", "acme/infor", "--raw"]).done(), format!("{TOKEN}\n"));
    assert_eq!(
        vault.run(&["token", "acme/infor", "--header"]).done(),
        format!("Authorization: Bearer {TOKEN}\n")
    );
    assert_eq!(
        vault.run(&["token", "acme/infor", "--output", "json"]).json(),
        serde_json::json!({
            "accessToken": TOKEN,
            "tokenType": "Bearer",
            "expireTime": "2026-11-18T13:06:40Z",
            "tokenId": "tok_sample",
            "inforTenant": "ACME_PRD",
            "clientId": "ACME_PRD~sample",
            "apiBaseUrl": "https://mingle-ionapi.example/ACME_PRD",
            "scopes": ["Infor-ION"],
            "credentialVersion": 2,
        })
    );
}

#[test]
fn how_long_it_must_live_is_the_vaults_choice_unless_said() {
    let vault = Vault::start();
    vault.run(&["token", "acme/infor"]).done();
    vault.run(&["token", "acme/infor", "--min-remaining", "10m"]).done();
    let asked = vault.asked();
    let [Asked::Token(first), Asked::Token(second)] = asked.as_slice() else { panic!() };
    assert_eq!(first.name, "tenants/acme/credentials/infor");
    assert_eq!(first.min_remaining, None);
    assert_eq!(second.min_remaining.map(|least| least.seconds), Some(600));
}

#[test]
fn a_token_that_infor_refused_is_reported() {
    let vault = Vault::start();
    vault.run(&["token", "acme/infor", "--rejected", "0123456789abcdef"]).done();
    let asked = vault.asked();
    let [Asked::Token(request)] = asked.as_slice() else { panic!() };
    assert_eq!(request.rejected_token_id, "0123456789abcdef");
}

#[test]
fn revoking_says_how_far_it_got() {
    let vault = Vault::start();
    for (name, said, told) in [
        ("acme/infor", "Infor has confirmed it.\n", "REVOCATION_DONE"),
        ("acme/slow", "Infor is being told in the background.\n", "REVOCATION_PENDING"),
        ("acme/idle", "Nothing to do: the vault holds no token of acme/idle.\n", "REVOCATION_NONE"),
    ] {
        let printed = vault.run(&["revoke", name]).done();
        assert!(printed.ends_with(said), "{printed}");
        assert_eq!(vault.run(&["revoke", name, "-o", "json"]).json()["revocation"], told);
    }
    assert!(matches!(&vault.asked()[0],
        Asked::Revoke(request) if request.name == "tenants/acme/credentials/infor"));
}
