//! What a JSON text says.

use super::super::encoding::Text;

/// A JSON value. Numbers and booleans are only told apart: no key of the file may be one.
pub(in crate::ion) enum Value<'a> {
    /// A string.
    Text(Text<'a>),
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `null`.
    Null,
    /// Items in their order.
    Array(Vec<Value<'a>>),
    /// Members in their order; no key is there twice.
    Object(Vec<Member<'a>>),
}

/// A key and its value.
pub(in crate::ion) struct Member<'a> {
    /// May be anything, a secret too.
    pub(in crate::ion) key: Text<'a>,
    /// What it stands for.
    pub(in crate::ion) value: Value<'a>,
}

impl<'a> Value<'a> {
    /// The value under this key, if this is an object that has it.
    pub(in crate::ion) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|member| &*member.key == key).map(|member| &member.value)
            }
            Self::Text(_) | Self::Number | Self::Boolean | Self::Null | Self::Array(_) => None,
        }
    }

    /// What it is, in words.
    pub(in crate::ion) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Null => "null",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
