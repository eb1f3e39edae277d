//! Random uploads: bytes of any kind, and good files that something happened to.

use ionvault::ion::IonApiFile;
use proptest::prelude::*;
use proptest::sample::Index;

/// Planted where secrets are. No piece of them is a word.
const CLIENT_SECRET: &str = "kQ7vZx2Jw9Tn4Rb8Lm3Yc6Hd1Gf5Ps0UeAoNiXyKzVtWqEj";
const ACCESS_KEY: &str = "ACME_TST#pW3xD8kF1mZ6qB9tC4yH7vJ2nR5sL0gUaQeTiOoXzKjVb";
const SECRET_KEY: &str = "hN6bV1cX9zL4kJ7gF2dS5aP8oI3uY0tRwEqMmQnBvCxZlKjHg";

/// So many characters of a secret in a row are a leak.
const PIECE_CHARACTERS: usize = 8;

fn good_file() -> String {
    format!(
        "{{\r\n  \"ti\": \"ACME_TST\",\n  \"cn\": \"Döcbits\",\n  \"dt\": \"12\",\n  \"ci\": \
         \"ACME_TST~x9\",\n  \"cs\": \"{CLIENT_SECRET}\",\n  \"iu\": \
         \"https://mingle-ionapi.eu1.inforcloudsuite.com\",\n  \"pu\": \
         \"https://mingle-sso.eu1.inforcloudsuite.com:443/ACME_TST/as/\",\n  \"ot\": \
         \"token.oauth2\",\n  \"sc\": [\"Infor-ION\"],\n  \"saak\": \"{ACCESS_KEY}\",\n  \
         \"sask\": \"{SECRET_KEY}\"\n}}\n"
    )
}

/// Takes some characters away somewhere and puts a text there.
fn edit() -> impl Strategy<Value = (Index, usize, String)> {
    let put = prop_oneof![
        4 => prop::sample::select(vec![
            "", " ", "\n", "\t", "\"", "\\", "{", "}", "[", "]", ",", ":", "x", "\\u0061", "\\n",
            "\u{200B}", "é", "🚀", "null", "7", "\"saak\":", "\"xx\":\"yy\",", "http", "//", "..",
        ])
        .prop_map(str::to_owned),
        1 => ".{0,5}",
    ];
    (any::<Index>(), prop_oneof![4 => 0..3_usize, 1 => 0..200_usize], put)
}

fn edited(edits: &[(Index, usize, String)]) -> String {
    let mut characters: Vec<char> = good_file().chars().collect();
    for (place, taken, put) in edits {
        let start = place.index(characters.len() + 1);
        let end = (start + taken).min(characters.len());
        characters.splice(start..end, put.chars());
    }
    characters.into_iter().collect()
}

fn utf16(text: &str, mark: [u8; 2], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
}

fn pieces(secret: &str) -> impl Iterator<Item = &str> {
    (0..=secret.len() - PIECE_CHARACTERS).map(|at| &secret[at..at + PIECE_CHARACTERS])
}

/// All that a file gives away: what may be told, then the secrets.
fn everything(file: &IonApiFile) -> (String, Vec<Vec<u8>>) {
    let mut secrets = vec![file.client_secret().expose().to_vec()];
    if let Some(account) = file.service_account() {
        secrets.push(account.access_key.expose().to_vec());
        secrets.push(account.secret_key.expose().to_vec());
    }
    (format!("{:?} {}", file.facts(), file.token_endpoint()), secrets)
}

#[test]
fn the_file_that_is_edited_below_is_good() {
    let file = IonApiFile::parse(edited(&[]).as_bytes()).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(file.client_secret().expose(), CLIENT_SECRET.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = IonApiFile::parse(&bytes);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[\\PC\r\n\t]{0,200}") {
        let _ = IonApiFile::parse(text.as_bytes());
        let _ = IonApiFile::parse(&utf16(&text, [0xFF, 0xFE], u16::to_le_bytes));
    }

    #[test]
    fn no_refusal_says_a_piece_of_a_secret(edits in prop::collection::vec(edit(), 1..6)) {
        if let Err(invalid) = IonApiFile::parse(edited(&edits).as_bytes()) {
            let said = format!("{invalid} {invalid:?}");
            for piece in [CLIENT_SECRET, ACCESS_KEY, SECRET_KEY].into_iter().flat_map(pieces) {
                prop_assert!(!said.contains(piece), "a piece of a secret was told");
            }
        }
    }

    #[test]
    fn what_parses_parses_to_the_same_in_every_encoding(
        edits in prop::collection::vec(edit(), 0..3),
    ) {
        let text = edited(&edits);
        let parsed = IonApiFile::parse(text.as_bytes()).map(|file| everything(&file));
        for bytes in [
            [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            utf16(&text, [0xFF, 0xFE], u16::to_le_bytes),
            utf16(&text, [0xFE, 0xFF], u16::to_be_bytes),
        ] {
            let again = IonApiFile::parse(&bytes).map(|file| everything(&file));
            prop_assert!(parsed == again, "{:?}", again.err());
        }
    }

    /// A reader that drops or adds characters would be seen here.
    #[test]
    fn secrets_come_out_as_they_went_in(secret in "[!-~]{1,120}", escape in any::<bool>()) {
        let written = if escape {
            secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect()
        } else {
            secret.replace('\\', "\\\\").replace('"', "\\\"")
        };
        let text = good_file().replace(CLIENT_SECRET, &written);
        let file = IonApiFile::parse(text.as_bytes()).map_err(|why| TestCaseError::fail(why.to_string()))?;
        prop_assert!(file.client_secret().expose() == secret.as_bytes());
    }
}
