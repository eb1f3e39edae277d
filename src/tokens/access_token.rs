//! One access token, and what is known of it.

use std::time::{Duration, SystemTime};

use data_encoding::HEXLOWER;
use tokio::time::Instant;

use crate::model::Uid;
use crate::ports::TokenAnswer;
use crate::secret::Secret;

use super::jitter::Jitter;
use super::windows::Windows;
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
    /// How long it lives in all.
    pub lifetime: Duration,
    /// The tenant that it belongs to.
    pub(super) tenant_uid: Uid,
    windows: Windows,
    obtained: Instant,
    expires_at: Instant,
}

/// What a token is good for, for one caller, now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fitness {
    /// It serves.
    Good,
    /// It serves, and it is time to have the next one.
    Ageing,
    /// It does not live long enough for this caller.
    Unfit,
}

impl AccessToken {
    /// `asked` is from before the request was sent: a slow answer can only shorten the life.
    pub(super) fn new(
        tenant_uid: Uid,
        asked: &Now,
        answer: TokenAnswer,
        jitter: &Jitter,
    ) -> Result<Self, getrandom::Error> {
        let mut id = [0; TOKEN_ID_BYTES];
        getrandom::fill(&mut id)?;
        Ok(Self {
            token: answer.access_token,
            id: HEXLOWER.encode(&id),
            expire_time: asked.wall + answer.expires_in,
            scopes: answer.scopes,
            lifetime: answer.expires_in,
            tenant_uid,
            windows: Windows::of(answer.expires_in, jitter),
            obtained: asked.monotonic,
            expires_at: asked.monotonic + answer.expires_in,
        })
    }

    /// A token that was kept while the process was not there. Only the wall clock knows how much of
    /// it is left, and it is not believed to be more than the whole life.
    pub(super) fn restore(
        tenant_uid: Uid,
        kept: super::account::KeptToken,
        token: Secret,
        now: &Now,
        jitter: &Jitter,
    ) -> Self {
        let super::account::KeptToken { id, expire_time, lifetime, scopes } = kept;
        let left = expire_time.duration_since(now.wall).unwrap_or_default().min(lifetime);
        Self {
            token,
            id,
            expire_time,
            scopes,
            lifetime,
            tenant_uid,
            windows: Windows::of(lifetime, jitter),
            obtained: now.monotonic,
            expires_at: now.monotonic + left,
        }
    }

    /// Whether it lives long enough for this caller.
    ///
    /// # Errors
    ///
    /// [`IssueError::LifetimeTooLong`] if it lives, and no token of its life would do: callers that
    /// ask for more than half a life would have the vault renew tokens faster than they are used.
    pub(super) fn fitness(
        &self,
        min_remaining: Option<Duration>,
        now: &Now,
    ) -> Result<Fitness, IssueError> {
        let remaining = self.remaining(now);
        // It says nothing about the next one, which may live longer.
        if remaining.is_zero() || remaining < self.windows.mandatory {
            return Ok(Fitness::Unfit);
        }
        let needed = match min_remaining {
            Some(asked) if asked > self.lifetime / 2 => {
                return Err(IssueError::LifetimeTooLong(self.lifetime / 2));
            }
            Some(asked) => asked.max(self.windows.mandatory),
            None => self.windows.mandatory,
        };
        Ok(if remaining < needed {
            Fitness::Unfit
        } else if remaining < self.windows.advisory {
            Fitness::Ageing
        } else {
            Fitness::Good
        })
    }

    /// How long it will go on to serve this caller.
    pub(super) fn fit_for(&self, min_remaining: Option<Duration>, now: &Now) -> Duration {
        let needed = min_remaining.unwrap_or_default().max(self.windows.mandatory);
        self.remaining(now).saturating_sub(needed)
    }

    /// Whether it serves a caller who asks for nothing special.
    pub(super) fn lives(&self, now: &Now) -> bool {
        let remaining = self.remaining(now);
        !remaining.is_zero() && remaining >= self.windows.mandatory
    }

    /// When it is time to have the next one.
    pub(super) fn renew_at(&self) -> Instant {
        self.expires_at.checked_sub(self.windows.advisory).unwrap_or(self.obtained)
    }

    /// When it stops to be given out.
    pub(super) fn unfit_at(&self) -> Instant {
        self.expires_at.checked_sub(self.windows.mandatory).unwrap_or(self.obtained)
    }

