//! Which characters a value may have.
//!
//! Nothing is ever stripped: a secret that a line wrap went through may have lost more than the
//! eye sees.

use super::violation::Problem;

/// Client ids: visible ASCII (RFC 6749, appendix A.1), without the space that the grammar allows
/// and Infor never writes.
pub(super) fn client_id(text: &str) -> Result<&str, Problem> {
    check(text, CLIENT_ID_BYTES_MAX, visible_ascii)
}

/// Client secrets: as client ids (RFC 6749, appendix A.2).
pub(super) fn client_secret(text: &str) -> Result<&str, Problem> {
    check(text, SECRET_BYTES_MAX, visible_ascii)
}

/// Keys of service accounts: RFC 6749 (appendices A.15 and A.16) allows all of Unicode for user
/// names and passwords.
pub(super) fn account(text: &str) -> Result<&str, Problem> {
    check(text, SECRET_BYTES_MAX, unseen)
}

/// Addresses: visible ASCII, the alphabet of RFC 3986.
pub(super) fn address(text: &str) -> Result<&str, Problem> {
    check(text, ADDRESS_BYTES_MAX, visible_ascii)
}

/// Infor's tenant: it becomes a segment of URLs, so the unreserved characters of RFC 3986
/// (section 2.3), and something besides dots.
pub(super) fn tenant(text: &str) -> Result<&str, Problem> {
    let text = check(text, NAME_BYTES_MAX, |character| {
        unseen(character).or_else(|| {
            let unreserved = character.is_ascii_alphanumeric() || "-._~".contains(character);
            (!unreserved).then_some("a character other than A-Z a-z 0-9 - . _ ~")
        })
    })?;
    if text.bytes().all(|byte| byte == b'.') { Err(Problem::DotSegment) } else { Ok(text) }
}

/// What people read, in any script: spaces, joiners and all, but no line breaks and none of the
/// control and direction marks that could disguise it in a table.
pub(super) fn name(text: &str) -> Result<&str, Problem> {
    check(text, NAME_BYTES_MAX, |character| match character {
        ' ' | '\u{A0}' | '\u{3000}' | '\u{200C}' | '\u{200D}' => None,
        _ => unseen(character),
    })
}

/// One scope: RFC 6749, section 3.3.
pub(super) fn scope(text: &str) -> Result<&str, Problem> {
    check(text, SCOPE_BYTES_MAX, |character| match character {
        '"' => Some("a quotation mark"),
        '\\' => Some("a backslash"),
        _ => visible_ascii(character),
    })
}

const OUTSIDE_ASCII: &str = "a character outside ASCII";

/// Infor's secrets have 86 characters, its access keys about 100.
const SECRET_BYTES_MAX: usize = 4096;

// What is no secret is stored with each version and travels in each answer, so it is kept short:
// the record of a credential holds ten versions and has room for 12 KiB of facts each.

/// Infor's client ids have about 60 characters.
const CLIENT_ID_BYTES_MAX: usize = 512;

/// Infor's addresses have fewer than 100 characters.
const ADDRESS_BYTES_MAX: usize = 1024;

/// Tenants and names of apps have a few dozen characters.
const NAME_BYTES_MAX: usize = 256;

/// Infor's scopes are product names.
const SCOPE_BYTES_MAX: usize = 64;

fn check(
    text: &str,
    bytes_max: usize,
    wrong: impl Fn(char) -> Option<&'static str>,
) -> Result<&str, Problem> {
    for (index, character) in text.chars().enumerate() {
        if let Some(what) = wrong(character) {
            return Err(Problem::Character { what, at: index + 1 });
        }
    }
    if text.len() > bytes_max { Err(Problem::TooLong(bytes_max)) } else { Ok(text) }
}

fn visible_ascii(character: char) -> Option<&'static str> {
    unseen(character).or_else(|| (!character.is_ascii()).then_some(OUTSIDE_ASCII))
}

/// What a character is, if nobody sees it or if it stands for one that was lost.
fn unseen(character: char) -> Option<&'static str> {
    match character {
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some("a line break"),
        ' ' => Some("a space"),
        '\t' => Some("a tab"),
        '\u{FFFD}' => Some("a replacement character"),
        // Soft hyphen, zero-width characters, direction marks, byte order mark.
        '\u{AD}'
        | '\u{61C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' => Some("an invisible character"),
        _ if character.is_whitespace() => Some("white space"),
        _ if character.is_control() => Some("a control character"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(what: &'static str, at: usize) -> Problem {
        Problem::Character { what, at }
    }

    #[test]
    fn what_nobody_sees_is_named_with_its_place() {
        for (text, what) in [
            ("ab\ncd", "a line break"),
            ("ab\r\ncd", "a line break"),
            ("ab\tcd", "a tab"),
            ("ab cd", "a space"),
            ("ab\u{A0}cd", "white space"),
            ("ab\u{AD}cd", "an invisible character"),
            ("ab\u{200B}cd", "an invisible character"),
            ("ab\u{202E}cd", "an invisible character"),
            ("ab\u{FEFF}cd", "an invisible character"),
            ("ab\u{FFFD}cd", "a replacement character"),
            ("ab\u{0}cd", "a control character"),
            ("ab\u{85}cd", "white space"),
        ] {
            for rule in [client_id, client_secret, account, address, tenant, scope] {
                assert_eq!(rule(text), Err(at(what, 3)), "{text:?}");
            }
        }
        for shown in ["DocBits PRD", "文書\u{3000}管理", "नमस्\u{200D}ते"] {
            assert_eq!(name(shown), Ok(shown));
        }
        assert_eq!(name("a\u{202E}b"), Err(at("an invisible character", 2)));
        assert_eq!(name("a\nb"), Err(at("a line break", 2)));
    }

    #[test]
    fn each_value_has_its_alphabet() {
        assert_eq!(client_id("Ab9~-_#%&+=/"), Ok("Ab9~-_#%&+=/"));
        assert_eq!(client_id("aé"), Err(at(OUTSIDE_ASCII, 2)));
        assert_eq!(client_secret("aé"), Err(at(OUTSIDE_ASCII, 2)));
        assert_eq!(account("ACME_TST#é"), Ok("ACME_TST#é"));
        assert_eq!(tenant("AB12-x.y_z~"), Ok("AB12-x.y_z~"));
        assert!(matches!(tenant("a/b"), Err(Problem::Character { at: 2, .. })));
        assert_eq!(tenant(".."), Err(Problem::DotSegment));
        assert_eq!(scope("Infor-ION"), Ok("Infor-ION"));
        assert_eq!(scope("a\"b"), Err(at("a quotation mark", 2)));
        assert_eq!(scope("a\\b"), Err(at("a backslash", 2)));
    }

    #[test]
    fn each_value_has_room_for_so_much_and_no_more() {
        for (rule, max) in [
            (client_id as fn(&str) -> Result<&str, Problem>, CLIENT_ID_BYTES_MAX),
            (client_secret, SECRET_BYTES_MAX),
            (account, SECRET_BYTES_MAX),
            (address, ADDRESS_BYTES_MAX),
            (tenant, NAME_BYTES_MAX),
            (name, NAME_BYTES_MAX),
            (scope, SCOPE_BYTES_MAX),
        ] {
            assert!(rule(&"a".repeat(max)).is_ok());
            assert_eq!(rule(&"a".repeat(max + 1)), Err(Problem::TooLong(max)));
        }
    }
}
