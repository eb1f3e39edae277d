//! Holds the code to ARCHITECTURE.md: which module may name which, which library belongs to which
//! module, and what files are called.
//!
//! The arrows are not repeated here. They are read from the code map of ARCHITECTURE.md, so the
//! drawing is what is enforced.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test")]

#[path = "tidy/code_map.rs"]
mod code_map;
#[path = "tidy/references.rs"]
mod references;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/tokens.rs"]
mod tokens;

use std::collections::BTreeSet;

use code_map::Row;
use sources::Source;

#[test]
fn a_module_names_only_what_the_code_map_lets_it_name() {
    let rows = map();
    let mut wrong = Vec::new();
    for file in sources::rust_files("src") {
        let module = file.module();
        let Some(row) = row_of(&rows, &module) else { continue };
        // The binary names the library by its name.
        let text = match file.path.as_str() {
            "src/main.rs" => file.text.replace("ionvault::", "crate::"),
            _ => file.text.clone(),
        };
        for path in references::own_paths(&tokens::tokens(&text), &module) {
            if !row.permits(&path) {
                wrong.push(format!("{} names {}", file.path, path.join("::")));
            }
        }
    }
    assert_none(&wrong, "the code map of ARCHITECTURE.md has no such arrow");
}

#[test]
fn a_library_is_named_only_where_the_code_map_puts_it() {
    let rows = map();
    let libraries = rows.iter().flat_map(|row| &row.libraries).collect::<BTreeSet<_>>();
    assert!(libraries.contains(&"tonic".to_owned()), "the code map confines nothing");
    let mut wrong = Vec::new();
    for file in sources::rust_files("src").into_iter().filter(|file| file.file_name() != "tests.rs")
    {
        let module = file.module();
        let tokens = tokens::tokens(&file.text);
        let program = references::without_tests(&tokens);
        for library in &libraries {
            let mut owners = rows.iter().filter(|row| row.libraries.contains(library));
            if !owners.any(|row| module.starts_with(&row.module))
                && references::names_library(program, library)
            {
                wrong.push(format!("{} names {library}", file.path));
            }
        }
    }
    assert_none(&wrong, "the code map of ARCHITECTURE.md gives that library to other modules");
}

#[test]
fn every_module_is_on_the_code_map_and_nothing_else_is() {
    let rows = map();
    let mut on_disk = BTreeSet::new();
    for file in sources::rust_files("src") {
        on_disk.extend(file.module().first().cloned());
    }
    let on_map = rows.iter().filter_map(|row| row.module.first().cloned()).collect::<BTreeSet<_>>();
    let missing = on_disk.difference(&on_map).collect::<Vec<_>>();
    assert!(missing.is_empty(), "not on the code map of ARCHITECTURE.md: {missing:?}");
    let gone = rows.iter().map(|row| format!("src/{}.rs", row.module.join("/")));
    let gone = gone.filter(|path| !sources::exists(path)).collect::<Vec<_>>();
    assert!(gone.is_empty(), "on the code map of ARCHITECTURE.md, and not there: {gone:?}");
    let lists = sources::read("src/lib.rs");
    for module in on_disk.iter().filter(|module| *module != "main") {
        assert!(lists.contains(&format!("pub mod {module};")), "src/lib.rs does not list {module}");
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let wrong = all_rust_files()
        .filter(|file| file.text.lines().count() > LINES_MAX)
        .map(|file| format!("{} has {} lines", file.path, file.text.lines().count()))
        .collect::<Vec<_>>();
    assert_none(&wrong, "split it by reason to change");
}

#[test]
fn every_file_is_named_after_what_is_in_it() {
    let wrong = all_rust_files()
        .filter(|file| NAMELESS.contains(&file.file_name()))
        .map(|file| file.path)
        .collect::<Vec<_>>();
    assert_none(&wrong, "name the noun; a module's file stands beside its folder");
}

#[test]
fn one_file_chooses_the_codes_of_answers() {
    let wrong = sources::rust_files("src/grpc")
        .into_iter()
        .chain(sources::rust_files("src").into_iter().filter(|file| file.path == "src/grpc.rs"))
        .filter(|file| !NAMES_CODES.contains(&file.path.as_str()))
        .filter(|file| tokens::tokens(&file.text).iter().any(|token| token.is("Code")))
        .map(|file| file.path)
        .collect::<Vec<_>>();
    assert_none(&wrong, "add the failure to the table in src/grpc/status.rs");
}

#[test]
fn the_protos_explain_every_reason() {
    let table = sources::read("src/grpc/status.rs");
    let reasons: BTreeSet<_> = table
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \""))
        .filter_map(|(_, reason)| reason.strip_suffix("\","))
        .collect();
    assert!(reasons.contains("CREDENTIAL_NOT_FOUND"), "src/grpc/status.rs is written otherwise");
    let manual: String = sources::protos().into_iter().map(|file| file.text).collect();
    let unexplained: Vec<_> =
        reasons.iter().filter(|reason| !manual.contains(&format!("`{reason}`"))).collect();
    assert!(unexplained.is_empty(), "no proto says when to expect, and to retry, {unexplained:?}");
}

