//! Client authentication (RFC 6749, section 2.3.1), as Infor's servers do it.

use data_encoding::BASE64;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::answer::Refusal;
use super::form::Form;

/// What a client says it is.
pub(super) struct Claimed {
    pub(super) id: String,
    pub(super) secret: String,
    in_header: bool,
}

impl Claimed {
    /// Reads id and secret from the header or from the form; from both is an error.
    ///
    /// The header's are taken as they are, without undoing percent signs: RFC 6749 would have them
    /// form-encoded first, Infor's servers do not, and so `%7E` for `~` names a client that does
    /// not exist.
    pub(super) fn read(headers: &HeaderMap, form: &Form) -> Result<Self, Refusal> {
        let in_form = (form.get("client_id"), form.get("client_secret"));
        match (headers.get(AUTHORIZATION), in_form) {
            (Some(_), (Some(_), _) | (_, Some(_))) => Err(Refusal::invalid_request(
                "the client authenticates in the header and in the body: take one",
            )),
            (Some(header), (None, None)) => {
                let bad = refused(true, "the Authorization header is not Basic with id and secret");
                let pair = header.to_str().ok().and_then(basic).ok_or(bad)?;
                Ok(Self { id: pair.0, secret: pair.1, in_header: true })
            }
            (None, (Some(id), Some(secret))) => {
                Ok(Self { id: id.to_owned(), secret: secret.to_owned(), in_header: false })
            }
            (None, (Some(_), None) | (None, Some(_)) | (None, None)) => {
                Err(refused(false, "client_id or client_secret is missing"))
            }
        }
    }

    /// The refusal for a client that is not known, or not by this secret.
    pub(super) fn unknown(&self) -> Refusal {
        let what = if self.id.contains("%7E") || self.id.contains("%7e") {
            "no such client: `~` must not be percent-encoded in the Authorization header"
        } else {
            "client_id or client_secret is wrong"
        };
        refused(self.in_header, what)
    }
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, pair) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64.decode(pair.trim().as_bytes()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// 401 is required in answer to the header (RFC 6749, section 5.2), and 400 the default else.
const fn refused(in_header: bool, description: &'static str) -> Refusal {
    let status = if in_header { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    Refusal { status, code: "invalid_client", description }
}
