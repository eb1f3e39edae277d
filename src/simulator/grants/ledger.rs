//! Refresh tokens, by the grant that they belong to.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

/// Which refresh tokens were given, and which of them are good.
///
/// Invariant: `order` holds the keys of `tokens`, oldest first.
#[derive(Default)]
pub(super) struct Ledger {
    tokens: HashMap<String, Token>,
    order: VecDeque<String>,
    last_family: u64,
    families_revoked: u64,
}

/// What a refresh token stands for.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
}

struct Token {
    grant: Grant,
    /// The tokens that came of one log-in.
    family: u64,
    state: State,
}

#[derive(Eq, PartialEq)]
enum State {
    Good,
    /// Since when.
    Used(Instant),
    Revoked,
}

/// What a refresh token is worth to a client.
pub(super) enum Redeemed<'a> {
    Good(&'a Grant),
    /// It was rotated away: somebody has used it before.
    Used,
    Unknown,
}

impl Ledger {
    /// A first refresh token, of a family of its own.
    pub(super) fn open(&mut self, token: String, grant: Grant) {
        self.last_family += 1;
        self.insert(token, Token { grant, family: self.last_family, state: State::Good });
    }

    /// Looks at a token; does not change it. Another client's token is unknown. One that was used
    /// is good for `grace` after its first use.
    pub(super) fn redeem(&self, token: &str, client_id: &str, grace: Duration) -> Redeemed<'_> {
        match self.tokens.get(token) {
            Some(Token { grant, state, .. }) if grant.client_id == client_id => match state {
                State::Good => Redeemed::Good(grant),
                State::Used(since) if since.elapsed() < grace => Redeemed::Good(grant),
                State::Used(_) => Redeemed::Used,
                State::Revoked => Redeemed::Unknown,
            },
            _ => Redeemed::Unknown,
        }
    }

    /// Replaces `old`, which was redeemed, by `new`.
    pub(super) fn rotate(&mut self, old: &str, new: String) {
        if let Some(used) = self.tokens.get_mut(old) {
            if used.state == State::Good {
                used.state = State::Used(Instant::now());
            }
            let (grant, family) = (used.grant.clone(), used.family);
            self.insert(new, Token { grant, family, state: State::Good });
        }
    }

    /// Kills the token's whole family.
    pub(super) fn revoke(&mut self, token: &str) {
        let Some(family) = self.tokens.get(token).map(|token| token.family) else { return };
        for token in self.tokens.values_mut().filter(|token| token.family == family) {
            token.state = State::Revoked;
        }
    }

    /// Kills the family of a token that was used again.
    pub(super) fn revoke_reused(&mut self, token: &str) {
        self.families_revoked += 1;
        self.revoke(token);
    }

    /// How many families [`Self::revoke_reused`] has killed.
    pub(super) fn families_revoked(&self) -> u64 {
        self.families_revoked
    }

    pub(super) fn client_of(&self, token: &str) -> Option<&str> {
        self.tokens.get(token).map(|token| token.grant.client_id.as_str())
    }

    fn insert(&mut self, token: String, entry: Token) {
        if self.order.len() >= TOKENS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
        self.order.push_back(token.clone());
        self.tokens.insert(token, entry);
    }
}

/// Bounds memory. The oldest is forgotten, as PingFederate does with the grants of a client.
const TOKENS_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn state(ledger: &Ledger, token: &str) -> &'static str {
        match ledger.redeem(token, "c", Duration::ZERO) {
            Redeemed::Good(_) => "good",
            Redeemed::Used => "used",
            Redeemed::Unknown => "unknown",
        }
    }

    fn grant() -> Grant {
        Grant { client_id: "c".to_owned(), scopes: Vec::new() }
    }

    #[test]
    fn a_family_dies_together_and_alone() {
        let mut ledger = Ledger::default();
        ledger.open("a1".to_owned(), grant());
        ledger.open("b1".to_owned(), grant());
        ledger.rotate("a1", "a2".to_owned());
        assert_eq!(["a1", "a2", "b1"].map(|t| state(&ledger, t)), ["used", "good", "good"]);
        assert!(matches!(ledger.redeem("a2", "another", Duration::ZERO), Redeemed::Unknown));
        ledger.revoke("a1");
        assert_eq!(["a1", "a2", "b1"].map(|t| state(&ledger, t)), ["unknown", "unknown", "good"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_token_is_good_for_its_grace_and_not_longer() {
        let grace = Duration::from_secs(30);
        let mut ledger = Ledger::default();
        ledger.open("a1".to_owned(), grant());
        ledger.rotate("a1", "a2".to_owned());
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(matches!(ledger.redeem("a1", "c", grace), Redeemed::Good(_)));
        // A second use does not start the grace anew.
        ledger.rotate("a1", "a3".to_owned());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(matches!(ledger.redeem("a1", "c", grace), Redeemed::Used));
        assert_eq!(["a2", "a3"].map(|token| state(&ledger, token)), ["good", "good"]);
    }

    #[test]
    fn the_oldest_token_makes_room() {
        let mut ledger = Ledger::default();
        for number in 0..=TOKENS_MAX {
            ledger.open(number.to_string(), grant());
        }
        assert_eq!(ledger.tokens.len(), TOKENS_MAX);
        assert_eq!((state(&ledger, "0"), state(&ledger, "1")), ("unknown", "good"));
    }
}
