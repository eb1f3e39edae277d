//! `upload`.

use super::program::finish;
use super::vault::{Asked, Vault};

#[test]
fn a_file_and_everything_said_about_it_reach_the_vault() {
    let vault = Vault::start();
    let file = vault.file("DocBits_PRD.ionapi", b"the file\0as it is");
    let ca = vault.file("ca.pem", b"the certificates");
    let said = vault
        .run(&[
            "upload",
            "acme/infor",
            &file,
            "--ca-certificates",
            &ca,
            "--label",
            "environment=prd",
            "--label",
            "owner=finance",
            "--requested-by",
            "jo@acme.example",
            "--etag",
            "\"01234567-4\"",
            "--request-id",
            "once",
        ])
        .done();
    assert!(
        said.starts_with(
            "Uploaded: version 2 of acme/infor serves from now on.\n\nName                  tenants/acme"
        ),
        "{said}"
    );
    let asked = vault.asked();
    let [Asked::Upload(request)] = asked.as_slice() else { panic!() };
    assert_eq!(request.name, "tenants/acme/credentials/infor");
    assert_eq!(request.ion_api_file, b"the file\0as it is");
    assert_eq!(request.ca_certificates, b"the certificates");
    assert_eq!(request.labels["environment"], "prd");
    assert_eq!(request.labels["owner"], "finance");
    assert_eq!(request.requested_by, "jo@acme.example");
    assert_eq!(request.etag, "\"01234567-4\"");
    assert_eq!(request.request_id, "once");
    assert!(!request.validate_only);
}

#[test]
fn standard_input_is_a_file_too() {
    let vault = Vault::start();
    finish(vault.command(&["upload", "acme/infor", "-"]), Some(b"piped")).done();
    finish(vault.command(&["upload", "acme/infor", "-"]), Some(b"piped")).done();
    let asked = vault.asked();
    let [Asked::Upload(first), Asked::Upload(second)] = asked.as_slice() else { panic!() };
    assert_eq!(first.ion_api_file, b"piped");
    // Two commands are two requests, even with the same content.
    assert_eq!(first.request_id.len(), 32);
    assert_ne!(first.request_id, second.request_id);
}

#[test]
fn what_happened_is_said_in_words_and_in_json() {
    let vault = Vault::start();
    let new = vault.file("new", b"new");
    let known = vault.file("known", b"known");
    let first_lines = |arguments: &[&str]| {
        let said = vault.run(arguments).done();
        said.split("\n\n").next().unwrap().to_owned()
    };
    assert_eq!(
        first_lines(&["upload", "acme/infor", &new, "--validate-only"]),
        "The file is good: it would become version 2 of acme/infor. Nothing was stored."
    );
    assert_eq!(
        first_lines(&["upload", "acme/infor", &known]),
        "Nothing to do: acme/infor holds this file already, as version 2.\n\
         Version 3 serves; to change that: ionvault test acme/infor 2 && ionvault activate \
         acme/infor 2"
    );
    let asked = vault.asked();
    assert!(matches!(&asked[0], Asked::Upload(request) if request.validate_only));

    let answer = vault.run(&["upload", "acme/infor", &new, "-o", "json"]).json();
    assert_eq!((&answer["version"], &answer["added"]), (&2.into(), &true.into()));
    assert_eq!(answer["credential"]["activeVersion"], 2);
}

#[test]
fn the_limit_of_a_file_is_held_before_the_vault_is_asked() {
    let vault = Vault::start();
    let fits = vault.file("fits", &[b'x'; 65_536]);
    let too_large = vault.file("too-large", &[b'x'; 65_537]);
    vault.run(&["upload", "acme/infor", &fits]).done();
    assert_eq!(
        vault.run(&["upload", "acme/infor", &too_large]).failed(1),
        format!(
            "error: {too_large} is larger than 64 KiB\nnext: check that it is the right file\n"
        )
    );
    let stdin = finish(vault.command(&["upload", "acme/infor", "-"]), Some(&[b'x'; 200_000]));
    assert_eq!(
        stdin.failed(1),
        "error: standard input is larger than 64 KiB\nnext: check that it is the right file\n"
    );
    let ca = vault.file("ca", &[b'x'; 32_769]);
    let said = vault.run(&["upload", "acme/infor", &fits, "--ca-certificates", &ca]).failed(1);
    assert!(said.contains("is larger than 32 KiB"), "{said}");
    assert_eq!(vault.asked().len(), 1);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let vault = Vault::start();
    let missing = vault.directory.path().join("missing").display().to_string();
    assert_eq!(
        vault.run(&["upload", "acme/infor", &missing]).failed(1),
        format!(
            "error: {missing} cannot be opened\n  cause: No such file or directory (os error 2)\n\
             next: check the path, and that you may read the file\n"
        )
    );
    let directory = vault.directory.path().display().to_string();
    let said = vault.run(&["upload", "acme/infor", &directory]).failed(1);
    assert!(said.starts_with(&format!("error: {directory} cannot be read\n")), "{said}");
    assert!(vault.asked().is_empty());
}
