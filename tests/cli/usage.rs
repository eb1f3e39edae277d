//! Wrong arguments: exit code 2, a sentence, and nothing is asked of a vault.

use super::program::run;
use super::vault::Vault;

#[test]
fn wrong_arguments_are_told_what_was_expected() {
    let vault = Vault::start();
    let file = vault.file("file", b"file");
    let upload = |option: &'static str, value: &'static str| {
        vec!["upload".to_owned(), "acme/infor".into(), file.clone(), option.into(), value.into()]
    };
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for (arguments, expected) in [
        (words("show acme"), "expected TENANT/CREDENTIAL such as acme/infor"),
        (words("show Acme/infor"), "the tenant id must match [a-z]([a-z0-9-]{0,61}[a-z0-9])?"),
        (words("list Acme"), "the tenant id must match"),
        (words("activate acme/infor 0"), "invalid value '0' for '<VERSION>'"),
        (words("activate acme/infor latest"), "invalid value 'latest' for '<VERSION>'"),
        (words("token acme/infor --min-remaining 10"), "such as 90s, 10m or 1h30m"),
        (words("token acme/infor --min-remaining 25h"), "expected 0s to 24h"),
        (words("token acme/infor --raw --header"), "cannot be used with"),
        (words("token acme/infor --raw -o json"), "cannot be used with"),
        (words("token acme/infor --header -o json"), "cannot be used with"),
        (words("show acme/infor --timeout 11m"), "expected 1s to 10m"),
        (words("show acme/infor --endpoint http://127.0.0.1:1"), "answers over https only"),
        (words("show acme/infor --endpoint 127.0.0.1:1"), "expected https://HOST:PORT"),
        (words("show acme/infor --output yaml"), "[possible values: table, json]"),
        (words("update acme/infor"), "--label <KEY=VALUE>|--remove-label <KEY>"),
        (words("update acme/infor --label a=1 --remove-label a"), "is to be set and removed"),
        (words("update acme/infor --remove-label A"), "label keys must match"),
        (words("delete acme/infor --request-id a/b"), "expected a UUID, or 1 to 64 characters"),
        (words("upload acme/infor - --ca-certificates -"), "standard input cannot be read twice"),
        (upload("--label", "environment"), "expected KEY=VALUE"),
        (upload("--label", "Environment=prd"), "label keys must match"),
        (upload("--label", "environment=p r d"), "the value of label `environment` must have"),
        (upload("--nothing-like-it", "x"), "unexpected argument"),
        (words("explode"), "unrecognized subcommand"),
    ] {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let said = vault.run(&arguments).failed(2);
        assert!(said.starts_with("error: ") && said.contains(expected), "{arguments:?}: {said}");
    }
    let twice = ["update", "acme/infor", "--label", "a=1", "--label", "a=2"];
    assert_eq!(
        vault.run(&twice).failed(2),
        "error: label `a` is given twice\nnext: give each label once\n"
    );
    assert!(vault.asked().is_empty());
}

#[test]
fn https_needs_a_ca_and_a_certificate_or_a_token() {
    let https = ["show", "acme/infor", "--endpoint", "https://localhost:1"];
    assert_eq!(
        run(&https).failed(2),
        "error: https needs the certificates of the vault's CA\n\
         next: give --ca FILE, or set IONVAULT_CA\n"
    );
    for option in ["--cert", "--key"] {
        let one_of_two = [&https[..], &["--ca", "ca.pem", option, "file.pem"]].concat();
        assert_eq!(
            run(&one_of_two).failed(2),
            "error: https needs a client certificate and its key, or a token\n\
             next: give --cert FILE and --key FILE, or --token-file FILE; or set IONVAULT_CERT and \
             IONVAULT_KEY, or IONVAULT_TOKEN_FILE\n"
        );
    }
}

#[test]
fn help_version_and_completions_need_no_vault() {
    assert!(
        run(&["--help"]).done().contains("Exit codes:\n  0  done\n  1  failed\n  2  wrong usage")
    );
    assert_eq!(run(&["--version"]).done(), format!("ionvault {}\n", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]).done();
        assert!(script.contains("remove-label"), "{shell}");
    }
    let nothing = run(&[]);
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("Usage: ionvault <COMMAND>"));
}
