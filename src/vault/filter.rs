//! The filter of a list: a conjunction of `labels.KEY=VALUE`, `state=…` and `health=…`.

use std::str::FromStr;

use crate::model::{Credential, Health, State, is_key};

/// A parsed filter; the empty one lets everything through.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter(Vec<Term>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Term {
    Label { key: String, value: String },
    Deleted(bool),
    Health(Health),
}

/// Why a text is no filter.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidFilter {
    /// More than [`TERMS_MAX`].
    #[error("at most {TERMS_MAX} terms")]
    TooMany,
    /// A term is none of those that there are.
    #[error(
        "expected terms `labels.KEY=VALUE`, `state=ACTIVE|DELETED` or \
         `health=HEALTHY|UNVERIFIED|DEGRADED|REFUSED|AUTHORIZATION_REQUIRED`, joined by ` AND `"
    )]
    Term,
}

/// Bounds the work that one credential costs a list.
pub const TERMS_MAX: usize = 8;

impl Filter {
    /// Whether the credential is one of those asked for. How it stands with Infor the vault does not
    /// know; `health` is asked only if the filter does.
    #[must_use]
    pub fn matches(&self, credential: &Credential, health: impl Fn(&Credential) -> Health) -> bool {
        self.0.iter().all(|term| match term {
            Term::Label { key, value } => credential.labels.get(key) == Some(value),
            Term::Deleted(deleted) => *deleted == matches!(credential.state, State::Deleted(_)),
            Term::Health(wanted) => *wanted == health(credential),
        })
    }
}

impl FromStr for Filter {
    type Err = InvalidFilter;

    fn from_str(text: &str) -> Result<Self, InvalidFilter> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let terms = text.split(" AND ").map(term).collect::<Result<Vec<_>, _>>()?;
        if terms.len() > TERMS_MAX { Err(InvalidFilter::TooMany) } else { Ok(Self(terms)) }
    }
}

fn term(text: &str) -> Result<Term, InvalidFilter> {
    let (field, value) = text.split_once('=').ok_or(InvalidFilter::Term)?;
    let (field, value) = (field.trim(), value.trim());
    let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    match (field.strip_prefix("labels."), field, value) {
        (Some(key), _, value) if is_key(key) && !value.contains(['"', ' ', '=']) => {
            Ok(Term::Label { key: key.to_owned(), value: value.to_owned() })
        }
        (None, "state", "ACTIVE") => Ok(Term::Deleted(false)),
        (None, "state", "DELETED") => Ok(Term::Deleted(true)),
        (None, "health", name) => {
            Health::from_name(name).map(Term::Health).ok_or(InvalidFilter::Term)
        }
        _ => Err(InvalidFilter::Term),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read() {
        let read = "labels.environment=PRD AND state=ACTIVE AND labels.a.b=\"x\" \
                    AND health=AUTHORIZATION_REQUIRED"
            .parse::<Filter>();
        let label = |key: &str, value: &str| Term::Label { key: key.into(), value: value.into() };
        assert_eq!(
            read,
            Ok(Filter(vec![
                label("environment", "PRD"),
                Term::Deleted(false),
                label("a.b", "x"),
                Term::Health(Health::AuthorizationRequired),
            ]))
        );
        assert_eq!("  ".parse(), Ok(Filter::default()));
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in [
            "x",
            "name=a",
            "labels=a",
            "labels.=a",
            "labels.A=a",
            "state=active",
            "state!=ACTIVE",
            "labels.a=b OR labels.c=d",
            "labels.a=b AND",
            "labels.a=b and labels.c=d",
            "state=STATE_ACTIVE",
            "health=healthy",
            "health=",
            "health=HEALTH_HEALTHY",
        ] {
            assert_eq!(text.parse::<Filter>(), Err(InvalidFilter::Term), "{text}");
        }
        let many = ["state=ACTIVE"; TERMS_MAX + 1].join(" AND ");
        assert_eq!(many.parse::<Filter>(), Err(InvalidFilter::TooMany));
    }
}
