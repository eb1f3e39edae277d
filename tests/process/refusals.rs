//! A refusal: one sentence, an exit code, and nothing changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::installation::Installation;

/// Every file below a directory: its mode, when it was written, and what it holds.
pub(crate) type Files = BTreeMap<PathBuf, (u32, i64, Vec<u8>)>;

pub(crate) fn files(dir: &Path) -> Files {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::symlink_metadata(&path).unwrap();
        if file.is_dir() {
            found.extend(files(&path));
            // The copy of the store that is tried comes and goes, which changes the time.
            found.insert(path, (file.mode(), 0, Vec::new()));
        } else {
            // Sockets hold nothing.
            let content = if file.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            found.insert(path, (file.mode(), file.mtime_nsec(), content));
        }
    }
    found
}

impl Installation {
    /// Runs the program, and shows that it refuses in these words and leaves every file of the
    /// installation as it was. What differs from run to run is `DIR`, `PORT` or `ID` there.
    #[track_caller]
    pub(crate) fn refuses(&self, words: &[&str], expected: &str) {
        let before = files(self.dir());
        let ended = self.run(words);
        let after = files(self.dir());
        let report = ended.said.iter().skip_while(|line| line.starts_with('{'));
        let report = report.map(String::as_str).collect::<Vec<_>>().join("\n");
        let report = self.without_chance(&report);
        assert_eq!(report, expected, "{:#?}", ended.said);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{:#?}", ended.said);
        for (path, file) in &before {
            assert!(after.get(path) == Some(file), "{} was changed", path.display());
        }
        let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
        assert!(new.is_empty(), "{new:?} were made");
    }

    fn without_chance(&self, text: &str) -> String {
        let text = text.replace(&self.dir().display().to_string(), "DIR");
        let mut said = String::new();
        let mut rest = text.as_str();
        while let Some(character) = rest.chars().next() {
            let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (word, length) = match said.as_str() {
                _ if hex == ID_DIGITS => ("ID", hex),
                before if before.ends_with("127.0.0.1:") && digits > 0 => ("PORT", digits),
                _ => ("", 0),
            };
            if length == 0 {
                said.push(character);
            } else {
                said.push_str(word);
            }
            rest = &rest[length.max(character.len_utf8())..];
        }
        said
    }
}

/// Of stores and root keys.
const ID_DIGITS: usize = 32;