    /// By whichever clock says less.
    fn remaining(&self, now: &Now) -> Duration {
        let monotonic = self.expires_at.saturating_duration_since(now.monotonic);
        let wall = self.expire_time.duration_since(now.wall).unwrap_or_default();
        monotonic.min(wall)
    }
}

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
        let jitter = Jitter::seeded(1);
        (AccessToken::new(Uid::from_bytes([1; 16]), &now, answer, &jitter).unwrap(), now)
    }

    fn later(now: &Now, monotonic: u64, wall: u64) -> Now {
        Now {
            monotonic: now.monotonic + Duration::from_secs(monotonic),
            wall: now.wall + Duration::from_secs(wall),
        }
    }

    fn serves(token: &AccessToken, min_remaining: Option<u64>, now: &Now) -> bool {
        let fitness = token.fitness(min_remaining.map(Duration::from_secs), now).unwrap();
        fitness != Fitness::Unfit
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_serves_until_its_margin() {
        let (token, now) = token(Duration::from_secs(7200));
        assert!(serves(&token, None, &later(&now, 7140, 7140)));
        assert!(!serves(&token, None, &later(&now, 7141, 7141)));
        assert!(serves(&token, Some(600), &later(&now, 6600, 6600)));
        assert!(!serves(&token, Some(600), &later(&now, 6601, 6601)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_says_for_how_long_it_will_serve() {
        let (token, now) = token(Duration::from_secs(7200));
        for (min_remaining, seconds) in [(None, 7140), (Some(30), 7140), (Some(600), 6600)] {
            let asked = min_remaining.map(Duration::from_secs);
            let fit_for = token.fit_for(asked, &now);
            assert_eq!(fit_for, Duration::from_secs(seconds));
            assert!(serves(&token, min_remaining, &later(&now, seconds, seconds)));
            assert!(!serves(&token, min_remaining, &later(&now, seconds + 1, seconds + 1)));
        }
        assert_eq!(token.fit_for(None, &later(&now, 0, 9000)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_good_then_ageing_then_unfit() {
        let (token, now) = token(Duration::from_secs(7200));
        for (seconds, expected) in [
            (0, Fitness::Good),
            (6800, Fitness::Good),
            (6961, Fitness::Ageing),
            (7141, Fitness::Unfit),
        ] {
            let then = later(&now, seconds, seconds);
            assert_eq!(token.fitness(None, &then).unwrap(), expected, "{seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_that_says_less_decides() {
        let (token, now) = token(Duration::from_secs(7200));
        assert!(!serves(&token, None, &later(&now, 10, 7190)));
        assert!(!serves(&token, None, &later(&now, 7190, 10)));
    }

    #[tokio::test(start_paused = true)]
    async fn short_lives_have_short_margins() {
        let (token, now) = token(Duration::from_secs(40));
        assert!(serves(&token, None, &later(&now, 30, 30)));
        assert!(!serves(&token, None, &later(&now, 31, 31)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_was_kept_never_lives_longer_than_its_life() {
        let (token, now) = token(Duration::from_secs(7200));
        let kept = || super::super::account::KeptToken::of(&token);
        let restored = |at: Now| {
            let secret = Secret::from("invented".to_owned());
            let jitter = Jitter::seeded(1);
            AccessToken::restore(token.tenant_uid, kept(), secret, &at, &jitter).remaining(&at)
        };
        assert_eq!(restored(later(&now, 0, 200)), Duration::from_secs(7000));
        // The wall clock was put back an hour before the start.
        let back = Now { monotonic: now.monotonic, wall: now.wall };
        assert_eq!(restored(back), Duration::from_secs(7200));
        assert_eq!(restored(later(&now, 0, 9000)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_half_a_life_is_refused_whatever_is_left() {
        let (token, now) = token(Duration::from_secs(7200));
        assert!(serves(&token, Some(3600), &now));
        for seconds in [0, 7139] {
            let asked =
                token.fitness(Some(Duration::from_secs(3601)), &later(&now, seconds, seconds));
            assert!(
                matches!(asked, Err(IssueError::LifetimeTooLong(max)) if max.as_secs() == 3600)
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_ended_does_not_say_what_the_next_one_can() {
        let (token, now) = token(Duration::from_secs(7200));
        let asked = token.fitness(Some(Duration::from_secs(3601)), &later(&now, 7141, 7141));
        assert!(matches!(asked, Ok(Fitness::Unfit)));
    }
}