#[test]
fn every_invariant_names_tests_that_exist() {
    let architecture = sources::read("ARCHITECTURE.md");
    let section = architecture.split("\n## ").find(|section| section.starts_with("Invariants"));
    let invariants: Vec<_> =
        section.unwrap().lines().filter(|line| line.starts_with('-')).collect();
    assert!(invariants.len() >= 10, "ARCHITECTURE.md lists {} invariants", invariants.len());
    let code: String = all_rust_files().map(|file| file.text).collect();
    let mut wrong = Vec::new();
    for invariant in invariants {
        let tests = code_map::quoted(invariant);
        let gone = tests.iter().filter(|test| !code.contains(&format!("fn {test}()")));
        wrong.extend(gone.map(|test| format!("{test} does not exist, in: {invariant}")));
        if tests.is_empty() {
            wrong.push(format!("no test, in: {invariant}"));
        }
    }
    assert_none(&wrong, "name the tests that hold the invariant now");
}

#[test]
fn documents_name_files_that_exist() {
    let mut wrong = Vec::new();
    for document in sources::documents() {
        // Between backticks stands code, also in fences of three.
        let words: String = document.text.split('`').step_by(2).collect();
        for target in links(&words) {
            let place = target.split('#').next().unwrap_or_default();
            if !place.is_empty() && !place.contains("://") && !document.leads_to(place) {
                wrong.push(format!("{} links to {target}", document.path));
            }
        }
    }
    assert_none(&wrong, "there is no such file");
}

/// What stands in the parentheses of Markdown links.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// A longer file holds two reasons to change.
const LINES_MAX: usize = 400;

/// Names that say nothing of what is inside, and so attract everything.
const NAMELESS: [&str; 10] = [
    "common.rs",
    "helper.rs",
    "helpers.rs",
    "misc.rs",
    "mod.rs",
    "shared.rs",
    "types.rs",
    "util.rs",
    "utility.rs",
    "utils.rs",
];

/// The table of codes, and the layer that adds reasons to the codes that tonic itself answers with.
const NAMES_CODES: [&str; 2] = ["src/grpc/status.rs", "src/grpc/own_errors.rs"];

fn map() -> Vec<Row> {
    code_map::rows(&sources::read("ARCHITECTURE.md"))
}

/// The row of a module: of those that hold it, the innermost.
fn row_of<'a>(rows: &'a [Row], module: &[String]) -> Option<&'a Row> {
    let holds = |row: &&Row| module.starts_with(&row.module);
    rows.iter().filter(holds).max_by_key(|row| row.module.len())
}

fn all_rust_files() -> impl Iterator<Item = Source> {
    let folders = ["benches", "fuzz", "src", "tests"];
    folders.into_iter().flat_map(sources::rust_files)
}

fn assert_none(wrong: &[String], advice: &str) {
    assert!(wrong.is_empty(), "{advice}:\n  {}", wrong.join("\n  "));
}
