//! Rust source as words and signs, without comments, strings and white space.

/// One word or sign.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Token {
    /// An identifier or keyword; raw ones (`r#type`) without their prefix.
    Word(String),
    /// `::`
    Path,
    /// Any other sign.
    Sign(char),
}

impl Token {
    /// Whether this is the word `word`.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }
}

/// Splits `source`. Numbers vanish, and so do literals: what they say is not code.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut rest = source;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some(length) = comment(rest).or_else(|| literal(rest)) {
            rest = &rest[length..];
        } else if first == '_' || first.is_alphabetic() {
            let word = rest.strip_prefix("r#").unwrap_or(rest);
            let end = word.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(word.len());
            found.push(Token::Word(word[..end].to_owned()));
            rest = &word[end..];
        } else if let Some(after) = rest.strip_prefix("::") {
            found.push(Token::Path);
            rest = after;
        } else {
            if !first.is_whitespace() && !first.is_ascii_digit() {
                found.push(Token::Sign(first));
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

/// The length of the comment that `rest` begins with; block comments nest.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest[at..];
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += here.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(rest.len())
}

/// The length of the string or character that `rest` begins with. A lifetime is none.
fn literal(rest: &str) -> Option<usize> {
    let unprefixed = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - unprefixed.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = unprefixed.strip_prefix('r') {
        let opened = raw.trim_start_matches('#');
        let hashes = raw.len() - opened.len();
        let text = opened.strip_prefix('"')?;
        let close = format!("\"{}", "#".repeat(hashes));
        let end = text.find(&close).map_or(text.len(), |end| end + close.len());
        return Some(prefix + 1 + hashes + 1 + end);
    }
    let quote = unprefixed.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let text = &unprefixed[1..];
    let mut characters = text.char_indices();
    if quote == '\'' {
        let (_, first) = characters.next()?;
        let closed = text[first.len_utf8()..].starts_with('\'');
        if first != '\\' && !closed {
            return None;
        }
        characters = text.char_indices();
    }
    while let Some((at, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return Some(prefix + 1 + at + 1);
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    fn words(source: &str) -> Vec<String> {
        let words = tokens(source).into_iter().filter_map(|token| match token {
            Token::Word(word) => Some(word),
            Token::Path | Token::Sign(_) => None,
        });
        words.collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        for hidden in [
            "// crate::grpc",
            "/* crate::grpc /* nested */ crate::grpc */",
            "//! [`crate::grpc`]",
            r#""crate::grpc \" crate::grpc""#,
            r##"r#"crate::grpc " crate::grpc"#"##,
            r#"b"crate::grpc""#,
            r#"br"crate::grpc""#,
            r"'\''",
            "b'x'",
            "'ß'",
        ] {
            assert_eq!(words(&format!("before {hidden}\nafter")), ["before", "after"], "{hidden}");
        }
    }

    #[test]
    fn lifetimes_and_raw_words_are_code() {
        assert_eq!(
            words("fn f<'a>(r#type: &'a str, c: b)"),
            ["fn", "f", "a", "type", "a", "str", "c", "b"]
        );
    }
}
