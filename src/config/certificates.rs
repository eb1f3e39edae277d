//! Certificates from PEM files that the configuration names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Why a file of certificates is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ReadCertificatesError {
    /// The file cannot be read.
    #[error("the file {path} cannot be read", path = path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate file of this size is a mistake.
    #[error("the file {path} has more than {PEM_BYTES_MAX} bytes", path = path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// The file holds no certificate, or a broken one.
    #[error("the file {path} holds no PEM certificates", path = path.display())]
    NoCertificates {
        /// Which file.
        path: PathBuf,
    },
}

/// Reads the certificates of a PEM file, in their order; at least one.
///
/// # Errors
///
/// [`ReadCertificatesError`], by what is wrong with the file.
pub fn read_certificates(
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, ReadCertificatesError> {
    let named = || path.to_owned();
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(PEM_BYTES_MAX + 1).read_to_end(&mut text))
        .map_err(|source| ReadCertificatesError::Read { path: named(), source })?;
    if text.len() as u64 > PEM_BYTES_MAX {
        return Err(ReadCertificatesError::TooLong { path: named() });
    }
    CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|certificates| !certificates.is_empty())
        .ok_or_else(|| ReadCertificatesError::NoCertificates { path: named() })
}

/// Mozilla's whole list has about 250 KiB.
const PEM_BYTES_MAX: u64 = 1024 * 1024;
