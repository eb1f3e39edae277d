//! How a vault is reached: options of every command here, and the channel made from them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use http_body_util::Full;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::time::error::Elapsed;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tower::{BoxError, Service, ServiceExt};

use super::Session;
use super::endpoint::{ENDPOINT_DEFAULT, Endpoint};
use super::read_file::{self, Source};
use super::token_file::TokenFile;
use crate::cli::duration;
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, chain};

/// Where the vault is and who is asking.
#[derive(Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// Address of the vault: https://HOST:PORT or unix:/PATH
    #[arg(long, env = "IONVAULT_ENDPOINT", value_name = "URL", default_value = ENDPOINT_DEFAULT)]
    endpoint: Endpoint,

    /// Certificates (PEM) of the CA that the vault's certificate chains to; needed for https
    #[arg(long, env = "IONVAULT_CA", value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Your client certificate (PEM, with its chain), to which the vault's policy refers
    #[arg(long, env = "IONVAULT_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The private key (PEM) of your client certificate
    #[arg(long, env = "IONVAULT_KEY", value_name = "FILE")]
    key: Option<PathBuf>,

    /// A file with a JSON Web Token, such as Kubernetes mounts; instead of a certificate
    #[arg(long, env = "IONVAULT_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// How long one call may take, at most 10m
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = timeout)]
    timeout: Duration,
}

/// Connecting takes a round trip or two; longer means that nobody is there.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// A call waits for Infor 10 seconds at most; the rest is room for slow networks.
const CALL_TIME_MAX: Duration = Duration::from_secs(600);

/// Certificates, chains and keys are a few KiB each.
const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Room for error details; hyper's own limit would be 16 MiB.
const HEADER_LIST_BYTES_MAX: u32 = 64 * 1024;

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration::parse(text)?;
    let possible = Duration::from_secs(1)..=CALL_TIME_MAX;
    if possible.contains(&timeout) { Ok(timeout) } else { Err("expected 1s to 10m".to_owned()) }
}

impl Connection {
    /// Connects.
    ///
    /// The only certificates trusted are those in `--ca`; without one there is no https. On a Unix
    /// socket the kernel tells the vault who asks; certificates are not looked at, tokens not sent.
    pub(super) async fn open(&self) -> Result<Session, Failure> {
        let token = match &self.endpoint {
            Endpoint::Https(_) => self.token_file.clone().map(TokenFile::open).transpose()?,
            Endpoint::Unix(_) => None,
        };
        let transport = match &self.endpoint {
            Endpoint::Unix(_) => tonic::transport::Endpoint::from_shared(self.endpoint.to_string()),
            Endpoint::Https(uri) => {
                tonic::transport::Endpoint::from(uri.clone()).tls_config(self.tls()?)
            }
        };
        let transport = transport.map_err(|error| {
            let next =
                "check --ca, --cert and --key: PEM files, the key belonging to the certificate";
            Failure::caused(Exit::Failed, "TLS cannot be set up with these files", &error, next)
        })?;
        let channel = transport
            .connect_timeout(CONNECT_TIME_MAX.min(self.timeout))
            .http2_max_header_list_size(HEADER_LIST_BYTES_MAX)
            .connect()
            .await
            .map_err(|error| unreachable(&self.endpoint, &error))?;
        if let Endpoint::Https(_) = &self.endpoint {
            greet(channel.clone()).await.map_err(|error| unwelcome(&self.endpoint, &*error))?;
        }
        Ok(Session { channel, endpoint: self.endpoint.clone(), timeout: self.timeout, token })
    }

    fn tls(&self) -> Result<ClientTlsConfig, Failure> {
        let Some(ca) = &self.ca else {
            return Err(Failure::new(
                Exit::Usage,
                "https needs the certificates of the vault's CA",
                "give --ca FILE, or set IONVAULT_CA",
            ));
        };
        let own = match (&self.cert, &self.key, &self.token_file) {
            (Some(cert), Some(key), _) => Some((cert, key)),
            (None, None, Some(_)) => None,
            (Some(_), None, _) | (None, Some(_), _) | (None, None, None) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "https needs a client certificate and its key, or a token",
                    "give --cert FILE and --key FILE, or --token-file FILE; or set IONVAULT_CERT and \
                     IONVAULT_KEY, or IONVAULT_TOKEN_FILE",
                ));
            }
        };
        let ca = read_certificates(ca)?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca.expose()));
        let Some((cert, key)) = own else { return Ok(tls) };
        let cert = read_certificates(cert)?;
        let key = read_file::bounded(&Source::Path(key.clone()), PEM_BYTES_MAX)?;
        // tonic keeps copies of the key that cannot be wiped; the process ends with the command.
        Ok(tls.identity(Identity::from_pem(cert.expose(), key.expose())))
    }
}

