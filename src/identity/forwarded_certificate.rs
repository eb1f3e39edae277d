//! The caller that a proxy names in `x-forwarded-client-cert`.
//!
//! Envoy documents the format under "HTTP header manipulation": elements between commas, one for
//! each proxy on the way, the nearest one's last; in each, pairs of `key=value` between semicolons,
//! where a value may stand in double quotes, and must if it holds `,`, `;` or `=`; a quote within
//! is written `\"`.
//!
//! Whoever sent the request may have written the elements before the last one. So all of it must
//! keep to the format, to the letter: a quote that begins earlier could otherwise hide where the last
//! element begins.

use http::HeaderMap;
use spiffe::TrustDomain;

use super::UnusableIdentity;
use super::header::FORWARDED_CLIENT_CERT;
use super::workload::workload;
use crate::model::Caller;

/// Believes the nearest proxy, which looked at the certificate.
#[derive(Debug)]
pub struct ForwardedCertificate {
    trust_domain: TrustDomain,
}

impl ForwardedCertificate {
    /// Takes SPIFFE ids of `trust_domain`.
    #[must_use]
    pub fn new(trust_domain: TrustDomain) -> Self {
        Self { trust_domain }
    }

    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, UnusableIdentity> {
        let (mut uris, mut length) = (Err(UnusableIdentity::NoHeader), 0);
        // Several lines are one, in their order (RFC 9110, section 5.3).
        for line in headers.get_all(FORWARDED_CLIENT_CERT) {
            length += line.len();
            if length > HEADER_BYTES_MAX {
                return Err(UnusableIdentity::HeaderTooLong);
            }
            let line = line.to_str().map_err(|_bytes| UnusableIdentity::MalformedHeader)?;
            uris = Ok(uris_of_the_last_element(line).ok_or(UnusableIdentity::MalformedHeader)?);
        }
        match uris?.as_slice() {
            // So a proxy says of a certificate that has none.
            [] | [""] => Err(UnusableIdentity::NoSpiffeId),
            [uri] => workload(uri, &self.trust_domain),
            _ => Err(UnusableIdentity::SeveralUris),
        }
    }
}

/// `None`: the line does not keep to the format.
fn uris_of_the_last_element(line: &str) -> Option<Vec<&str>> {
    let (mut uris, mut rest) = (Vec::new(), line);
    loop {
        let (key, after) = rest.split_once('=')?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return None;
        }
        let (value, after) = value(after)?;
        if key.eq_ignore_ascii_case("URI") {
            uris.push(value);
        }
        rest = match after.split_at_checked(1) {
            None => return Some(uris),
            Some((";", next)) => next,
            Some((",", next)) => {
                uris.clear();
                // Where two lines were joined, there is a blank.
                next.trim_start_matches(' ')
            }
            Some(_) => return None,
        };
    }
}

/// A value and what comes after it. A quote within stays written as it is: no SPIFFE id has one.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';']).unwrap_or(text.len());
        return text.split_at_checked(end).filter(|(value, _)| !value.contains(['"', '=']));
    };
    let mut escapes = false;
    let end = quoted.bytes().position(|byte| {
        let ends = byte == b'"' && !escapes;
        escapes = byte == b'\\';
        ends
    })?;
    Some((quoted.get(..end)?, quoted.get(end + 1..)?))
}

/// Some ten proxies with the usual pairs, or one that sends a whole certificate along.
const HEADER_BYTES_MAX: usize = 4 * 1024;

#[cfg(test)]
mod tests;
