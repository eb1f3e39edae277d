//! JSON that no terminal acts on.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::printable::is_acted_on;

/// Writes a document, indented. Programs read from it what they would read from any other spelling.
pub(super) fn write_pretty(to: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    let formatter = Escaping(PrettyFormatter::new());
    Ok(document.serialize(&mut Serializer::with_formatter(to, formatter))?)
}

/// Writes a document on one line, without the line's end.
pub(super) fn write_line(to: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    Ok(document.serialize(&mut Serializer::with_formatter(to, Escaping(CompactFormatter)))?)
}

/// Lays out like another one, and escapes what JSON would let stand in a text: C1 and DEL, and what
/// changes the direction of text.
struct Escaping<F>(F);

impl<F: Formatter> Formatter for Escaping<F> {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_acted_on) {
            let (plain, acted_on) = rest.split_at(at);
            to.write_all(plain.as_bytes())?;
            let mut characters = acted_on.chars();
            // All of them are in the plane that needs four digits.
            let code = characters.next().map_or(0, u32::from);
            write!(to, "\\u{code:04x}")?;
            rest = characters.as_str();
        }
        to.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_array(to)
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array(to)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(to, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_array_value(to)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object(to)
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object(to)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.begin_object_value(to)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.0.end_object_value(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_usual_one_and_what_is_read_is_what_was_written() {
        let document = serde_json::json!({
            "plain": ["DocBits für PRD", 1, null, {}],
            "acted on": "\u{1b}]0;x\u{7}\u{9b}2J\u{7f}acme\u{202e}txt\t\n",
        });
        let (mut pretty, mut line) = (Vec::new(), Vec::new());
        write_pretty(&mut pretty, &document).unwrap();
        write_line(&mut line, &document).unwrap();
        for written in [&pretty, &line] {
            let text = std::str::from_utf8(written).unwrap();
            assert!(!text.replace('\n', "").chars().any(is_acted_on), "{text:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(text).unwrap(), document);
        }
        let plain = serde_json::json!({"a": [1, "x"], "b": {"c": []}});
        let mut written = Vec::new();
        write_pretty(&mut written, &plain).unwrap();
        assert_eq!(written, serde_json::to_vec_pretty(&plain).unwrap());
    }
}