/// rustls skips what it cannot read in a CA file, and then trusts nobody: better say so here.
fn read_certificates(path: &Path) -> Result<crate::secret::Secret, Failure> {
    let pem = read_file::bounded(&Source::Path(path.to_owned()), PEM_BYTES_MAX)?;
    let mut certificates = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.expose()) {
        certificate.map_err(|error| {
            let what = format!("{} is not a PEM file of certificates", path.display());
            Failure::caused(Exit::Failed, what, &error, "check the file")
        })?;
        certificates += 1;
    }
    if certificates == 0 {
        let what = format!("{} holds no certificate", path.display());
        return Err(Failure::new(
            Exit::Failed,
            what,
            "give a PEM file: it has lines that say BEGIN CERTIFICATE",
        ));
    }
    Ok(pem)
}

/// Waits for a first sign that the vault goes on talking to us: any answer to a health check.
///
/// In TLS 1.3 a client has finished its handshake before the server looks at its certificate (RFC
/// 8446, section 4.4.2.4). Without this, a refused certificate would look like a connection that
/// broke during the call, and nobody could say whether the call had an effect.
async fn greet(mut channel: Channel) -> Result<(), BoxError> {
    let check = http::Request::post("/grpc.health.v1.Health/Check")
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .header(http::header::TE, "trailers")
        .body(tonic::body::Body::new(Full::from(EMPTY_MESSAGE)))?;
    let answer = async { Ok(channel.ready().await?.call(check).await?) };
    match tokio::time::timeout(CONNECT_TIME_MAX, answer).await {
        Ok(answer) => answer.map(drop),
        Err(elapsed) => Err(Box::new(elapsed)),
    }
}

/// Not compressed, zero bytes long: how gRPC frames a message of which no field is set.
const EMPTY_MESSAGE: &[u8] = &[0; 5];

fn unwelcome(endpoint: &Endpoint, error: &(dyn std::error::Error + 'static)) -> Failure {
    let cause = error.source().unwrap_or(error);
    if error.is::<Elapsed>() {
        let what = format!("{endpoint} let us connect and then said nothing");
        let next = "check the address, and whether the vault is overloaded";
        return Failure::caused(Exit::Unavailable, what, cause, next);
    }
    let what = format!("{endpoint} ended the connection right after the TLS handshake");
    let next = format!("most likely it does not accept your certificate: {HANDSHAKE}");
    Failure::caused(Exit::Denied, what, cause, next)
}

fn unreachable(endpoint: &Endpoint, error: &tonic::transport::Error) -> Failure {
    let what = format!("the vault at {endpoint} cannot be reached");
    let (exit, next) = match (trouble(error), endpoint) {
        (Trouble::Handshake, _) => (Exit::Denied, HANDSHAKE),
        (Trouble::Permission, _) => (
            Exit::Denied,
            "run this as a user who may open the socket, or go over https with a certificate",
        ),
        (_, Endpoint::Unix(_)) => (
            Exit::Unavailable,
            "start the vault (`ionvault serve`), or name another with --endpoint or IONVAULT_ENDPOINT",
        ),
        (_, Endpoint::Https(_)) => (
            Exit::Unavailable,
            "check the address, and whether the vault runs and the network lets you through",
        ),
    };
    // tonic's own error says "transport error" and nothing more.
    Failure::caused(exit, what, std::error::Error::source(error).unwrap_or(error), next)
}

/// What to do when the two sides do not accept each other's certificate.
const HANDSHAKE: &str = "check that --ca is the CA of the vault, that the vault's certificate is for this \
     host, and that --cert is valid now and issued by a CA that the vault trusts (with --token-file, that this \
     is the port that takes tokens)";

/// What kind of trouble a broken connection is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// Bytes arrived that are not what TLS expects: an alert, a certificate that does not verify.
    Handshake,
    /// No answer in the time that it was given.
    TimedOut,
    /// The operating system does not let us.
    Permission,
    /// Nobody there, or gone meanwhile.
    Other,
}

/// Looks for the cause where the operating system or rustls noted it: rustls reports through
/// tokio as `InvalidData`.
pub(super) fn trouble(error: &(dyn std::error::Error + 'static)) -> Trouble {
    let mut link = Some(error);
    while let Some(error) = link {
        if error.is::<tonic::TimeoutExpired>() {
            return Trouble::TimedOut;
        }
        match error.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            Some(std::io::ErrorKind::InvalidData) => return Trouble::Handshake,
            Some(std::io::ErrorKind::PermissionDenied) => return Trouble::Permission,
            Some(_) | None => link = error.source(),
        }
    }
    Trouble::Other
}

/// The causes of a broken connection, for a report.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    chain(error).map(|link| format!("cause: {link}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limits_are_within_reason() {
        assert_eq!(timeout("1s"), Ok(Duration::from_secs(1)));
        assert_eq!(timeout("10m"), Ok(CALL_TIME_MAX));
        for text in ["0s", "11m", "30"] {
            assert!(timeout(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_kind_of_trouble_is_found_below_other_errors() {
        #[derive(Debug, thiserror::Error)]
        #[error("transport error")]
        struct Outer(#[source] std::io::Error);
        for (kind, found) in [
            (std::io::ErrorKind::InvalidData, Trouble::Handshake),
            (std::io::ErrorKind::PermissionDenied, Trouble::Permission),
            (std::io::ErrorKind::NotFound, Trouble::Other),
        ] {
            assert_eq!(trouble(&Outer(kind.into())), found);
        }
    }
}
