//! Resource names: `tenants/{tenant}/credentials/{credential}/versions/{version}` (AIP-122).

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

/// Names one DocBits organisation.
///
/// Invariant: matches `[a-z]([a-z0-9-]{0,61}[a-z0-9])?` (AIP-122), so 1 to 63 bytes of ASCII.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TenantId(Arc<str>);

/// Names one credential within a tenant.
///
/// Invariant: as for [`TenantId`].
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialId(Arc<str>);

/// Names one credential: `tenants/{tenant}/credentials/{credential}`.
///
/// The order is that of lists: by tenant, then by credential.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialName {
    /// The organisation that owns it.
    pub tenant: TenantId,
    /// Which of its credentials.
    pub credential: CredentialId,
}

/// Counts the uploads of a credential: 1, 2, 3, ….
pub type VersionNumber = NonZeroU32;

/// Names one uploaded file: `{credential}/versions/{version}`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct VersionName {
    /// The credential it belongs to.
    pub credential: CredentialName,
    /// Which of its versions.
    pub version: VersionNumber,
}

/// What a list of credentials ranges over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Parent {
    /// `tenants/-` (AIP-159).
    AllTenants,
    /// `tenants/{tenant}`.
    Tenant(TenantId),
}

/// Why a text is not a resource name. Says what was expected, never what was there: names of
/// other customers may come in by mistake.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidName {
    /// The segments are not the expected collections.
    #[error("expected `{0}`")]
    Shape(&'static str),
    /// An id breaks the rule of AIP-122.
    #[error("the {0} id must match [a-z]([a-z0-9-]{{0,61}}[a-z0-9])?")]
    Id(&'static str),
    /// A version is not 1, 2, 3, …
    #[error("the version must be a number from 1 to 4294967295 without leading zeros")]
    Version,
}

impl TenantId {
    /// The id as it stands in names.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CredentialId {
    /// The id as it stands in names.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if is_id(text) { Ok(Self(text.into())) } else { Err(InvalidName::Id("tenant")) }
    }
}

impl FromStr for CredentialId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if is_id(text) { Ok(Self(text.into())) } else { Err(InvalidName::Id("credential")) }
    }
}

impl FromStr for CredentialName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let shape = InvalidName::Shape("tenants/{tenant}/credentials/{credential}");
        let rest = text.strip_prefix("tenants/").ok_or(shape)?;
        // Each call for a token comes by here, and a search for text costs more than all the rest.
        let slash = rest.bytes().position(|byte| byte == b'/').ok_or(shape)?;
        let (tenant, rest) = rest.split_at_checked(slash).ok_or(shape)?;
        let credential = rest.strip_prefix("/credentials/").ok_or(shape)?;
        Ok(Self { tenant: tenant.parse()?, credential: credential.parse()? })
    }
}

impl FromStr for VersionName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (credential, version) = text.split_once("/versions/").ok_or(InvalidName::Shape(
            "tenants/{tenant}/credentials/{credential}/versions/{version}",
        ))?;
        let canonical =
            version.bytes().all(|byte| byte.is_ascii_digit()) && !version.starts_with('0');
        let number = if canonical { version.parse().ok() } else { None };
        Ok(Self { credential: credential.parse()?, version: number.ok_or(InvalidName::Version)? })
    }
}

impl FromStr for Parent {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.strip_prefix("tenants/") {
            Some("-") => Ok(Self::AllTenants),
            Some(tenant) => Ok(Self::Tenant(tenant.parse()?)),
            None => Err(InvalidName::Shape("tenants/{tenant}, or tenants/- for all")),
        }
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for CredentialName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/credentials/{}", self.tenant, self.credential)
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/versions/{}", self.credential, self.version)
    }
}

/// AIP-122's rule for resource ids: at most 63 bytes, a letter first, no hyphen last.
const ID_BYTES_MAX: usize = 63;

fn is_id(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= ID_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for text in ["tenants/a/credentials/b", "tenants/acme-1/credentials/infor-prd"] {
            assert_eq!(text.parse::<CredentialName>().unwrap().to_string(), text);
        }
        let version = "tenants/acme/credentials/infor/versions/12";
        assert_eq!(version.parse::<VersionName>().unwrap().to_string(), version);
    }

    #[test]
    fn ids_keep_to_their_rule() {
        let longest = "a".repeat(63);
        for id in ["a", "a1", "a-b", longest.as_str()] {
            assert!(id.parse::<TenantId>().is_ok(), "{id}");
        }
        let too_long = "a".repeat(64);
        for id in ["", "-", "1a", "a-", "A", "a_b", "a/b", "ä", "a b", "a\0", too_long.as_str()] {
            assert_eq!(id.parse::<TenantId>(), Err(InvalidName::Id("tenant")), "{id}");
        }
    }

    #[test]
    fn other_spellings_of_a_name_are_refused() {
        for text in [
            "",
            "tenants/",
            "tenants/a",
            "/tenants/a/credentials/b",
            "tenants/a/credentials/b/",
            "tenants/a/credentials/",
            "tenants//credentials/b",
            "tenants/-/credentials/b",
            "tenants/a/credentials/b/versions/1",
            "Tenants/a/credentials/b",
        ] {
            assert!(text.parse::<CredentialName>().is_err(), "{text}");
        }
        for version in ["", "0", "01", "+1", "-1", "1.0", "4294967296", "latest"] {
            let text = format!("tenants/a/credentials/b/versions/{version}");
            assert_eq!(text.parse::<VersionName>(), Err(InvalidName::Version), "{version}");
        }
    }

    #[test]
    fn a_dash_stands_for_all_tenants() {
        assert_eq!("tenants/-".parse(), Ok(Parent::AllTenants));
        assert_eq!("tenants/acme".parse(), Ok(Parent::Tenant("acme".parse().unwrap())));
        assert!("acme".parse::<Parent>().is_err());
    }
}
