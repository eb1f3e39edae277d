//! Labels: what operators sort credentials by, and what policies may ask for.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// The labels of a credential.
///
/// Invariant: at most [`LABELS_MAX`] of them; each key matches
/// `[a-z]([a-z0-9_.-]{0,61}[a-z0-9])?` and each value has at most 63 characters of
/// `A-Z a-z 0-9 _ . -` (the rule of Kubernetes' labels, a little narrower).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Labels(BTreeMap<String, String>);

/// Why labels are refused. Names the key where it is well-formed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLabels {
    /// More than [`LABELS_MAX`].
    #[error("at most {LABELS_MAX} labels")]
    TooMany,
    /// A key breaks the rule.
    #[error("label keys must match [a-z]([a-z0-9_.-]{{0,61}}[a-z0-9])?")]
    Key,
    /// The value of this key breaks the rule.
    #[error("the value of label `{0}` must have at most 63 characters of A-Z a-z 0-9 _ . -")]
    Value(String),
}

/// How many labels a credential may have: as many as AIP's own services usually allow, halved.
pub const LABELS_MAX: usize = 32;

impl Labels {
    /// Looks a label up.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All labels, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These labels with some set (`Some`) or taken away (`None`).
    ///
    /// # Errors
    ///
    /// As for [`Labels::try_from`].
    pub fn with(&self, each: &HashMap<String, Option<String>>) -> Result<Self, InvalidLabels> {
        let mut labels = self.0.clone();
        for (key, value) in each {
            match value {
                Some(value) => labels.insert(key.clone(), value.clone()),
                None => labels.remove(key),
            };
        }
        Self::try_from(labels)
    }
}

impl TryFrom<BTreeMap<String, String>> for Labels {
    type Error = InvalidLabels;

    fn try_from(labels: BTreeMap<String, String>) -> Result<Self, InvalidLabels> {
        if labels.len() > LABELS_MAX {
            return Err(InvalidLabels::TooMany);
        }
        for (key, value) in &labels {
            if !is_key(key) {
                return Err(InvalidLabels::Key);
            }
            if !is_value(value) {
                return Err(InvalidLabels::Value(key.clone()));
            }
        }
        Ok(Self(labels))
    }
}

impl From<Labels> for BTreeMap<String, String> {
    fn from(labels: Labels) -> Self {
        labels.0
    }
}

/// Longest key and longest value: one DNS label, as in Kubernetes.
const BYTES_MAX: usize = 63;

/// Whether this text may be the key of a label.
#[must_use]
pub fn is_key(text: &str) -> bool {
    let last = |last: char| last.is_ascii_lowercase() || last.is_ascii_digit();
    text.len() <= BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.ends_with(last)
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
}

fn is_value(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    text.len() <= BYTES_MAX && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Result<Labels, InvalidLabels> {
        let map: BTreeMap<_, _> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Labels::try_from(map)
    }

    #[test]
    fn labels_keep_to_their_rule() {
        assert!(labels(&[("environment", "PRD"), ("team.name", ""), ("a", "x_y.z-1")]).is_ok());
        for key in ["", "A", "1a", "a-", "a b", "ä"] {
            assert_eq!(labels(&[(key, "x")]), Err(InvalidLabels::Key), "{key}");
        }
        let long = "x".repeat(64);
        for value in ["a b", "ä", "a=b", long.as_str()] {
            assert_eq!(labels(&[("a", value)]), Err(InvalidLabels::Value("a".into())), "{value}");
        }
    }

    #[test]
    fn there_is_room_for_so_many_and_no_more() {
        let many = |count: usize| {
            Labels::try_from(
                (0..count).map(|n| (format!("k{n}"), String::new())).collect::<BTreeMap<_, _>>(),
            )
        };
        assert!(many(LABELS_MAX).is_ok());
        assert_eq!(many(LABELS_MAX + 1), Err(InvalidLabels::TooMany));
    }
}
