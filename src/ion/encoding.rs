//! The encodings that files arrive in: UTF-8 with or without byte order mark, and UTF-16 with one
//! (Windows PowerShell's `>` and `Out-File` write that).

use std::ops::Deref;

use zeroize::Zeroizing;

/// A text that is either borrowed or wiped when dropped: decoding leaves no copy behind.
pub(super) enum Text<'a> {
    /// Stands in the uploaded bytes as it is.
    Borrowed(&'a str),
    /// Had to be decoded.
    Decoded(Zeroizing<String>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Decoded(text) => text,
        }
    }
}

/// Why bytes are no text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidEncoding {
    /// Half of the bytes are zero.
    #[error("is UTF-16 without a byte order mark (save it as UTF-8)")]
    Utf16WithoutMark,
    /// Ends within a character, or has half of a surrogate pair.
    #[error("is broken UTF-16 (save it as UTF-8, or download it again)")]
    Utf16,
    /// Nobody uses this.
    #[error("is UTF-32 (save it as UTF-8)")]
    Utf32,
    /// An older encoding, or no text at all.
    #[error("is not UTF-8 from byte {byte} on (save it as UTF-8, or download it again)")]
    Utf8 {
        /// The first byte that is wrong; the first byte of the file is 1.
        byte: usize,
    },
}

/// Decodes a file. A byte order mark is taken away.
pub(super) fn decode(bytes: &[u8]) -> Result<Text<'_>, InvalidEncoding> {
    if bytes.starts_with(&[0xFF, 0xFE, 0, 0]) || bytes.starts_with(&[0, 0, 0xFE, 0xFF]) {
        return Err(InvalidEncoding::Utf32);
    }
    if let Some(units) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        return decode_utf16(units, u16::from_le_bytes);
    }
    if let Some(units) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        return decode_utf16(units, u16::from_be_bytes);
    }
    if matches!(bytes, [0, b' '..=b'~', ..] | [b' '..=b'~', 0, ..]) {
        return Err(InvalidEncoding::Utf16WithoutMark);
    }
    let unmarked = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    match std::str::from_utf8(unmarked) {
        Ok(text) => Ok(Text::Borrowed(text)),
        Err(error) => {
            let before = bytes.len().saturating_sub(unmarked.len());
            Err(InvalidEncoding::Utf8 { byte: before + error.valid_up_to() + 1 })
        }
    }
}

/// Decodes twice, first to learn the length: a buffer that grew would leave copies behind.
fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Text<'_>, InvalidEncoding> {
    let (units, []) = bytes.as_chunks::<2>() else {
        return Err(InvalidEncoding::Utf16);
    };
    let characters = || char::decode_utf16(units.iter().map(|pair| unit(*pair)));
    let mut length = 0;
    for character in characters() {
        let Ok(character) = character else { return Err(InvalidEncoding::Utf16) };
        length += character.len_utf8();
    }
    let mut text = Zeroizing::new(String::with_capacity(length));
    text.extend(characters().flatten());
    Ok(Text::Decoded(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "{\"cn\": \"Döcbits 🚀\"}";

    fn utf16(text: &str, mark: &[u8], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        mark.iter().copied().chain(text.encode_utf16().flat_map(bytes)).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        for bytes in [
            SAMPLE.as_bytes().to_vec(),
            [b"\xEF\xBB\xBF", SAMPLE.as_bytes()].concat(),
            utf16(SAMPLE, &[0xFF, 0xFE], u16::to_le_bytes),
            utf16(SAMPLE, &[0xFE, 0xFF], u16::to_be_bytes),
        ] {
            assert_eq!(decode(&bytes).map(|text| text.to_string()), Ok(SAMPLE.to_owned()));
        }
    }

    #[test]
    fn utf16_is_decoded_into_a_buffer_that_does_not_grow() {
        let bytes = utf16(SAMPLE, &[0xFF, 0xFE], u16::to_le_bytes);
        let Ok(Text::Decoded(text)) = decode(&bytes) else { panic!("not decoded") };
        assert_eq!(text.capacity(), SAMPLE.len());
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_reason() {
        let le = utf16(SAMPLE, &[], u16::to_le_bytes);
        let be = utf16(SAMPLE, &[], u16::to_be_bytes);
        let odd = utf16(SAMPLE, &[0xFF, 0xFE], u16::to_le_bytes);
        let lone = [0xFF, 0xFE, 0x00, 0xD8];
        for (bytes, why) in [
            (le.as_slice(), InvalidEncoding::Utf16WithoutMark),
            (be.as_slice(), InvalidEncoding::Utf16WithoutMark),
            (&odd[..odd.len() - 1], InvalidEncoding::Utf16),
            (&lone, InvalidEncoding::Utf16),
            (&[0xFF, 0xFE, 0, 0, b'{', 0, 0, 0], InvalidEncoding::Utf32),
            (&[0, 0, 0xFE, 0xFF, 0, 0, 0, b'{'], InvalidEncoding::Utf32),
            (b"{\"cn\": \"D\xF6c\"}", InvalidEncoding::Utf8 { byte: 10 }),
            (b"\xEF\xBB\xBF\xFF", InvalidEncoding::Utf8 { byte: 4 }),
        ] {
            assert_eq!(decode(bytes).err(), Some(why));
        }
    }
}
