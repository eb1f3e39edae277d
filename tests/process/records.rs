//! What stands in the files of an audit log, read as anybody could: lines of JSON.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use super::load::Answered;

/// The records that were read so far.
pub(crate) struct Records {
    dir: PathBuf,
    /// How far each segment was read, by its path.
    read: BTreeMap<PathBuf, u64>,
    /// The token id of each record, by its trace id.
    tokens: HashMap<String, String>,
}

impl Records {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, read: BTreeMap::new(), tokens: HashMap::new() }
    }

    /// Reads on, up to the last whole line.
    pub(crate) fn read(&mut self) {
        let entries = fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().path());
        for path in entries.filter(|path| path.extension().is_some_and(|end| end == "jsonl")) {
            let from = self.read.entry(path.clone()).or_default();
            let mut file = File::open(path).unwrap();
            file.seek(SeekFrom::Start(*from)).unwrap();
            let mut reader = BufReader::new(file);
            loop {
                let mut line = Vec::new();
                reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).unwrap();
                // Behind the lines are zeros, or what a kill left of one.
                if !line.ends_with(b"\n") || line.contains(&0) {
                    break;
                }
                *from += line.len() as u64;
                let record: serde_json::Value = serde_json::from_slice(&line).unwrap();
                let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
                self.tokens.insert(text("trace_id"), text("token_id"));
            }
        }
    }

    /// The answers that are not in the log, with the token that they gave out.
    pub(crate) fn missing<'a>(
        &self,
        answered: impl IntoIterator<Item = &'a Answered>,
    ) -> Vec<&'a Answered> {
        let there = |it: &Answered| self.tokens.get(&it.trace_id) == Some(&it.token_id);
        answered.into_iter().filter(|answered| !there(answered)).collect()
    }
}

/// No record is longer.
const LINE_BYTES_MAX: u64 = ionvault::audit::RECORD_BYTES_MAX as u64;
