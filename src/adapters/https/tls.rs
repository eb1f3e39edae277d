//! TLS to the authorization server.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::allowance::Allowance;
use super::failure;
use crate::ports::ExchangeError;

/// The handshake on `stream`, whose other end must prove to be the host of `url`.
pub(super) async fn shake_hands(
    config: ClientConfig,
    url: &Url,
    stream: TcpStream,
) -> Result<TlsStream<Allowance<TcpStream>>, ExchangeError> {
    let name = server_name(url)?;
    let connector = TlsConnector::from(Arc::new(config));
    let shaken = connector.connect(name, Allowance::new(stream)).await;
    shaken.map_err(|error| failure::of_handshake(&error))
}

/// TLS that trusts `anchors`, or the public roots if there are none. Never both: a private host
/// is not to be impersonated by whoever obtains a public certificate for its name.
pub(super) fn config(
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
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

fn server_name(url: &Url) -> Result<ServerName<'static>, ExchangeError> {
    let nameless = ExchangeError::AddressNotAllowed("no certificate can be for its host");
    match url.host() {
        Some(Host::Domain(name)) => match ServerName::try_from(name.to_owned()) {
            Ok(name) => Ok(name),
            Err(_) => Err(nameless),
        },
        Some(Host::Ipv4(address)) => Ok(ServerName::IpAddress(address.into())),
        Some(Host::Ipv6(address)) => Ok(ServerName::IpAddress(address.into())),
        None => Err(nameless),
    }
}
