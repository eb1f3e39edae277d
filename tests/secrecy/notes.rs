//! What came out of a vault, by the place where it came out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use prost::Message;
use tonic::{Response, Status};
use tonic_types::StatusExt;

use super::house::House;
use super::search::Search;

/// Everything that came out, and what must be in the audit log for that.
#[derive(Default)]
pub(crate) struct Notes {
    places: BTreeMap<&'static str, Vec<(String, Vec<u8>)>>,
    refusals: usize,
    calls: BTreeMap<String, usize>,
    token_ids: BTreeSet<(String, String)>,
}

impl Notes {
    pub(crate) fn add(&mut self, place: &'static str, what: &str, bytes: impl Into<Vec<u8>>) {
        self.places.entry(place).or_default().push((what.to_owned(), bytes.into()));
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
        self.refusals += 1;
        self.error(what, status);
        self.add(ERRORS, what, status.message());
        self.add(ERRORS, what, status.details());
        self.add(ERRORS, what, format!("{:?}", status.get_error_details()));
        self.add(ERRORS, what, format!("{:?}", status.metadata()));
    }

    /// An answer that is no refusal.
    pub(crate) fn answer_at<T: Message + Debug>(
        &mut self,
        place: &'static str,
        what: &str,
        answer: &Response<T>,
    ) {
        self.debug(what, answer);
        self.add(place, what, answer.get_ref().encode_to_vec());
    }

    /// That so many calls were made by somebody who makes no others.
    pub(crate) fn called(&mut self, caller: &str, calls: usize) {
        *self.calls.entry(caller.to_owned()).or_default() += calls;
    }

    /// That a token was given out, by its id, for a credential.
    pub(crate) fn given_out(&mut self, token_id: &str, name: &str) {
        self.token_ids.insert((token_id.to_owned(), name.to_owned()));
    }

    /// Who made how many calls.
    pub(crate) fn calls(&self) -> &BTreeMap<String, usize> {
        &self.calls
    }

    /// The ids of tokens, and for which credential they were given out.
    pub(crate) fn token_ids(&self) -> &BTreeSet<(String, String)> {
        &self.token_ids
    }

    /// How many calls were refused.
    pub(crate) fn refusals(&self) -> usize {
        self.refusals
    }

    /// The files of the store, as they are now.
    pub(crate) fn store(&mut self, house: &House) {
        for (name, bytes) in house.store() {
            self.add(STORE, &name, bytes);
        }
    }

    /// How many bytes came out at each place.
    pub(crate) fn sizes(&self) -> BTreeMap<&'static str, usize> {
        let bytes = |notes: &Vec<(String, Vec<u8>)>| notes.iter().map(|(_, it)| it.len()).sum();
        self.places.iter().map(|(place, notes)| (*place, bytes(notes))).collect()
    }

    /// Whether a text came out there.
    pub(crate) fn hold(&self, place: &str, text: &str) -> bool {
        let mut notes = self.places[place].iter().map(|(_, bytes)| String::from_utf8_lossy(bytes));
        notes.any(|note| note.contains(text))
    }

    /// The secrets that got out, and where; without them.
    pub(crate) fn found(&self, search: &Search) -> Vec<String> {
        let mut found = Vec::new();
        for (place, notes) in &self.places {
            for (what, bytes) in notes {
                found
                    .extend(search.find(bytes).iter().map(|hit| format!("{place}: {what}: {hit}")));
            }
        }
        found
    }
}

pub(crate) const ANSWERS: &str = "answers";
pub(crate) const AUDIT: &str = "files of the audit log";
pub(crate) const DEBUG: &str = "Debug output";
pub(crate) const ERRORS: &str = "errors";
pub(crate) const LOG_OF_ALL: &str = "log of everything";
pub(crate) const LOG_OF_OPERATOR: &str = "log of the operator";
pub(crate) const METRICS: &str = "metrics";
/// Answers of `AuditService`.
pub(crate) const OF_AUDIT: &str = "events, checkpoints and proofs";
pub(crate) const STORE: &str = "files of the store";
pub(crate) const VERIFIER: &str = "output of the verifier";
pub(crate) const WITNESS: &str = "files of the witness";
