//! The connection: TLS, the judged addresses, and what a failure means.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

use super::unavailable;
use crate::ports::ExchangeError;

/// TLS that trusts `anchors`, or the public roots if there are none. Never both: a private host
/// is not to be impersonated by whoever obtains a public certificate for its name.
pub(super) fn tls(
    public_roots: &Arc<RootCertStore>,
    anchors: &[CertificateDer<'static>],
) -> Result<ClientConfig, ExchangeError> {
    let roots = if anchors.is_empty() {
        Arc::clone(public_roots)
    } else {
        let mut roots = RootCertStore::empty();
        for anchor in anchors {
            if roots.add(anchor.clone()).is_err() {
                return Err(ExchangeError::Unreachable(
                    "a certificate to trust for its host cannot be used",
                ));
            }
        }
        Arc::new(roots)
    };
    // 1.2 as well: on-premises servers of customers are often some years old.
    let versions = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12]);
    let Ok(versions) = versions else {
        return Err(ExchangeError::Unreachable("TLS cannot be set up on this machine"));
    };
    let mut tls = versions.with_root_certificates(roots).with_no_client_auth();
    tls.resumption = Resumption::disabled();
    Ok(tls)
}

/// A client for one exchange. HTTP/1.1 only: with one request per connection HTTP/2 gains
/// nothing, and its framing would be one more thing for a hostile server to play with.
pub(super) fn client(
    tls: ClientConfig,
    addresses: Vec<SocketAddr>,
) -> Result<Client, ExchangeError> {
    let built = Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Judged(addresses))
        .https_only(true)
        .http1_only()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .pool_max_idle_per_host(0)
        .connect_timeout(CONNECT_TIME_MAX)
        .user_agent(USER_AGENT)
        .build();
    built.map_err(|error| failure(&error.without_url()))
}

/// Knows the judged addresses and nothing else, so no second look-up can give another answer.
struct Judged(Vec<SocketAddr>);

impl Resolve for Judged {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

/// What a failed exchange means, in words of our own: the error's text is not used, because it
/// may quote what the server sent.
pub(super) fn failure(error: &reqwest::Error) -> ExchangeError {
    if let Some(cause) = find::<rustls::Error>(error) {
        // TLS can also break after the request was sent.
        let what = tls_failure(cause);
        return if error.is_connect() {
            ExchangeError::Unreachable(what)
        } else {
            unavailable(what)
        };
    }
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        return ExchangeError::Misbehaved("its answer is not HTTP");
    }
    match (error.is_connect(), error.is_timeout()) {
        (true, true) => ExchangeError::Unreachable("no connection came about in time"),
        (true, false) => ExchangeError::Unreachable("no connection can be made"),
        (false, true) => unavailable("it did not answer in time"),
        (false, false) => unavailable("the connection broke before the answer was complete"),
    }
}

fn tls_failure(error: &rustls::Error) -> &'static str {
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

/// TCP and TLS together. Longer means that the host is down, and another exchange waits.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

const USER_AGENT: &str = concat!("ionvault/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_connection_goes_to_the_judged_address_whatever_the_name_says() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let tls = tls(&Arc::new(roots), &[]).unwrap();
        let client = client(tls, vec![address]).unwrap();
        // No resolver knows this name (RFC 6761).
        let request = client.post(format!("https://sso.invalid:{}/", address.port())).send();
        tokio::select! {
            outcome = request => panic!("{outcome:?}"),
            accepted = listener.accept() => assert!(accepted.is_ok()),
        }
    }

    #[test]
    fn a_cause_is_found_inside_an_io_error() {
        let inner = io::Error::other(rustls::Error::DecryptError);
        let outer = io::Error::other(inner);
        assert!(matches!(find::<rustls::Error>(&outer), Some(rustls::Error::DecryptError)));
        assert!(find::<hyper::Error>(&outer).is_none());
    }
}
