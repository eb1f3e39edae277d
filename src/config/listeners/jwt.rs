//! `[listen.jwt]`: callers with a token that an issuer signed.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::config::invalid::{InvalidConfig, https_address, path, within};
use crate::identity::{Algorithm, TokenRules};
use crate::model::JwtCaller;

/// `[listen.jwt]`: gRPC over TLS 1.3 without client certificates, callers known by their tokens.
#[derive(Clone, Debug)]
pub struct Jwt {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// PEM file: the server's certificate first, then its issuers.
    pub certificate: PathBuf,
    /// PEM file: the private key of that certificate.
    pub key: PathBuf,
    /// Whether callers may ask which services there are.
    pub reflection: bool,
    /// Whose tokens are taken; at least one, none twice.
    pub issuers: Vec<JwtIssuer>,
}

/// An issuer, and where its keys are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JwtIssuer {
    /// What its tokens must fulfil.
    pub rules: TokenRules,
    /// Where its keys are.
    pub jwks: Jwks,
}

/// Where a key set (RFC 7517) is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Jwks {
    /// In a file.
    File(PathBuf),
    /// At an address.
    Address {
        /// `https`, without user name, query and fragment.
        url: Url,
        /// PEM file: the authorities that its certificate must chain to; `None`: Mozilla's.
        ca: Option<PathBuf>,
    },
}

/// Some clusters and the identity provider of people.
const ISSUERS_MAX: usize = 16;

/// Kubernetes has no shorter tokens than ten minutes, but others have.
const LIFETIME_SECONDS_MIN: u64 = 60;

/// A week: a token cannot be recalled.
const LIFETIME_SECONDS_MAX: u64 = 7 * 24 * 60 * 60;

/// The name of a service, or its URL.
const AUDIENCE_BYTES_MAX: usize = 256;

/// `[listen.jwt]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct JwtFile {
    address: SocketAddr,
    certificate: PathBuf,
    key: PathBuf,
    #[serde(default)]
    reflection: bool,
    issuer: Vec<IssuerFile>,
}

/// `[[listen.jwt.issuer]]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerFile {
    issuer: String,
    audience: String,
    jwks: String,
    jwks_ca: Option<PathBuf>,
    algorithms: Option<Vec<String>>,
    lifetime_max_seconds: Option<u64>,
}

impl JwtFile {
    pub(in crate::config) fn check(self) -> Result<Jwt, InvalidConfig> {
        let key = "listen.jwt.issuer";
        if !(1..=ISSUERS_MAX).contains(&self.issuer.len()) {
            return Err(InvalidConfig::value(key, format!("1 to {ISSUERS_MAX} issuers")));
        }
        let issuers =
            self.issuer.into_iter().map(IssuerFile::check).collect::<Result<Vec<_>, _>>()?;
        let mut seen = BTreeSet::new();
        for JwtIssuer { rules, .. } in &issuers {
            if !seen.insert(&rules.issuer) {
                let expected = format!("each issuer once, and `{}` is there twice", rules.issuer);
                return Err(InvalidConfig::value(key, expected));
            }
        }
        Ok(Jwt {
            address: self.address,
            certificate: path("listen.jwt.certificate", self.certificate)?,
            key: path("listen.jwt.key", self.key)?,
            reflection: self.reflection,
            issuers,
        })
    }
}

impl IssuerFile {
    fn check(self) -> Result<JwtIssuer, InvalidConfig> {
        let Self { issuer, audience, jwks, jwks_ca, algorithms, lifetime_max_seconds } = self;
        if JwtCaller::new(&issuer, "anybody").is_err() {
            let expected = "what stands in `iss`: at most 256 visible characters without `#`";
            return Err(InvalidConfig::value("listen.jwt.issuer.issuer", expected));
        }
        let visible = audience.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !(1..=AUDIENCE_BYTES_MAX).contains(&audience.len()) {
            let expected = "what stands in `aud`: at most 256 visible characters";
            return Err(InvalidConfig::value("listen.jwt.issuer.audience", expected));
        }
        let algorithms = match algorithms {
            Some(names) => checked_algorithms(&names)?,
            None => TokenRules::ALGORITHMS.to_vec(),
        };
        let range = LIFETIME_SECONDS_MIN..=LIFETIME_SECONDS_MAX;
        let lifetime = lifetime_max_seconds.map(|seconds| {
            let seconds = within("listen.jwt.issuer.lifetime_max_seconds", seconds, range)?;
            Ok::<_, InvalidConfig>(Duration::from_secs(seconds))
        });
        let lifetime_max = lifetime.transpose()?.unwrap_or(TokenRules::LIFETIME_MAX);
        Ok(JwtIssuer {
            rules: TokenRules { issuer, audience, algorithms, lifetime_max },
            jwks: place(jwks, jwks_ca)?,
        })
    }
}

fn checked_algorithms(names: &[String]) -> Result<Vec<Algorithm>, InvalidConfig> {
    let known = names.iter().map(|name| name.parse::<Algorithm>().ok()).collect::<Option<Vec<_>>>();
    known.filter(|known| !known.is_empty()).ok_or_else(|| {
        let all = Algorithm::ALL.map(Algorithm::as_str).join(", ");
        let expected = format!("at least one of {all}; shared secrets and `none` are not taken");
        InvalidConfig::value("listen.jwt.issuer.algorithms", expected)
    })
}

/// What looks like an address is one: no path begins so.
fn place(jwks: String, ca: Option<PathBuf>) -> Result<Jwks, InvalidConfig> {
    if !jwks.contains("://") {
        if ca.is_some() {
            let expected = "left out for a file: it is for an https address";
            return Err(InvalidConfig::value("listen.jwt.issuer.jwks_ca", expected));
        }
        return Ok(Jwks::File(path("listen.jwt.issuer.jwks", jwks.into())?));
    }
    let url = https_address(&jwks).ok_or_else(|| {
        let expected = "a path, or an https address without user name, query and fragment";
        InvalidConfig::value("listen.jwt.issuer.jwks", expected)
    })?;
    let ca = ca.map(|ca| path("listen.jwt.issuer.jwks_ca", ca)).transpose()?;
    Ok(Jwks::Address { url, ca })
}
