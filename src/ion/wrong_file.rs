//! The files that people upload by mistake, recognised so that they can be told which one it was.

use std::fmt;

use data_encoding::BASE64_MIME_PERMISSIVE;

use zeroize::Zeroizing;

use super::json::Value;
use super::key::Key;

/// A kind of file that is uploaded in place of an ION API file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WrongFile {
    /// Nothing, or white space only.
    Empty,
    /// The list of keys that Infor offers when a service account is made.
    ServiceAccountCsv,
    /// An ION API file with only one of `saak` and `sask`.
    HalfServiceAccount,
    /// Postman's copy of an ION API file.
    PostmanEnvironment,
    /// Requests exported from Postman.
    PostmanCollection,
    /// The base64 text of something, mostly of the right file.
    Base64,
    /// The right object, in a list.
    InList,
    /// The right object, under a key of another object.
    InObject,
    /// The right JSON text, as a string within JSON.
    InText,
    /// What a token endpoint answers, or the token out of it.
    TokenAnswer,
    /// An OpenAPI or Swagger description.
    ApiDescription,
    /// A page, mostly the log-in page that stood where the download should have been.
    HtmlPage,
    /// XML of some kind.
    Xml,
    /// A certificate or key.
    Pem,
    /// A PDF document.
    Pdf,
    /// A ZIP archive; Office documents are ZIP archives too.
    Zip,
    /// Another archive.
    Archive,
    /// A picture, mostly a screenshot.
    Picture,
}

impl WrongFile {
    /// Recognises what begins with known bytes and is no text.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        const BEGINNINGS: [(&[u8], WrongFile); 9] = [
            (b"%PDF-", WrongFile::Pdf),
            (b"PK\x03\x04", WrongFile::Zip),
            (b"PK\x05\x06", WrongFile::Zip),
            (b"\x1F\x8B", WrongFile::Archive),
            (b"7z\xBC\xAF\x27\x1C", WrongFile::Archive),
            (b"Rar!\x1A\x07", WrongFile::Archive),
            (b"\x89PNG\r\n\x1A\n", WrongFile::Picture),
            (b"\xFF\xD8\xFF", WrongFile::Picture),
            (b"GIF8", WrongFile::Picture),
        ];
        if bytes.is_empty() {
            return Some(Self::Empty);
        }
        let known = |(beginning, _): &&(&[u8], Self)| bytes.starts_with(beginning);
        BEGINNINGS.iter().find(known).map(|(_, kind)| *kind)
    }

    /// Recognises a text that is no JSON.
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.char_indices().nth(BEGINNING_CHARACTERS).map_or(text.len(), |(at, _)| at);
        let beginning = text.get(..end).unwrap_or(text);
        let lower = Zeroizing::new(beginning.to_ascii_lowercase());
        if text.is_empty() {
            Some(Self::Empty)
        } else if lower.starts_with('{') {
            None
        } else if lower.starts_with('<') {
            let is_page = lower.contains("<html") || lower.contains("<!doctype html");
            Some(if is_page { Self::HtmlPage } else { Self::Xml })
        } else if lower.contains("-----begin ") {
            Some(Self::Pem)
        } else if is_base64_of_object(beginning) {
            // A JSON Web Token is three of these, between dots.
            Some(if beginning.contains('.') { Self::TokenAnswer } else { Self::Base64 })
        } else {
            is_csv(text, &lower).then_some(Self::ServiceAccountCsv)
        }
    }

    /// Recognises JSON that is no ION API file.
    pub(super) fn of_value(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Array(items) => items.iter().any(is_ion_api).then_some(Self::InList),
            Value::Text(text) if text.trim_start().starts_with('{') => Some(Self::InText),
            Value::Text(text) => is_base64_of_object(text).then_some(Self::Base64),
            Value::Object(_) if is_ion_api(value) => None,
            Value::Object(members) => {
                let has = |key| value.get(key).is_some();
                if has("values") {
                    Some(Self::PostmanEnvironment)
                } else if has("info") && has("item") {
                    Some(Self::PostmanCollection)
                } else if has("access_token") {
                    Some(Self::TokenAnswer)
                } else if has("swagger") || has("openapi") {
                    Some(Self::ApiDescription)
                } else {
                    let inner = members.iter().any(|member| is_ion_api(&member.value));
                    inner.then_some(Self::InObject)
                }
            }
            Value::Number | Value::Boolean | Value::Null => None,
        }
    }
}

