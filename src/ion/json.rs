//! A JSON reader (RFC 8259) for files that are full of secrets.
//!
//! `serde_json` would do three things that must not happen here: keep the last of two equal keys
//! without a word, copy escaped strings through a buffer that it does not wipe, and give up on a
//! line break within a string without telling in which key. This reader borrows what it can, wipes
//! what it cannot, and knows where it is. A test holds it to `serde_json` on random texts.

mod string;
mod value;

pub(super) use value::{Member, Value};

use std::collections::HashSet;

use super::encoding::Text;
use super::key::Key;

/// Reads one JSON text. Control characters may stand raw within the strings of the outermost
/// object's known keys, against the letter of RFC 8259: the check of that key says more of them.
pub(super) fn read(text: &str) -> Result<Value<'_>, InvalidJson> {
    let mut reader = Reader { rest: text };
    let read = reader.document();
    read.map_err(|problem| {
        let before = text.get(..text.len().saturating_sub(reader.rest.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let within = before.get(line_start..).unwrap_or("");
        InvalidJson {
            line: before.matches('\n').count() + 1,
            column: within.chars().count() + 1,
            problem,
        }
    })
}

/// Why a text is not JSON, and where. Lines and columns count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("is not valid JSON at line {line}, column {column}: {problem}")]
pub struct InvalidJson {
    line: usize,
    column: usize,
    /// What is wrong there.
    pub problem: JsonProblem,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonProblem {
    /// The text stops within a value.
    #[error("it ends too early, as if it had been cut off")]
    EndsEarly,
    /// Something else stands where this should.
    #[error("{0} was expected")]
    Expected(&'static str),
    /// Word processors and mail programs write these.
    #[error("typographic quotes stand where \" was expected")]
    TypographicQuotes,
    /// Values within values within values.
    #[error("it is nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// One of Infor's keys is there twice.
    #[error("the key `{0}` appears twice")]
    DuplicateKey(&'static str),
    /// Another key is there twice.
    #[error("a key appears twice")]
    DuplicateUnknownKey,
    /// A control character stands raw within a string.
    #[error("a line break or another control character stands within quotes")]
    ControlCharacter,
    /// A backslash introduces something that it cannot.
    #[error("the characters after a backslash mean nothing")]
    Escape,
}

/// Deeper nesting has no use in a flat file, and the reader recurses.
const DEPTH_MAX: usize = 16;

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Value<'a>, JsonProblem> {
        self.skip_space();
        let value = self.value(0, false)?;
        self.skip_space();
        if self.rest.is_empty() { Ok(value) } else { Err(self.expected("the end of the file")) }
    }

    fn value(&mut self, depth: usize, lenient: bool) -> Result<Value<'a>, JsonProblem> {
        if depth > DEPTH_MAX {
            return Err(JsonProblem::TooDeep);
        }
        match self.rest.as_bytes().first() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => Ok(Value::Text(self.string(lenient)?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true", Value::Boolean),
            Some(b'f') => self.literal("false", Value::Boolean),
            Some(b'n') => self.literal("null", Value::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, JsonProblem> {
        self.take('{', "{")?;
        let mut members: Vec<Member<'a>> = Vec::new();
        let mut starts = Vec::new();
        if self.took_after_space('}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            if !self.rest.starts_with('"') {
                return Err(self.expected("a key in quotes"));
            }
            starts.push(self.rest);
            let key = self.string(false)?;
            self.skip_space();
            self.take(':', "a colon")?;
            self.skip_space();
            let lenient = depth == 0 && Key::named(&key).is_some();
            let value = self.value(depth + 1, lenient)?;
            members.push(Member { key, value });
            if self.took_after_space('}') {
                break;
            }
            self.take(',', "a comma or }")?;
        }
        let mut seen = HashSet::with_capacity(members.len());
        let mut pairs = members.iter().zip(starts);
        let Some((member, start)) = pairs.find(|(member, _)| !seen.insert(&*member.key)) else {
            return Ok(Value::Object(members));
        };
        self.rest = start;
        Err(match Key::named(&member.key) {
            Some(key) => JsonProblem::DuplicateKey(key.name()),
            None => JsonProblem::DuplicateUnknownKey,
        })
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, JsonProblem> {
        self.take('[', "[")?;
        let mut items = Vec::new();
        if self.took_after_space(']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1, false)?);
            if self.took_after_space(']') {
                return Ok(Value::Array(items));
            }
            self.take(',', "a comma or ]")?;
        }
    }

    fn string(&mut self, lenient: bool) -> Result<Text<'a>, JsonProblem> {
        let (text, rest) = string::read(self.rest, lenient)?;
        self.rest = rest;
        Ok(text)
    }

    fn number(&mut self) -> Result<Value<'a>, JsonProblem> {
        self.took("-");
        if !self.took("0") && !self.took_digits() {
            return Err(self.expected("a digit"));
        }
        if self.took(".") && !self.took_digits() {
            return Err(self.expected("a digit"));
        }
        if self.took("e") || self.took("E") {
            let _signed = self.took("+") || self.took("-");
            if !self.took_digits() {
                return Err(self.expected("a digit"));
            }
        }
        Ok(Value::Number)
    }

    fn literal(&mut self, word: &'static str, value: Value<'a>) -> Result<Value<'a>, JsonProblem> {
        if self.took(word) { Ok(value) } else { Err(self.expected("a value")) }
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn took(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn took_digits(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let some = rest.len() < self.rest.len();
        self.rest = rest;
        some
    }

    fn took_after_space(&mut self, mark: char) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take(&mut self, mark: char, name: &'static str) -> Result<(), JsonProblem> {
        self.rest = self.rest.strip_prefix(mark).ok_or_else(|| self.expected(name))?;
        Ok(())
    }

    fn expected(&self, what: &'static str) -> JsonProblem {
        match self.rest.chars().next() {
            None => JsonProblem::EndsEarly,
            Some('\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{2033}') => {
                JsonProblem::TypographicQuotes
            }
            Some(_) => JsonProblem::Expected(what),
        }
    }
}

#[cfg(test)]
mod tests;
