//! How tokens may be signed.

use std::fmt;
use std::str::FromStr;

/// A signature with a public key (RFC 7518, section 3.1; RFC 8037).
///
/// `none` and the algorithms with a shared secret are missing on purpose: a name that has no
/// variant here cannot be configured, and a token that bears it cannot be checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each is the algorithm of its name")]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// The text names no algorithm that tokens may be signed with.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// As headers of tokens and key sets name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// As the library names it.
    pub(super) fn signature(self) -> jsonwebtoken::Algorithm {
        use jsonwebtoken::Algorithm as Signature;
        match self {
            Self::Rs256 => Signature::RS256,
            Self::Rs384 => Signature::RS384,
            Self::Rs512 => Signature::RS512,
            Self::Ps256 => Signature::PS256,
            Self::Ps384 => Signature::PS384,
            Self::Ps512 => Signature::PS512,
            Self::Es256 => Signature::ES256,
            Self::Es384 => Signature::ES384,
            Self::EdDsa => Signature::EdDSA,
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Names are compared with regard to case (RFC 7515, section 4.1.1).
    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signatures_with_public_keys_have_a_name_and_one_spelling_each() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
            assert_eq!(format!("{:?}", algorithm.signature()), algorithm.as_str());
        }
        for text in ["", "none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "rs256", "RS1"]
        {
            assert_eq!(text.parse::<Algorithm>(), Err(UnknownAlgorithm), "{text}");
        }
    }
}
