//! Labels as people type them: `environment=prd`.

use std::collections::BTreeMap;

use crate::model::{InvalidLabels, Labels, is_key};

/// One `KEY=VALUE`, in the right shape.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Label {
    pub(super) key: String,
    pub(super) value: String,
}

/// Reads `KEY=VALUE`.
///
/// # Errors
///
/// A sentence for the person who typed it.
pub(super) fn label(text: &str) -> Result<Label, String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    let (key, value) = (key.to_owned(), value.to_owned());
    let alone = BTreeMap::from([(key.clone(), value.clone())]);
    Labels::try_from(alone).map_err(|error| error.to_string())?;
    Ok(Label { key, value })
}

/// Reads the key of a label.
///
/// # Errors
///
/// A sentence for the person who typed it.
pub(super) fn key(text: &str) -> Result<String, String> {
    if is_key(text) { Ok(text.to_owned()) } else { Err(InvalidLabels::Key.to_string()) }
}

/// All labels of one command.
///
/// # Errors
///
/// A sentence for the person who typed them, if a key occurs twice: which value was meant?
pub(super) fn collect(labels: Vec<Label>) -> Result<BTreeMap<String, String>, String> {
    let mut all = BTreeMap::new();
    for Label { key, value } in labels {
        if all.insert(key.clone(), value).is_some() {
            return Err(format!("label `{key}` is given twice"));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_key_and_a_value() {
        let prd = Label { key: "environment".into(), value: "prd".into() };
        assert_eq!(label("environment=prd"), Ok(prd));
        assert_eq!(label("empty=").map(|label| label.value), Ok(String::new()));
        assert_eq!(label("environment"), Err("expected KEY=VALUE".into()));
        assert_eq!(label("Environment=prd"), Err(InvalidLabels::Key.to_string()));
        assert_eq!(label("a=b=c"), Err(InvalidLabels::Value("a".into()).to_string()));
    }

    #[test]
    fn a_key_given_twice_is_refused() {
        let [one, two] = ["a=1", "a=2"].map(|text| label(text).unwrap());
        assert_eq!(collect(vec![one, two]), Err("label `a` is given twice".into()));
    }
}
