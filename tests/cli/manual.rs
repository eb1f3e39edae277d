//! `docs/cli.md` is held to what the program knows.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

use ionvault::pb::v1::diagnosis::Verdict;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::local::configuration;
use super::program::finish;
use super::vault::{SampleLog, Vault};

const MANUAL: &str = include_str!("../../docs/cli.md");

/// The part of the manual below this heading, up to the next one of its level.
fn section(heading: &str) -> Option<&'static str> {
    let (_, below) = MANUAL.split_once(&format!("\n## {heading}\n"))?;
    Some(below.split("\n## ").next().unwrap_or(below))
}

#[test]
fn each_command_has_a_section_that_names_its_arguments() {
    let program = ionvault::cli::command();
    let common = section("Connection").unwrap().to_owned() + section("Output").unwrap();
    for command in program.get_subcommands() {
        let name = command.get_name();
        let inner = command.get_subcommands().flat_map(|command| command.get_arguments());
        let text = section(&format!("`ionvault {name}`")).unwrap_or_else(|| panic!("{name}"));
        assert!(text.contains("```console\n$ ionvault "), "{name} has no example");
        for argument in command.get_arguments().chain(inner) {
            let (named, common_too) = match argument.get_long() {
                Some("help") => continue,
                Some(long) => (format!("`--{long}"), common.contains(&format!("`--{long}"))),
                None => {
                    let id = argument.get_id().as_str().to_uppercase();
                    (format!("`{id}`"), false)
                }
            };
            assert!(text.contains(&named) || common_too, "{name}: {named} is not in the manual");
        }
    }
}

#[test]
fn the_manual_has_no_options_that_do_not_exist() {
    let program = ionvault::cli::command();
    let known: Vec<_> = program
        .get_subcommands()
        .flat_map(|command| command.get_subcommands().chain([command]))
        .flat_map(|command| command.get_arguments())
        .filter_map(|argument| argument.get_long())
        .chain(["help", "version"])
        .collect();
    for (at, _) in MANUAL.match_indices("`--") {
        let option: String =
            MANUAL[at + 3..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        assert!(known.contains(&option.as_str()), "--{option}");
    }
    for (at, heading) in MANUAL.match_indices("\n## `ionvault ") {
        let name = MANUAL[at + heading.len()..].split('`').next().unwrap();
        assert!(program.find_subcommand(name).is_some(), "{name}");
    }
}

#[test]
fn the_manual_and_the_help_list_the_same_exit_codes() {
    let mut program = ionvault::cli::command();
    let help = program.render_help().to_string();
    let codes = section("Exit codes").unwrap();
    for code in 0..=6 {
        let line = format!("\n  {code}  ");
        let meaning = help.split_once(&line).and_then(|(_, rest)| rest.lines().next()).unwrap();
        assert!(codes.contains(&format!("| {code} | {meaning} |")), "{code}: {meaning}");
    }
}

/// The examples: what stands behind `$ ` in a block of the kind `console`, and what follows it.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = MANUAL.split("```console\n$ ").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().split_once('\n').unwrap()).collect()
}

/// A log of three calls, its key, and a checkpoint that somebody kept.
fn audit_log(dir: &Path) {
    let log = SampleLog::made(&dir.join("copy"));
    std::fs::write(dir.join("vault.vkey"), log.checkpoint.verifier_key).unwrap();
    std::fs::create_dir(dir.join("witness")).unwrap();
    std::fs::write(dir.join("witness/one"), log.checkpoint.note).unwrap();
}

#[test]
fn the_examples_print_what_the_manual_says() {
    let program = Path::new(env!("CARGO_BIN_EXE_ionvault")).parent().unwrap();
    let vault = Vault::start();
    vault.file("DocBits_PRD.ionapi", b"{}");
    vault.file("address.txt", b"https://docbits.example/callback?code=c1&state=s1\n");
    let policy = "// Test only.\n@id(\"test\") permit (principal, action, resource) \
                  when { resource.hasTag(\"test\") };";
    vault.file("policy.cedar", policy.as_bytes());
    vault.file("ionvault.toml", configuration(vault.directory.path()).as_bytes());
    audit_log(vault.directory.path());
    let examples = examples();
    assert!(examples.len() > 10);
    for (command, printed) in examples {
        if command.contains("unknown") {
            let details =
                ErrorDetails::with_error_info("CREDENTIAL_NOT_FOUND", "ionvault", HashMap::new());
            let message = "there is no such credential";
            vault.refuse(Status::with_error_details(Code::NotFound, message, details));
        }
        if command.contains("ionvault list") {
            vault.page(&["tenants/acme/credentials/infor"], "");
        }
        let tested = command.contains("ionvault test");
        vault.judge(if tested { Verdict::Refused } else { Verdict::Unspecified });
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("({command}) 2>&1")]).stdin(Stdio::null());
        shell.env_clear().env("PATH", format!("{}:/usr/bin:/bin", program.display()));
        shell.env("IONVAULT_ENDPOINT", vault.endpoint()).current_dir(vault.directory.path());
        assert_eq!(finish(shell, None).stdout, printed, "{command}");
    }
}
