//! What an issuer's tokens must fulfil.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::token::Token;
use super::{Algorithm, InvalidToken, KeySet};
use crate::model::Caller;

/// A pinned issuer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenRules {
    /// `iss`, compared as it stands.
    pub issuer: String,
    /// One of `aud` must be this, as it stands.
    pub audience: String,
    /// How it may sign.
    pub algorithms: Vec<Algorithm>,
    /// The longest that a token may be valid, from the earlier of `iat` and `nbf` to `exp`.
    pub lifetime_max: Duration,
}

impl TokenRules {
    /// The algorithms unless configured: what Kubernetes signs with.
    pub const ALGORITHMS: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

    /// The longest life unless configured. A token cannot be recalled, so this is how long a stolen
    /// one is good.
    pub const LIFETIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// The algorithm, if it is one that this issuer may sign with.
    fn algorithm(&self, token: &Token<'_>) -> Result<Algorithm, InvalidToken> {
        let allowed = |algorithm: &Algorithm| self.algorithms.contains(algorithm);
        token.header.algorithm.filter(allowed).ok_or(InvalidToken::Algorithm)
    }

    /// Whom a token of this issuer names, signed with one of `keys` and valid at `now`. Without keys
    /// nobody, yet.
    ///
    /// The signature comes before everything that the claims say, so that only the holder of a
    /// genuine token learns what is wrong with it.
    pub(super) fn caller(
        &self,
        token: &Token<'_>,
        keys: Option<&KeySet>,
        now: SystemTime,
    ) -> Result<Caller, InvalidToken> {
        let algorithm = self.algorithm(token)?;
        token.check_signature(keys.ok_or(InvalidToken::KeysUnknown)?, algorithm)?;
        let claims = &token.claims;
        if !claims.is_for(&self.audience) {
            return Err(InvalidToken::Audience);
        }
        if claims.exp <= claims.nbf {
            return Err(InvalidToken::Lifetime);
        }
        // Before 1970 every token is from the future.
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let begin = claims.iat.map_or(claims.nbf, |iat| iat.min(claims.nbf));
        if claims.nbf.max(claims.iat.unwrap_or_default()) > now + LEEWAY_SECONDS {
            return Err(InvalidToken::NotYetValid);
        }
        if claims.exp + LEEWAY_SECONDS <= now {
            return Err(InvalidToken::Expired);
        }
        if claims.exp - begin > self.lifetime_max.as_secs() {
            return Err(InvalidToken::Lifetime);
        }
        claims.caller().map(Caller::Jwt)
    }
}

/// How far the clock of an issuer may be ahead of ours, or ours of it. Machines that are kept in
/// time differ by less than a second.
const LEEWAY_SECONDS: u64 = 30;
