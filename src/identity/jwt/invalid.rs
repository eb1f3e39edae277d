//! Why a token says nothing of use about its sender.

/// The first rule that the token of a call breaks. The texts are for the log; they quote nothing
/// of the token.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum InvalidToken {
    /// No `authorization` header.
    #[error("there is no authorization header")]
    Missing,
    /// Which of them would count?
    #[error("there is more than one authorization header")]
    Several,
    /// Another scheme than `Bearer`, or not one token after it.
    #[error("the authorization header is not `Bearer` and one token")]
    NotBearer,
    /// More than [`TOKEN_BYTES_MAX`](super::TOKEN_BYTES_MAX).
    #[error("the token is too long")]
    TooLong,
    /// Not three parts in base64url without padding (RFC 7515, section 7.1); a JWE has five.
    #[error("the token is not three parts in base64url")]
    NotCompact,
    /// The header is no JSON object, or `alg`, `kid` or `typ` have the wrong type or are there twice.
    #[error("the header of the token is malformed")]
    Header,
    /// A parameter that would change what is to be checked, or with which key.
    #[error(
        "the header of the token has `crit`, `b64`, `zip`, `enc`, `cty`, `jku`, `jwk`, `x5u` or `x5c`"
    )]
    Parameter,
    /// `typ` is there and says that this is something else, such as a log-out token.
    #[error("the header of the token says that it is not an access token")]
    Type,
    /// A claim has the wrong type or is there twice, or one of those required is missing.
    #[error("the claims of the token are malformed, or lack iss, sub, aud, exp or nbf")]
    Claims,
    /// Not one of the pinned issuers.
    #[error("the token is from an issuer that is not configured")]
    Issuer,
    /// `none`, a shared secret, or not on the issuer's list.
    #[error("the token is signed with an algorithm that is not allowed for its issuer")]
    Algorithm,
    /// The keys of the issuer could not be fetched since the start.
    #[error("the keys of the token's issuer are not known yet")]
    KeysUnknown,
    /// There are several keys, and the token does not say which one.
    #[error("the token names no key, and its issuer has several")]
    NoKeyId,
    /// The issuer has no such key, or has it for another purpose.
    #[error("the token names a key that its issuer does not have")]
    UnknownKey,
    /// An RSA signature for an elliptic key, or an algorithm that the key is not for.
    #[error("the algorithm of the token does not fit the key that it names")]
    Misfit,
    /// The signature is not that of the key.
    #[error("the signature of the token is wrong")]
    Signature,
    /// Meant for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// `nbf` or `iat` lie in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `exp` is over.
    #[error("the token has expired")]
    Expired,
    /// It would be valid for longer than the configuration allows, or `exp` is not after `nbf`.
    #[error("the token lives longer than its issuer's tokens may, or not at all")]
    Lifetime,
    /// Its subject is too long or has other characters than visible ASCII.
    #[error("the subject of the token cannot be a caller")]
    Subject,
    /// `kubernetes.io` says something else than the subject, or nothing that could be a name.
    #[error("what the token says of Kubernetes does not fit its subject")]
    Workload,
}

impl InvalidToken {
    /// What the caller is told. Whoever sends a token that no pinned issuer signed learns only that;
    /// the holder of a genuine one learns what is wrong with it.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Missing | Self::Several | Self::NotBearer => {
                "the call needs one authorization header: `Bearer` and a token"
            }
            Self::TooLong
            | Self::NotCompact
            | Self::Header
            | Self::Parameter
            | Self::Type
            | Self::Claims
            | Self::Issuer
            | Self::Algorithm
            | Self::NoKeyId
            | Self::UnknownKey
            | Self::Misfit
            | Self::Signature => "the token is not one that a configured issuer signed",
            Self::KeysUnknown => "the keys of the token's issuer are not known yet: retry later",
            Self::Audience => "the token is for another audience",
            Self::NotYetValid => "the token is not valid yet: check the clocks",
            Self::Expired => "the token has expired: send a fresh one",
            Self::Lifetime => "the token lives too long: ask for one that lives shorter",
            Self::Subject | Self::Workload => "the subject of the token cannot be a caller",
        }
    }
}
