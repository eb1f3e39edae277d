//! How a credential stands with Infor.

/// How a credential stands with Infor, in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// The last thing that Infor did was to issue a token.
    Healthy,
    /// Infor was not asked yet.
    Unverified,
    /// The last attempts failed, for reasons that time may heal.
    Degraded,
    /// Infor said no for good.
    Refused,
    /// A person must authorize the app.
    AuthorizationRequired,
}

impl Health {
    /// The health of this name, as filters spell it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "HEALTHY" => Self::Healthy,
            "UNVERIFIED" => Self::Unverified,
            "DEGRADED" => Self::Degraded,
            "REFUSED" => Self::Refused,
            "AUTHORIZATION_REQUIRED" => Self::AuthorizationRequired,
            _ => return None,
        })
    }
}
