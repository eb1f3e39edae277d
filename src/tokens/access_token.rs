//! One access token, and what is known of it.

use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use tokio::time::Instant;

use crate::model::Uid;
use crate::ports::TokenAnswer;
use crate::secret::Secret;

use super::{IssueError, Now};

/// An access token. No `Debug`: it would print the token.
pub struct AccessToken {
    /// The token itself.
    pub token: Secret,
    /// Names it in logs. Random: it says nothing about the token.
    pub id: String,
    /// When it stops working, by the vault's clock.
    pub expire_time: SystemTime,
    /// What it is good for, if Infor said so.
    pub scopes: Option<Vec<String>>,
    /// The tenant that it belongs to.
    pub(super) tenant_uid: Uid,
    lifetime: Duration,
    expires_at: Instant,
}

impl AccessToken {
    /// `asked` is from before the request was sent: a slow answer can only shorten the life.
    pub(super) fn new(
        tenant_uid: Uid,
        asked: &Now,
        answer: TokenAnswer,
    ) -> Result<Self, getrandom::Error> {
        let mut id = [0; TOKEN_ID_BYTES];
        getrandom::fill(&mut id)?;
        Ok(Self {
            token: answer.access_token,
            id: HEXLOWER.encode(&id),
            expire_time: asked.wall + answer.expires_in,
            scopes: answer.scopes,
            tenant_uid,
            lifetime: answer.expires_in,
            expires_at: asked.monotonic + answer.expires_in,
        })
    }

    /// Whether it lives long enough for this caller.
    ///
    /// # Errors
    ///
    /// [`IssueError::LifetimeTooLong`] if no token of this account would: callers that ask for
    /// more than half a life would have the vault renew tokens faster than they are used.
    pub(super) fn serves(
        &self,
        min_remaining: Option<Duration>,
        now: &Now,
    ) -> Result<bool, IssueError> {
        let margin = MARGIN.min(self.lifetime / MARGIN_SHARE);
        let needed = match min_remaining {
            Some(asked) if asked > self.lifetime / 2 => {
                return Err(IssueError::LifetimeTooLong(self.lifetime / 2));
            }
            Some(asked) => asked.max(margin),
            None => margin,
        };
        let remaining = self.remaining(now);
        Ok(!remaining.is_zero() && remaining >= needed)
    }

    /// By whichever clock says less.
    fn remaining(&self, now: &Now) -> Duration {
        let monotonic = self.expires_at.saturating_duration_since(now.monotonic);
        let wall = self.expire_time.duration_since(now.wall).unwrap_or_default();
        monotonic.min(wall)
    }
}

/// A token this close to its end may expire on its way to Infor: 60 s is Infor's own silence
/// before its gateway gives up (504).
const MARGIN: Duration = Duration::from_secs(60);

/// Short-lived tokens get a shorter margin, a quarter of their life, or none would ever serve.
const MARGIN_SHARE: u32 = 4;

/// 64 bits: two equal ones are not to be expected among the tokens of a century.
const TOKEN_ID_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(lifetime: Duration) -> (AccessToken, Now) {
        let now = Now { monotonic: Instant::now(), wall: SystemTime::UNIX_EPOCH };
        let answer = TokenAnswer {
            access_token: Secret::from("invented".to_owned()),
            expires_in: lifetime,
            refresh_token: None,
            scopes: None,
        };
        (AccessToken::new(Uid::from_bytes([1; 16]), &now, answer).unwrap(), now)
    }

    fn later(now: &Now, monotonic: u64, wall: u64) -> Now {
        Now {
            monotonic: now.monotonic + Duration::from_secs(monotonic),
            wall: now.wall + Duration::from_secs(wall),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_serves_until_its_margin() {
        let (token, now) = token(Duration::from_secs(7200));
        assert!(token.serves(None, &later(&now, 7140, 7140)).unwrap());
        assert!(!token.serves(None, &later(&now, 7141, 7141)).unwrap());
        let ten_minutes = Some(Duration::from_secs(600));
        assert!(token.serves(ten_minutes, &later(&now, 6600, 6600)).unwrap());
        assert!(!token.serves(ten_minutes, &later(&now, 6601, 6601)).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_that_says_less_decides() {
        let (token, now) = token(Duration::from_secs(7200));
        assert!(!token.serves(None, &later(&now, 10, 7190)).unwrap());
        assert!(!token.serves(None, &later(&now, 7190, 10)).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn short_lives_have_short_margins() {
        let (token, now) = token(Duration::from_secs(40));
        assert!(token.serves(None, &later(&now, 30, 30)).unwrap());
        assert!(!token.serves(None, &later(&now, 31, 31)).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_half_a_life_is_refused_whatever_is_left() {
        let (token, now) = token(Duration::from_secs(7200));
        assert!(token.serves(Some(Duration::from_secs(3600)), &now).unwrap());
        let asked = token.serves(Some(Duration::from_secs(3601)), &now);
        assert!(matches!(asked, Err(IssueError::LifetimeTooLong(max)) if max.as_secs() == 3600));
    }
}
