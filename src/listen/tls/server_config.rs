//! The TLS settings of `[listen.mtls]`, read from the files that it names.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{Error as TlsError, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::config::{Mtls, read_certificates};
use crate::listen::BindError;

/// TLS 1.3 only, client certificates required, HTTP/2 only.
pub(super) fn read(config: &Mtls) -> Result<ServerConfig, BindError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates("listen.mtls.certificate", &config.certificate)?;
    let key = private_key("listen.mtls.key", &config.key)?;
    let unusable = || BindError::UnusableCertificate {
        key: "listen.mtls.client_ca",
        path: config.client_ca.clone(),
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates("listen.mtls.client_ca", &config.client_ca)? {
        roots.add(authority).map_err(|_error| unusable())?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|_error| unusable())?;
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| refused(config, &error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|error| refused(config, &error))?;
    server.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session would be taken on the word of a certificate that may have expired since.
    server.send_tls13_tickets = 0;
    server.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(server)
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, BindError> {
    read_certificates(path).map_err(|source| BindError::Certificates { key, source })
}

fn private_key(key: &'static str, path: &Path) -> Result<PrivateKeyDer<'static>, BindError> {
    let text = std::fs::read(path).map(Zeroizing::new).map_err(|source| BindError::ReadKey {
        key,
        path: path.to_owned(),
        source,
    })?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_error| BindError::UnusableKey { key, path: path.to_owned() })
}

/// The library says only once it has both files which of them does not do.
fn refused(config: &Mtls, error: &TlsError) -> BindError {
    if matches!(error, TlsError::InconsistentKeys(_)) {
        BindError::KeyMismatch {
            key: "listen.mtls.key",
            path: config.key.clone(),
            certificate: config.certificate.clone(),
        }
    } else if matches!(error, TlsError::InvalidCertificate(_)) {
        BindError::UnusableCertificate {
            key: "listen.mtls.certificate",
            path: config.certificate.clone(),
        }
    } else {
        BindError::UnusableKey { key: "listen.mtls.key", path: config.key.clone() }
    }
}
