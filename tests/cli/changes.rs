//! `activate`, `update`, `delete` and `undelete`.

use super::vault::{Asked, Vault};

#[test]
fn another_version_is_activated() {
    let vault = Vault::start();
    let said =
        vault.run(&["activate", "acme/infor", "2", "--etag", "e", "--request-id", "r"]).done();
    assert!(said.starts_with("Version 2 of acme/infor serves from now on.\n\nName  "), "{said}");
    let asked = vault.asked();
    let [Asked::Activate(request)] = asked.as_slice() else { panic!() };
    assert_eq!(request.name, "tenants/acme/credentials/infor/versions/2");
    assert_eq!((request.etag.as_str(), request.request_id.as_str()), ("e", "r"));
}

#[test]
fn only_the_labels_named_are_changed() {
    let vault = Vault::start();
    let said = vault
        .run(&[
            "update",
            "acme/infor",
            "--label",
            "a.b=1",
            "--remove-label",
            "owner",
            "--etag",
            "e",
        ])
        .done();
    assert!(said.starts_with("Updated the labels of acme/infor.\n\nName  "), "{said}");
    let asked = vault.asked();
    let [Asked::Update(request)] = asked.as_slice() else { panic!() };
    assert_eq!(request.update_mask.clone().unwrap().paths, ["labels.a.b", "labels.owner"]);
    let credential = request.credential.clone().unwrap();
    assert_eq!(credential.name, "tenants/acme/credentials/infor");
    assert_eq!(credential.etag, "e");
    assert_eq!(credential.labels.into_iter().collect::<Vec<_>>(), [("a.b".into(), "1".into())]);
}

#[test]
fn a_deletion_says_how_to_take_it_back() {
    let vault = Vault::start();
    let said = vault.run(&["delete", "acme/infor", "--etag", "e", "--request-id", "r"]).done();
    assert!(
        said.starts_with(
            "Deleted: acme/infor issues no tokens any more. To take that back: \
             ionvault undelete acme/infor\n\n"
        ),
        "{said}"
    );
    assert!(said.contains("State                 deleted\n"), "{said}");
    assert!(said.contains("Deleted               2026-11-18T11:08:40Z\n"), "{said}");
    let asked = vault.asked();
    let [Asked::Delete(request)] = asked.as_slice() else { panic!() };
    assert_eq!(request.name, "tenants/acme/credentials/infor");
    assert_eq!((request.etag.as_str(), request.request_id.as_str()), ("e", "r"));
}

#[test]
fn a_deletion_is_taken_back() {
    let vault = Vault::start();
    let said = vault.run(&["undelete", "acme/infor", "--etag", "e", "--request-id", "r"]).done();
    assert!(said.starts_with("Undeleted: acme/infor issues tokens again.\n\nName  "), "{said}");
    let asked = vault.asked();
    let [Asked::Undelete(request)] = asked.as_slice() else { panic!() };
    assert_eq!(request.name, "tenants/acme/credentials/infor");
    assert_eq!((request.etag.as_str(), request.request_id.as_str()), ("e", "r"));
}

#[test]
fn programs_get_nothing_but_the_credential() {
    let vault = Vault::start();
    for command in [
        &["activate", "acme/infor", "2", "-o", "json"][..],
        &["update", "acme/infor", "--label", "a=1", "-o", "json"],
        &["undelete", "acme/infor", "-o", "json"],
    ] {
        let answer = vault.run(command).json();
        assert_eq!(answer["credential"]["state"], "STATE_ACTIVE", "{command:?}");
    }
    let answer = vault.run(&["delete", "acme/infor", "-o", "json"]).json();
    assert_eq!(answer["credential"]["state"], "STATE_DELETED");
    assert_eq!(answer["credential"]["deleteTime"], "2026-11-18T11:08:40Z");
}
