//! The project's files, as the tests read them.

use std::path::{Path, PathBuf};

/// One file.
pub(crate) struct Source {
    /// Its path from the root of the repository, with `/`.
    pub(crate) path: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Source {
    /// The path of its module in the crate: `["vault", "change"]` for `src/vault/change.rs`,
    /// nothing for `src/lib.rs`.
    pub(crate) fn module(&self) -> Vec<String> {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let path = below.strip_suffix(".rs").unwrap_or(below);
        if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
    }

    /// Whether a relative link in this file leads to something.
    pub(crate) fn leads_to(&self, link: &str) -> bool {
        root().join(&self.path).parent().is_some_and(|folder| folder.join(link).exists())
    }

    /// The name without folders.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// One file of the repository.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether the repository has this file.
pub(crate) fn exists(path: &str) -> bool {
    root().join(path).is_file()
}

/// Every Rust file below `folder`, in order of their paths; none if there is no such folder.
pub(crate) fn rust_files(folder: &str) -> Vec<Source> {
    files(folder, "rs")
}

/// Every file of the API.
pub(crate) fn protos() -> Vec<Source> {
    files("proto", "proto")
}

/// Every Markdown file that belongs to the project.
pub(crate) fn documents() -> Vec<Source> {
    let entries = std::fs::read_dir(root()).unwrap();
    let at_the_top = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        at_the_top.filter(|path| is(path, "md")).map(|path| source(&path)).collect();
    found.extend(files("docs", "md"));
    found
}

fn is(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension == wanted)
}

fn files(folder: &str, extension: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
        let entries = std::fs::read_dir(&folder).unwrap();
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if is(&path, extension) {
                found.push(source(&path));
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn source(path: &Path) -> Source {
    let relative = path.strip_prefix(root()).unwrap();
    let parts = relative.iter().map(|part| part.to_str().unwrap());
    Source {
        path: parts.collect::<Vec<_>>().join("/"),
        text: std::fs::read_to_string(path).unwrap(),
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
