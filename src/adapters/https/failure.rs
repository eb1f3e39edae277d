//! What a failed connection means, in words of our own: an error's text is not used, because it may
//! quote what the server sent.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::allowance::Exceeded;
use super::unavailable;
use crate::ports::ExchangeError;

/// Before the request was sent.
pub(super) fn of_handshake(error: &io::Error) -> ExchangeError {
    if find::<Exceeded>(error).is_some() {
        return ExchangeError::Unreachable("its TLS handshake is too long");
    }
    ExchangeError::Unreachable(match find::<rustls::Error>(error) {
        Some(cause) => tls_words(cause),
        None => "no connection can be made",
    })
}

/// After that: whether the request had an effect is not known.
pub(super) fn of_conversation(error: &hyper::Error) -> ExchangeError {
    if find::<Exceeded>(error).is_some() {
        return ExchangeError::Misbehaved("it sends without end");
    }
    if let Some(cause) = find::<rustls::Error>(error) {
        return unavailable(tls_words(cause));
    }
    if error.is_parse() || is_malformed(error) {
        return ExchangeError::Misbehaved("its answer is not HTTP");
    }
    unavailable("the connection broke before the answer was complete")
}

/// hyper tells chunks that are none, and rustls messages without end, as errors of the connection,
/// with a kind that no connection has by itself.
fn is_malformed(error: &hyper::Error) -> bool {
    find::<io::Error>(error).is_some_and(|error| {
        matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput)
    })
}

fn tls_words(error: &rustls::Error) -> &'static str {
    use CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else {
        return "the TLS handshake failed";
    };
    if matches!(bad, Bad::Expired | Bad::ExpiredContext { .. }) {
        "its certificate has expired"
    } else if matches!(bad, Bad::NotValidYet | Bad::NotValidYetContext { .. }) {
        "its certificate is not valid yet"
    } else if matches!(bad, Bad::NotValidForName | Bad::NotValidForNameContext { .. }) {
        "its certificate is for another host"
    } else if matches!(bad, Bad::UnknownIssuer) {
        "its certificate comes from an authority that is not trusted for it"
    } else {
        "its certificate is not acceptable"
    }
}

/// The first `E` among an error's causes. An [`io::Error`] is opened by hand: its `source` skips
/// the error that it wraps.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        cause = match error.downcast_ref::<io::Error>() {
            Some(wrapper) => wrapper.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_found_inside_an_io_error() {
        let inner = io::Error::other(rustls::Error::DecryptError);
        let outer = io::Error::other(inner);
        assert!(matches!(find::<rustls::Error>(&outer), Some(rustls::Error::DecryptError)));
        assert!(find::<hyper::Error>(&outer).is_none());
    }
}
