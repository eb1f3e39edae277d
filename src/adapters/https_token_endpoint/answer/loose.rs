//! A JSON value that may be anything, of which only text and numbers are looked at.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Lists and objects are passed over and not kept: 64 KiB of `[[],[],…]` would become a tree of a
/// megabyte.
#[derive(Debug, Default, PartialEq)]
pub(super) enum Loose<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    #[default]
    Other,
}

impl Loose<'_> {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) | Self::Other => None,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Looker)
    }
}

struct Looker;

impl<'de> Visitor<'de> for Looker {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds beyond 2^53 are clamped to a day")]
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds below zero are clamped to one")]
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_numbers_are_kept_and_the_rest_is_passed_over() {
        for (json, expected) in [
            (r#""a\/b""#, Loose::Text("a/b".into())),
            (r#""ab""#, Loose::Text("ab".into())),
            ("7200", Loose::Number(7200.0)),
            ("-5", Loose::Number(-5.0)),
            ("59.9", Loose::Number(59.9)),
            ("18446744073709551616", Loose::Number(18_446_744_073_709_551_616.0)),
            ("null", Loose::Other),
            ("true", Loose::Other),
            (r#"[1,[2],{"a":3}]"#, Loose::Other),
            (r#"{"a":[1],"b":{}}"#, Loose::Other),
        ] {
            assert_eq!(serde_json::from_str::<Loose<'_>>(json).unwrap(), expected, "{json}");
        }
        assert!(serde_json::from_str::<Loose<'_>>("[1,").is_err());
    }
}
