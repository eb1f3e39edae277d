//! JSON strings: borrowed where nothing is escaped, decoded into wiped memory where something is.

use zeroize::Zeroizing;

use super::super::encoding::Text;
use super::JsonProblem;

/// Reads the string that `text` begins with, and gives what follows it. `lenient` lets control
/// characters pass.
pub(super) fn read(text: &str, lenient: bool) -> Result<(Text<'_>, &str), JsonProblem> {
    let body = text.strip_prefix('"').ok_or(JsonProblem::Expected("a text in quotes"))?;
    let mut escaped = false;
    let mut plain = true;
    for (at, character) in body.char_indices() {
        match character {
            '\0'..='\x1F' if !lenient => return Err(JsonProblem::ControlCharacter),
            _ if escaped => escaped = false,
            '\\' => {
                escaped = true;
                plain = false;
            }
            '"' => {
                let (raw, quote_and_rest) =
                    body.split_at_checked(at).ok_or(JsonProblem::EndsEarly)?;
                let rest = quote_and_rest.strip_prefix('"').unwrap_or(quote_and_rest);
                let string = if plain { Text::Borrowed(raw) } else { unescape(raw)? };
                return Ok((string, rest));
            }
            _ => {}
        }
    }
    Err(JsonProblem::EndsEarly)
}

/// No escape is shorter than what it stands for, so the buffer does not grow.
fn unescape(raw: &str) -> Result<Text<'static>, JsonProblem> {
    let mut text = Zeroizing::new(String::with_capacity(raw.len()));
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut characters = escape.chars();
        let character = match characters.next() {
            Some(same @ ('"' | '\\' | '/')) => same,
            Some('b') => '\x08',
            Some('f') => '\x0C',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (character, rest) = code_point(characters.as_str())?;
                characters = rest.chars();
                character
            }
            _ => return Err(JsonProblem::Escape),
        };
        text.push(character);
        rest = characters.as_str();
    }
    text.push_str(rest);
    Ok(Text::Decoded(text))
}

/// Reads what follows `\u`: one code unit, or a surrogate pair (RFC 8259, section 7).
fn code_point(text: &str) -> Result<(char, &str), JsonProblem> {
    let (first, rest) = code_unit(text)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Ok((character, rest));
    }
    let (second, rest) = code_unit(rest.strip_prefix("\\u").ok_or(JsonProblem::Escape)?)?;
    match char::decode_utf16([first, second]).next() {
        Some(Ok(character)) => Ok((character, rest)),
        Some(Err(_)) | None => Err(JsonProblem::Escape),
    }
}

fn code_unit(text: &str) -> Result<(u16, &str), JsonProblem> {
    let (digits, rest) = text.split_at_checked(4).ok_or(JsonProblem::Escape)?;
    // `from_str_radix` alone would take a sign.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(JsonProblem::Escape);
    }
    match u16::from_str_radix(digits, 16) {
        Ok(unit) => Ok((unit, rest)),
        Err(_) => Err(JsonProblem::Escape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Result<(String, &str), JsonProblem> {
        read(source, false).map(|(text, rest)| (text.to_string(), rest))
    }

    #[test]
    fn escapes_are_decoded() {
        for (source, expected) in [
            (r#""""#, ""),
            (r#""plain""#, "plain"),
            (r#""a\"b\\c\/d""#, "a\"b\\c/d"),
            (r#""\b\f\n\r\t""#, "\x08\x0C\n\r\t"),
            (r#""ACME_TST\u0023x""#, "ACME_TST#x"),
            (r#""\uD83D\uDE80\u00e9""#, "🚀é"),
        ] {
            assert_eq!(text(source), Ok((expected.to_owned(), "")), "{source}");
        }
        assert_eq!(text(r#""a", 1"#), Ok(("a".to_owned(), ", 1")));
    }

    #[test]
    fn broken_strings_are_refused() {
        for source in
            [r#""\x""#, r#""\u12""#, r#""\u+123""#, r#""\uD83D""#, r#""\uD83Dx""#, r#""\uDE80""#]
        {
            assert_eq!(text(source), Err(JsonProblem::Escape), "{source}");
        }
        for source in [r#"""#, r#""a"#, r#""a\""#, r#""a\"#] {
            assert_eq!(text(source), Err(JsonProblem::EndsEarly), "{source}");
        }
        assert_eq!(text("\"a\nb\""), Err(JsonProblem::ControlCharacter));
    }

    #[test]
    fn what_is_escaped_is_decoded_into_a_buffer_that_does_not_grow() {
        for source in [r#""\u0023\u0023""#, r#""\uD83D\uDE80""#, r#""\uFFFD\/""#] {
            let Ok((Text::Decoded(text), _)) = read(source, false) else { panic!("{source}") };
            assert_eq!(text.capacity(), source.len() - 2, "{source}");
        }
    }
}
