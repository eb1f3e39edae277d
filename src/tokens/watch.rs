//! Following the tokens of a credential.
//!
//! A watcher is a caller that asks again whenever the answer may have changed: the account (it
//! follows the slot), the credential (it follows the vault), or time. It has no task of its own and
//! nothing is queued for it: whoever wants the next news waits for it, and what nobody wants to hear
//! is not said.

mod places;

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::model::{AccountId, Caller, Credential};

use super::{IssueError, IssueQuery, Issued, Now, TokenIssuer};

use places::Place;
pub use places::TooManyWatchers;
pub(super) use places::Watchers;

/// Follows the tokens of one credential, for one caller. While it is there, the account counts as
/// in use, and its tokens are renewed before they end.
pub struct Watch {
    issuer: TokenIssuer,
    min_remaining: Option<Duration>,
    told: Told,
    credentials: watch::Receiver<u64>,
    account: Option<(AccountId, watch::Receiver<u64>)>,
    look_again: Instant,
    _place: Place,
}

/// What a watcher is told.
pub enum News {
    /// This token is the one to use from now on.
    Token(Issued),
    /// No next token could be had so far; one that was told before may still serve.
    Problem {
        /// Why; always [`IssueError::Flight`].
        error: IssueError,
        /// When that was found; its `retry_after` counts from here.
        time: SystemTime,
    },
}

/// What the watcher knows already.
#[derive(Default)]
struct Told {
    /// The id of the token, and the number of the version that it came from.
    token: Option<(String, u32)>,
    problem: Option<String>,
}

impl TokenIssuer {
    /// Begins to follow a credential; the first news is how it stands now.
    ///
    /// # Errors
    ///
    /// [`TooManyWatchers`], of this caller or in all.
    pub fn watch(
        &self,
        caller: &Caller,
        min_remaining: Option<Duration>,
    ) -> Result<Watch, TooManyWatchers> {
        Ok(Watch {
            issuer: self.clone(),
            min_remaining,
            told: Told::default(),
            credentials: self.0.vault.changed(),
            account: None,
            look_again: Instant::now(),
            _place: self.0.watchers.enter(caller)?,
        })
    }
}

impl Watch {
    /// Waits for the next news. `permitted` finds the credential and says whether the caller may
    /// (still) watch it: it is asked before anything is looked at, and again before it is told,
    /// because the look may have waited for Infor.
    ///
    /// Once this was dropped half-way, or has failed, the watch is over.
    ///
    /// # Errors
    ///
    /// Those of `permitted`; and each [`IssueError`] that no waiting mends, which are all but
    /// [`IssueError::Flight`].
    pub async fn next<E: From<IssueError>>(
        &mut self,
        permitted: impl Fn() -> Result<Arc<Credential>, E>,
    ) -> Result<News, E> {
        loop {
            let credential = permitted()?;
            let Some(news) = self.look(&credential).await? else {
                self.wait().await;
                continue;
            };
            // A credential that was changed meanwhile is looked at again.
            if permitted()?.revision == credential.revision {
                self.told.note(&news);
                return Ok(news);
            }
        }
    }

    /// What there is to tell that was not told yet.
    async fn look(&mut self, credential: &Arc<Credential>) -> Result<Option<News>, IssueError> {
        // Followed before it is looked at: what happens in between is seen at the next look.
        self.credentials.mark_unchanged();
        self.follow(credential);
        let query = IssueQuery { min_remaining: self.min_remaining, ..IssueQuery::default() };
        let answer = self.issuer.issue(credential, query).await;
        let now = self.issuer.0.now();
        match answer {
            Ok(issued) => Ok(self.look_at(issued, &now)),
            Err(IssueError::Flight { error, retry_after }) => {
                let wait = retry_after.unwrap_or(LOOK_EVERY).clamp(LOOK_PAUSE, LOOK_EVERY);
                self.look_again = now.monotonic + wait;
                let news = IssueError::Flight { error, retry_after };
                Ok(self.problem(news, &now))
            }
            Err(error) => Err(error),
        }
    }

    fn look_at(&mut self, issued: Issued, now: &Now) -> Option<News> {
        let fit_for = issued.token.fit_for(self.min_remaining, now);
        self.look_again = now.monotonic + (fit_for + LOOK_LATE).min(LOOK_EVERY);
        let standing = self.issuer.standing(&issued.version);
        let failing = standing.failing.as_ref();
        let healed = failing.is_none() && self.told.problem.is_some();
        if healed || self.told.token.as_ref() != Some(&key(&issued)) {
            if failing.is_some() {
                // The problem is the next news.
                self.look_again = now.monotonic;
            }
            return Some(News::Token(issued));
        }
        // A renewal ahead of time failed, and the token serves on.
        let error = Arc::clone(&failing?.error);
        let retry_after = standing.held(now).map(|(_, left)| left);
        self.problem(IssueError::Flight { error, retry_after }, now)
    }

    fn problem(&self, error: IssueError, now: &Now) -> Option<News> {
        let known = self.told.problem == Some(in_words(&error));
        (!known).then_some(News::Problem { error, time: now.wall })
    }

    /// Follows the account that serves now.
    fn follow(&mut self, credential: &Credential) {
        let serving = credential.active().map(|version| version.account);
        if let Some((account, changes)) = &mut self.account
            && serving == Some(*account)
            && changes.has_changed().is_ok()
        {
            changes.mark_unchanged();
            return;
        }
        self.account = serving.and_then(|account| {
            let slot = self.issuer.0.accounts.slot(&account).ok()?;
            Some((account, slot.follow()))
        });
    }

    /// Waits until there may be something new.
    async fn wait(&mut self) {
        let Self { credentials, account, look_again, .. } = self;
        let account_changed = async {
            match account {
                // An error means that the account is forgotten: the next look finds another.
                Some((_, changes)) => drop(changes.changed().await),
                None => pending().await,
            }
        };
        let credential_changed = async {
            // The vault lives as long as the issuer, which is here.
            if credentials.changed().await.is_err() {
                pending().await
            }
        };
        tokio::select! {
            () = account_changed => {}
            () = credential_changed => {}
            () = sleep_until(*look_again) => {}
        }
    }
}

impl Told {
    fn note(&mut self, news: &News) {
        match news {
            News::Token(issued) => *self = Self { token: Some(key(issued)), problem: None },
            News::Problem { error, .. } => self.problem = Some(in_words(error)),
        }
    }
}

fn key(issued: &Issued) -> (String, u32) {
    (issued.token.id.clone(), issued.version.number.get())
}

/// Two problems that read the same are the same to a watcher.
fn in_words(error: &IssueError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    cause.unwrap_or_else(|| error.to_string())
}

/// How often a watcher looks though nothing was heard: the wall clock may have been moved, and a
/// machine that was suspended stops the clock that wakes us. Less than any token's margin of 60 s.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Between two attempts that fail at once.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Timers are no finer.
const LOOK_LATE: Duration = Duration::from_millis(1);
