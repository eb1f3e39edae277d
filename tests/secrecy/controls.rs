//! Planted controls: secrets that are given away on purpose, one for each encoding, at every place,
//! so that it is known that they would be found.

use super::house::House;
use super::notes::{ANSWERS, Notes, OF_AUDIT, STORE, VERIFIER, WITNESS};
use super::planted::invent;
use super::recorded;
use super::search::{ENCODINGS, Search};

/// A secret for each encoding.
pub(crate) struct Controls(Vec<String>);

impl Controls {
    pub(crate) fn new() -> Self {
        Self(ENCODINGS.map(|_| invent(b"\"\\/+%&=<~'?:")).to_vec())
    }

    /// For another process.
    pub(crate) fn to_text(&self) -> String {
        self.0.join(" ")
    }

    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.split(' ').map(str::to_owned).collect())
    }

    /// Logs them, and then [`LAST`].
    pub(crate) fn log(&self) {
        for (encoding, text) in self.written() {
            tracing::error!(target: "ionvault::control", encoding, "{text}");
        }
        tracing::error!(target: "ionvault::control", "{LAST}");
    }

    /// Counts them.
    pub(crate) fn count(&self) {
        for (encoding, text) in self.written() {
            metrics::counter!("control", "encoding" => encoding, "text" => text).increment(1);
        }
    }

    /// Gives them away at each other place.
    pub(crate) fn plant(&self, house: &House, notes: &mut Notes) {
        let path = house.path("store").join("control");
        for (encoding, text) in self.written() {
            std::fs::write(&path, &text).unwrap();
            notes.store(house);
            notes.status(encoding, &tonic::Status::internal(&text));
            notes.debug(encoding, &Some(&text));
            recorded::give_away(house, &text, notes);
            for place in [OF_AUDIT, VERIFIER, WITNESS] {
                notes.add(place, encoding, text.as_bytes());
            }
            notes.answer_at(ANSWERS, encoding, &tonic::Response::new(text));
        }
        std::fs::remove_file(path).unwrap();
    }

    /// How often they were found; each must be, at each place.
    pub(crate) fn find(&self, notes: &Notes) -> usize {
        let mut found = 0;
        let named = |(control, (encoding, _)): (&String, (&str, _))| {
            (format!("the control as {encoding}."), control.clone().into_bytes())
        };
        let controls: Vec<_> = self.0.iter().zip(ENCODINGS).map(named).collect();
        let hits = notes.found(&Search::new(&controls));
        for ((control, _), (encoding, _)) in controls.iter().zip(ENCODINGS) {
            for place in notes.sizes().into_keys() {
                // Where a place is text, the zeros of UTF-16 are written as something else.
                if encoding != "UTF-16" || place == STORE {
                    let hit = |hit: &&String| hit.starts_with(place) && hit.contains(control);
                    assert!(
                        hits.iter().any(|found| hit(&found)),
                        "{place}: {control} was not found"
                    );
                    found += 1;
                }
            }
        }
        found
    }

    fn written(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().zip(ENCODINGS).map(|(control, (name, encode))| {
            (name, String::from_utf8(encode(control.as_bytes())).unwrap())
        })
    }
}

/// What is logged after the controls.
pub(crate) const LAST: &str = "the last of the controls";
