//! Every file under `tests/fixtures/ionapi/` has its expected outcome beside it, in words.
//!
//! A fixture is named after its quirk or its defect. All values in them are invented.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail as the test itself does")]

#[path = "ionapi/properties.rs"]
mod properties;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use ionvault::ion::{InvalidIonApiFile, IonApiFile};
use ionvault::model::{Grant, IonApiFacts};

/// Fewer than so many, and some quirk that was once seen is no longer tried.
const FIXTURES_MIN: usize = 80;

/// Shorter texts are bound to stand in a message somewhere.
const VALUE_CHARACTERS_MIN: usize = 5;

/// Unquoted tokens of this length are no words any more.
const TOKEN_CHARACTERS_MIN: usize = 16;

#[test]
fn every_fixture_has_its_expected_outcome() {
    let mut differing = Vec::new();
    for path in fixtures() {
        let expected = std::fs::read_to_string(path.with_extension("expect"))
            .unwrap_or_else(|_| panic!("{} has no expectation beside it", path.display()));
        let outcome = outcome(&std::fs::read(&path).unwrap());
        if outcome != expected {
            differing
                .push(format!("{}\n--- expected\n{expected}--- but\n{outcome}", path.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn there_are_enough_fixtures_and_nothing_else_beside_them() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= FIXTURES_MIN, "{} fixtures", fixtures.len());
    let stems: BTreeSet<PathBuf> = fixtures.iter().map(|path| path.with_extension("")).collect();
    for path in folder() {
        let known = stems.contains(&path.with_extension(""));
        let fits = path
            .extension()
            .is_some_and(|extension| (extension == "ionapi" || extension == "expect") && known);
        assert!(fits || path.ends_with(".gitattributes"), "{} is stray", path.display());
    }
}

#[test]
fn no_refusal_says_any_value_of_the_file() {
    let mut looked_for = 0;
    for path in fixtures() {
        let bytes = std::fs::read(&path).unwrap();
        let Err(invalid) = IonApiFile::parse(&bytes) else { continue };
        let said = format!("{}{invalid:?}", refusal(&invalid));
        for value in values(&bytes) {
            assert!(!said.contains(&value), "{} is told a value", path.display());
            looked_for += 1;
        }
    }
    assert!(looked_for > 1000, "only {looked_for} values were looked for");
}

#[test]
fn no_fact_says_a_secret() {
    let mut looked_for = 0;
    for path in fixtures() {
        let Ok(file) = IonApiFile::parse(&std::fs::read(&path).unwrap()) else { continue };
        let said = format!("{:?}", file.facts());
        let account = file.service_account();
        let account = account.iter().flat_map(|account| [account.access_key, account.secret_key]);
        for secret in std::iter::once(file.client_secret()).chain(account) {
            let secret = str::from_utf8(secret.expose()).unwrap();
            assert!(!said.contains(secret), "{} is told a secret", path.display());
            looked_for += 1;
        }
    }
    assert!(looked_for > 100, "only {looked_for} secrets were looked for");
}

fn folder() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ionapi");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn fixtures() -> Vec<PathBuf> {
    let is_fixture = |path: &PathBuf| path.extension().is_some_and(|end| end == "ionapi");
    folder().into_iter().filter(is_fixture).collect()
}

/// The outcome of a file, as the `.expect` files have it.
fn outcome(bytes: &[u8]) -> String {
    match IonApiFile::parse(bytes) {
        Ok(file) => accepted(&file),
        Err(invalid) => refusal(&invalid),
    }
}

fn accepted(file: &IonApiFile) -> String {
    // Every field by its name: a new fact must find its line here.
    let IonApiFacts {
        infor_tenant,
        application_name,
        application_type,
        client_id,
        api_base_url,
        authorization_server,
        scopes,
        has_service_account,
        grant,
        warnings,
    } = file.facts();
    let grant = match grant {
        Grant::Password => "password",
        Grant::ClientCredentials => "client_credentials",
        Grant::AuthorizationCode => "authorization_code",
    };
    let mut text = format!(
        "accepted\ngrant: {grant}\nservice account: {has_service_account}\n\
         tenant: {infor_tenant}\napplication: {application_name}\ntype: {application_type}\n\
         client id: {client_id}\nscopes: {}\nauthorization server: {authorization_server}\n\
         token endpoint: {}\nAPI base URL: {api_base_url}\n",
        scopes.join(" "),
        file.token_endpoint(),
    );
    for warning in warnings {
        writeln!(text, "warning: {warning}").unwrap();
    }
    text
}

fn refusal(invalid: &InvalidIonApiFile) -> String {
    let mut text = "refused\n".to_owned();
    if let Some(kind) = invalid.wrong_file() {
        writeln!(text, "wrong file: {kind:?}").unwrap();
    }
    for violation in invalid.violations() {
        let key = if violation.key.is_empty() { "the file" } else { violation.key };
        writeln!(text, "{key}: {}", violation.problem).unwrap();
    }
    writeln!(text, "message: {invalid}").unwrap();
    text
}

/// What could be a value of the file, found without the parser under test: everything in quotes
/// that is neither a plain word nor followed by a colon, and every long token.
fn values(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes).replace('\0', "");
    let parts: Vec<&str> = text.split('"').collect();
    let quoted = parts.windows(2).filter_map(|pair| match pair {
        [value, after] if !after.trim_start().starts_with(':') => Some(*value),
        _ => None,
    });
    let is_word = |value: &str| value.chars().all(|letter| letter.is_ascii_lowercase());
    let quoted = quoted.filter(|value| value.chars().count() >= VALUE_CHARACTERS_MIN);
    let quoted = quoted.filter(|value| !is_word(value));
    let tokens = text.split(|c: char| c.is_whitespace() || c.is_control() || "\",;\\".contains(c));
    let tokens = tokens.filter(|token| token.chars().count() >= TOKEN_CHARACTERS_MIN);
    quoted.chain(tokens).map(str::to_owned).collect()
}
