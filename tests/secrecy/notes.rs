//! What came out of a vault, by the place where it came out.

use std::collections::BTreeMap;
use std::fmt::Debug;

use prost::Message;
use tonic::{Response, Status};
use tonic_types::StatusExt;

use super::house::House;
use super::search::Search;

/// Everything that came out.
#[derive(Default)]
pub(crate) struct Notes(BTreeMap<&'static str, Vec<(String, Vec<u8>)>>);

impl Notes {
    pub(crate) fn add(&mut self, place: &'static str, what: &str, bytes: impl Into<Vec<u8>>) {
        self.0.entry(place).or_default().push((what.to_owned(), bytes.into()));
    }

    /// A value's `Debug`, on one line and on several.
    pub(crate) fn debug(&mut self, what: &str, value: &dyn Debug) {
        self.add(DEBUG, what, format!("{value:?}\n{value:#?}"));
    }

    /// An error with its causes.
    pub(crate) fn error(&mut self, what: &str, error: &(dyn std::error::Error + 'static)) {
        self.add(ERRORS, what, format!("{error:?} {error:#?}"));
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.add(ERRORS, what, error.to_string());
            cause = error.source();
        }
    }

    /// All that a refusal tells.
    pub(crate) fn status(&mut self, what: &str, status: &Status) {
        self.error(what, status);
        self.add(ERRORS, what, status.message());
        self.add(ERRORS, what, status.details());
        self.add(ERRORS, what, format!("{:?}", status.get_error_details()));
        self.add(ERRORS, what, format!("{:?}", status.metadata()));
    }

    /// An answer that is no refusal.
    pub(crate) fn answer<T: Message + Debug>(&mut self, what: &str, answer: &Response<T>) {
        self.debug(what, answer);
        self.add(ANSWERS, what, answer.get_ref().encode_to_vec());
    }

    /// The files of the store, as they are now.
    pub(crate) fn store(&mut self, house: &House) {
        for (name, bytes) in house.store() {
            self.add(STORE, &name, bytes);
        }
    }

    /// How many places there are, and how many bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        let bytes = self.0.values().flatten().map(|(_, bytes)| bytes.len()).sum();
        (self.0.len(), bytes)
    }

    pub(crate) fn places(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    /// The secrets that got out, and where; without them.
    pub(crate) fn found(&self, search: &Search) -> Vec<String> {
        let mut found = Vec::new();
        for (place, notes) in &self.0 {
            for (what, bytes) in notes {
                found
                    .extend(search.find(bytes).iter().map(|hit| format!("{place}: {what}: {hit}")));
            }
        }
        found
    }
}

pub(crate) const ANSWERS: &str = "answers";
pub(crate) const DEBUG: &str = "Debug output";
pub(crate) const ERRORS: &str = "errors";
pub(crate) const LOG_OF_ALL: &str = "log of everything";
pub(crate) const LOG_OF_OPERATOR: &str = "log of the operator";
pub(crate) const METRICS: &str = "metrics";
pub(crate) const STORE: &str = "files of the store";
