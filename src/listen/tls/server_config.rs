//! The TLS settings of `[listen.mtls]` and `[listen.jwt]`, read from the files that they name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{Error as TlsError, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::config::{Jwt, Mtls, read_certificates};
use crate::listen::BindError;

/// TLS 1.3 only, client certificates required, HTTP/2 only.
pub(super) fn with_clients(config: &Mtls) -> Result<ServerConfig, BindError> {
    let unusable = || BindError::UnusableCertificate {
        key: "listen.mtls.client_ca",
        path: config.client_ca.clone(),
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates("listen.mtls.client_ca", &config.client_ca)? {
        roots.add(authority).map_err(|_error| unusable())?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_error| unusable())?;
    let own = Own {
        certificate: ("listen.mtls.certificate", &config.certificate),
        key: ("listen.mtls.key", &config.key),
    };
    own.server(verifier)
}

/// TLS 1.3 only, client certificates never asked for, HTTP/2 only.
pub(super) fn without_clients(config: &Jwt) -> Result<ServerConfig, BindError> {
    let own = Own {
        certificate: ("listen.jwt.certificate", &config.certificate),
        key: ("listen.jwt.key", &config.key),
    };
    own.server(Arc::new(NoClientAuth))
}

/// The files that a listener shows who it is with, and the keys of the configuration.
struct Own<'a> {
    certificate: (&'static str, &'a PathBuf),
    key: (&'static str, &'a PathBuf),
}

impl Own<'_> {
    fn server(&self, clients: Arc<dyn ClientCertVerifier>) -> Result<ServerConfig, BindError> {
        let (key, path) = self.certificate;
        let chain = certificates(key, path)?;
        let (key, path) = self.key;
        let key = private_key(key, path)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| self.refused(&error))?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(|error| self.refused(&error))?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        // A resumed session would be taken on the word of a certificate that may have expired since.
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(server)
    }

    /// The library says only once it has both files which of them does not do.
    fn refused(&self, error: &TlsError) -> BindError {
        let ((certificate_key, certificate), (key, path)) = (self.certificate, self.key);
        let (certificate, path) = (certificate.clone(), path.clone());
        if matches!(error, TlsError::InconsistentKeys(_)) {
            BindError::KeyMismatch { key, path, certificate }
        } else if matches!(error, TlsError::InvalidCertificate(_)) {
            BindError::UnusableCertificate { key: certificate_key, path: certificate }
        } else {
            BindError::UnusableKey { key, path }
        }
    }
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
