//! Who sent a request, by the token that it bears.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, header};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::live_keys::{LiveKeys, LoadKeysError};
use super::token::Token;
use super::{InvalidToken, TokenRules};
use crate::model::Caller;
use crate::ports::{Clock, KeySetSource};

/// The pinned issuers, with their keys as they are now.
pub struct Issuers {
    issuers: Vec<Arc<Issuer>>,
    clock: Arc<dyn Clock>,
}

struct Issuer {
    rules: TokenRules,
    keys: LiveKeys,
}

impl Issuers {
    /// None yet: a token of nobody is taken.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { issuers: Vec::new(), clock }
    }

    /// Adds an issuer whose keys come from `source`, and may come later.
    pub fn add(&mut self, rules: TokenRules, source: Arc<dyn KeySetSource>) {
        let keys = LiveKeys::new(rules.issuer.clone(), source);
        self.issuers.push(Arc::new(Issuer { rules, keys }));
    }

    /// Adds an issuer whose keys must be there already.
    ///
    /// # Errors
    ///
    /// [`LoadKeysError`] if they are not, or are of no use.
    pub async fn add_loaded(
        &mut self,
        rules: TokenRules,
        source: Arc<dyn KeySetSource>,
    ) -> Result<(), LoadKeysError> {
        let keys = LiveKeys::new(rules.issuer.clone(), source);
        keys.load().await?;
        self.issuers.push(Arc::new(Issuer { rules, keys }));
        Ok(())
    }

    /// The caller that the token of a request names. A token that names a key which is not known has
    /// the keys read again, within limits, and is then looked at once more.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`], by the first rule that it breaks.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, InvalidToken> {
        let token = Token::parse(bearer(headers)?)?;
        let named = |issuer: &&Arc<Issuer>| issuer.rules.issuer == token.claims.iss;
        let issuer = self.issuers.iter().find(named).ok_or(InvalidToken::Issuer)?;
        let caller = || {
            let keys = issuer.keys.current();
            issuer.rules.caller(&token, keys.as_deref(), self.clock.now())
        };
        match caller() {
            Err(InvalidToken::UnknownKey | InvalidToken::KeysUnknown)
                // Boxed: it is rare, and would make every call's future larger.
                if Box::pin(issuer.keys.read_again()).await =>
            {
                caller()
            }
            told => told,
        }
    }

    /// Reads the keys of all issuers again and again, until `drain`. Dropping the future ends it.
    pub async fn keep_keys(&self, drain: &CancellationToken) {
        let mut tasks = JoinSet::new();
        for issuer in &self.issuers {
            let (issuer, drain) = (issuer.clone(), drain.clone());
            tasks.spawn(async move { drain.run_until_cancelled(issuer.keys.keep()).await });
        }
        while tasks.join_next().await.is_some() {}
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.issuers.iter().map(|issuer| &issuer.rules)).finish()
    }
}

/// The token of the one `authorization` header (RFC 6750, section 2.1). The scheme is compared
/// without regard to case (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, InvalidToken> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (all.next(), all.next()) {
        (None, _) => return Err(InvalidToken::Missing),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(InvalidToken::Several),
    };
    let parts = value.to_str().ok().and_then(|text| text.split_once(' '));
    match parts {
        // Also two headers that a proxy folded into one.
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer")
                && !token.is_empty()
                && !token.contains([' ', ',', '\t']) =>
        {
            Ok(token)
        }
        Some(_) | None => Err(InvalidToken::NotBearer),
    }
}

#[cfg(test)]
mod tests;
