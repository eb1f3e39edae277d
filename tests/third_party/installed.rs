//! Finds what `tests/third_party/install` installed.

use std::path::{Path, PathBuf};

/// The path of an installed file; `None` on a person's machine that has not got it, with a word on
/// how to get it.
///
/// # Panics
///
/// In CI (`CI=true`), where a test that was not run must not look like one that passed.
pub(crate) fn installed(file: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let path = target.join("third-party").join(file);
    if path.exists() {
        return Some(path);
    }
    let word = format!("{} is not installed: run tests/third_party/install", path.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{word}");
    eprintln!("SKIPPED: {word}");
    None
}
