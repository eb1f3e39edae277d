//! The TLS settings of a listener, read from the files that the configuration names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use metrics::gauge;
use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{Error as TlsError, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::config::read_certificates;
use crate::identity::{ListenerName, not_after};
use crate::listen::BindError;

/// What a TLS listener is made of.
pub(in crate::listen) struct TlsFiles {
    pub(in crate::listen) listener: ListenerName,
    /// The server's certificate, then its issuers.
    pub(in crate::listen) certificate: NamedFile,
    /// Its private key.
    pub(in crate::listen) key: NamedFile,
    /// The authorities that client certificates must chain to; `None`: clients present none.
    pub(in crate::listen) client_ca: Option<NamedFile>,
}

/// A file, and the key of the configuration that names it.
pub(in crate::listen) struct NamedFile {
    named_by: &'static str,
    path: PathBuf,
}

impl TlsFiles {
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let files = [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()];
        files.into_iter().flatten().map(|file| file.path.clone())
    }

    /// TLS 1.3 and HTTP/2 only. All files together, as they are now.
    pub(super) fn read(&self) -> Result<Arc<ServerConfig>, BindError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = self.certificate.certificates()?;
        let key = self.key.private_key()?;
        let authorities =
            self.client_ca.as_ref().map(NamedFile::certificates).transpose()?.unwrap_or_default();
        let ends = [("certificate", chain.first()), ("client_ca", first_to_end(&authorities))]
            .map(|(file, certificate)| (file, certificate.and_then(not_after)));
        let verifier = self.verifier(authorities, provider.clone())?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| self.refused(&error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| self.refused(&error))?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        // A resumed session would be taken on the word of a certificate that may have expired since.
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        for (file, end) in ends {
            self.tell_end(file, end);
        }
        Ok(Arc::new(server))
    }

    fn verifier(
        &self,
        authorities: Vec<CertificateDer<'static>>,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, BindError> {
        let Some(client_ca) = &self.client_ca else { return Ok(Arc::new(NoClientAuth)) };
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(|_error| client_ca.unusable())?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().map_err(|_error| client_ca.unusable())?;
        Ok(verifier)
    }

    /// The library says only once it has both files which of them does not do.
    fn refused(&self, error: &TlsError) -> BindError {
        let Self { certificate, key, .. } = self;
        if matches!(error, TlsError::InconsistentKeys(_)) {
            BindError::KeyMismatch {
                key: key.named_by,
                path: key.path.clone(),
                certificate: certificate.path.clone(),
            }
        } else if matches!(error, TlsError::InvalidCertificate(_)) {
            certificate.unusable()
        } else {
            BindError::UnusableKey { key: key.named_by, path: key.path.clone() }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are fewer than 2^52")]
    fn tell_end(&self, file: &'static str, end: Option<i64>) {
        let Some(end) = end else { return };
        let labels = [("listener", self.listener.as_str()), ("file", file)];
        gauge!("ionvault_certificate_expiry_timestamp_seconds", &labels).set(end as f64);
    }
}

impl NamedFile {
    pub(in crate::listen) fn new(named_by: &'static str, path: &Path) -> Self {
        Self { named_by, path: path.to_owned() }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, BindError> {
        let key = self.named_by;
        read_certificates(&self.path).map_err(|source| BindError::Certificates { key, source })
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, BindError> {
        let Self { named_by: key, path } = self;
        let text = std::fs::read(path)
            .map(Zeroizing::new)
            .map_err(|source| BindError::ReadKey { key, path: path.clone(), source })?;
        PrivateKeyDer::from_pem_slice(&text)
            .map_err(|_error| BindError::UnusableKey { key, path: path.clone() })
    }

    fn unusable(&self) -> BindError {
        BindError::UnusableCertificate { key: self.named_by, path: self.path.clone() }
    }
}

/// Of several authorities, the one whose clients are refused first.
fn first_to_end<'a, 'd>(certificates: &'a [CertificateDer<'d>]) -> Option<&'a CertificateDer<'d>> {
    certificates.iter().min_by_key(|certificate| not_after(certificate))
}
