//! The keys of an ION API file.

use std::fmt;

/// A key that Infor writes. Only these may be named in errors and warnings: the text of any other
/// key may itself be a secret.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Key {
    /// Infor's tenant.
    Ti,
    /// Name of the authorized app.
    Cn,
    /// Type code of the app.
    Dt,
    /// OAuth client id.
    Ci,
    /// OAuth client secret.
    Cs,
    /// Base URL of the API gateway.
    Iu,
    /// Base URL of the authorization server.
    Pu,
    /// Path of the authorization endpoint.
    Oa,
    /// Path of the token endpoint.
    Ot,
    /// Path of the revocation endpoint.
    Or,
    /// Infor's server or farm.
    Ev,
    /// Version of the file format.
    V,
    /// Scopes.
    Sc,
    /// Redirect URI.
    Ru,
    /// Access key of the service account.
    Saak,
    /// Secret key of the service account.
    Sask,
}

impl Key {
    /// All of them, in the order in which problems are listed.
    const ALL: [Self; 16] = [
        Self::Ti,
        Self::Cn,
        Self::Dt,
        Self::Ci,
        Self::Cs,
        Self::Iu,
        Self::Pu,
        Self::Oa,
        Self::Ot,
        Self::Or,
        Self::Ev,
        Self::V,
        Self::Sc,
        Self::Ru,
        Self::Saak,
        Self::Sask,
    ];

    /// The key of this name; names are case-sensitive.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// As it stands in the file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ti => "ti",
            Self::Cn => "cn",
            Self::Dt => "dt",
            Self::Ci => "ci",
            Self::Cs => "cs",
            Self::Iu => "iu",
            Self::Pu => "pu",
            Self::Oa => "oa",
            Self::Ot => "ot",
            Self::Or => "or",
            Self::Ev => "ev",
            Self::V => "v",
            Self::Sc => "sc",
            Self::Ru => "ru",
            Self::Saak => "saak",
            Self::Sask => "sask",
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
