//! Text from elsewhere, made fit for a terminal.

use std::borrow::Cow;

/// The text with everything replaced that a terminal would act on instead of showing.
///
/// What a file calls its app, or what a vault puts into a message, is written by somebody else: an
/// escape sequence in it could retitle the window or rewrite the lines above, and a bidirectional
/// override could make one name look like another (Unicode TR #36, section 3.1). Tabs and line
/// breaks become spaces; whoever prints several lines splits them first.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_acted_on) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(shown).collect())
}

fn shown(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => ' ',
        acted_on if is_acted_on(acted_on) => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// C0, C1 and DEL, and the characters that change the direction of those around them.
pub(super) fn is_acted_on(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        for (text, shown) in [
            ("DocBits für PRD", "DocBits für PRD"),
            ("\u{1b}]0;owned\u{7}", "\u{fffd}]0;owned\u{fffd}"),
            ("\u{9b}2J", "\u{fffd}2J"),
            ("acme\u{202e}txt", "acme\u{fffd}txt"),
            ("two\nlines\tand\ra half", "two lines and a half"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }
}
