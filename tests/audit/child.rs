//! This test binary again, as another process that can be killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The command that runs an ignored test of this binary with a directory, its output in a pipe.
pub(crate) fn command(around: &[&str], role: &str, dir: &Path) -> Command {
    let this = std::env::current_exe().unwrap();
    let words = [this.to_str().unwrap(), "--ignored", "--exact", role, "--nocapture"];
    let mut words = around.iter().copied().chain(words);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).env(DIR, dir).env_remove("RUST_LOG");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// The directory that a role was given; `None` if it was not started as one.
pub(crate) fn dir() -> Option<PathBuf> {
    std::env::var_os(DIR).map(PathBuf::from)
}

/// Whether a program can be run that a test needs, with a word where it cannot.
///
/// # Panics
///
/// In CI (`CI=true`), where a test that was not run must not look like one that passed.
pub(crate) fn works(words: &[&str]) -> bool {
    let output = Command::new(words[0]).args(&words[1..]).output();
    let works = output.is_ok_and(|output| output.status.success());
    let word = format!("this does not work here: {}", words.join(" "));
    assert!(works || std::env::var("CI").as_deref() != Ok("true"), "{word}");
    if !works {
        eprintln!("SKIPPED: {word}");
    }
    works
}

const DIR: &str = "IONVAULT_TEST_AUDIT_DIR";