/// How much of a text is looked at to tell what it is.
const BEGINNING_CHARACTERS: usize = 1024;

/// Whether an object says at least two of the things that only such a file says.
fn is_ion_api(value: &Value<'_>) -> bool {
    let keys = [Key::Ci, Key::Cs, Key::Pu, Key::Ot, Key::Saak, Key::Sask];
    keys.iter().filter(|key| value.get(key.name()).is_some()).count() >= 2
}

/// Decodes the first characters only: enough to see a `{`, not enough for a secret.
fn is_base64_of_object(text: &str) -> bool {
    let body = text.rsplit_once("base64,").map_or(text, |(_, body)| body);
    let mut start = Zeroizing::new([0; 24]);
    let mut length = 0;
    for byte in body.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let Some(place) = start.get_mut(length) else { break };
        *place = byte;
        length += 1;
    }
    let Some(start) = start.get(..length - length % 4) else { return false };
    let Ok(decoded) = BASE64_MIME_PERMISSIVE.decode(start) else { return false };
    let decoded = Zeroizing::new(decoded);
    let mut letters = decoded.iter().filter(|byte| !matches!(byte, 0 | 0xFF | 0xFE));
    let marks = [0xEF, 0xBB, 0xBF];
    matches!(letters.find(|byte| !marks.contains(byte) && !byte.is_ascii_whitespace()), Some(b'{'))
}

/// A heading that speaks of keys, or a cell in the form of an access key: `<tenant>#<code>`.
fn is_csv(text: &str, lower_beginning: &str) -> bool {
    const SEPARATORS: [char; 3] = [',', ';', '\t'];
    let heading = lower_beginning.lines().next().unwrap_or("");
    let speaks_of_keys =
        ["key", "account", "secret", "saak", "password"].iter().any(|word| heading.contains(word));
    let is_access_key = |cell: &str| {
        let cell = cell.trim().trim_matches('"');
        cell.split_once('#').is_some_and(|(tenant, code)| {
            let code_like = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !tenant.is_empty() && code.len() >= CODE_BYTES_MIN && code.bytes().all(code_like)
        })
    };
    !text.starts_with(['{', '['])
        && heading.contains(SEPARATORS)
        && (speaks_of_keys
            || text.split(['\r', '\n']).flat_map(|line| line.split(SEPARATORS)).any(is_access_key))
}

/// Infor's access keys have 86 characters behind the `#`; shorter ones may come.
const CODE_BYTES_MIN: usize = 20;

impl fmt::Display for WrongFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "is empty (download it again)",
            Self::ServiceAccountCsv => {
                "is the list of a service account's keys (upload the .ionapi file that \"Download \
                 Credentials\" of the authorized app gives)"
            }
            Self::HalfServiceAccount => {
                "has only one of `saak` and `sask` (download it again with \"Create Service \
                 Account\" on)"
            }
            Self::PostmanEnvironment => {
                "is a Postman environment made from an ION API file (upload the file that it was \
                 made from)"
            }
            Self::PostmanCollection => {
                "is a Postman collection (upload the .ionapi file that Infor gave)"
            }
            Self::Base64 => "is base64 text (upload the file as it was before it was encoded)",
            Self::InList => "is a list with an ION API file in it (upload the object in { } alone)",
            Self::InObject => {
                "has an ION API file under one of its keys (upload that inner object in { } alone)"
            }
            Self::InText => {
                "is JSON within a JSON text (upload the file as it was before it was put in quotes)"
            }
            Self::TokenAnswer => {
                "is an access token or the answer to a token request (upload the .ionapi file that \
                 tokens are asked for with)"
            }
            Self::ApiDescription => {
                "is the description of an API (upload the .ionapi file of the authorized app)"
            }
            Self::HtmlPage => {
                "is a web page, perhaps a log-in page saved in place of the download (download it \
                 again)"
            }
            Self::Xml => "is XML (upload the .ionapi file that Infor gave)",
            Self::Pem => {
                "is a certificate or a key in PEM (certificates of an on-premises server go into a \
                 field of their own)"
            }
            Self::Pdf => "is a PDF (download the file again rather than copying it out of a PDF)",
            Self::Zip => {
                "is a ZIP archive or an Office document (upload the .ionapi file from within it)"
            }
            Self::Archive => "is an archive (upload the .ionapi file from within it)",
            Self::Picture => "is a picture (upload the .ionapi file that Infor gave)",
        })
    }
}
