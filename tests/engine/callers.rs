//! Those who ask for tokens: they come, ask, report, give up, go.

use std::sync::Arc;
use std::time::Duration;

use ionvault::model::Credential;
use ionvault::tokens::{FlightError, IssueError, IssueQuery, Issued};

use super::fleet::Fleet;
use super::ledger::Visitor;
use super::life::Life;

/// What one caller wants.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) member: usize,
    pub(crate) min_remaining: Option<Duration>,
    pub(crate) reports: Reports,
    pub(crate) patience: Duration,
}

/// Which token a caller saw refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reports {
    Nothing,
    /// The newest that anybody was given.
    Newest,
    AnOldOne,
}

/// What came of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Token,
    Refused,
    GaveUp,
    /// There is no such credential, or it is deleted.
    Nothing,
}

/// Longer than any flight may take; who has this much patience must be answered.
pub(crate) const PATIENCE_MAX: Duration = Duration::from_secs(120);

impl Call {
    /// Somebody who wants a token and has time.
    pub(crate) const fn plain(member: usize) -> Self {
        Self { member, min_remaining: None, reports: Reports::Nothing, patience: PATIENCE_MAX }
    }

    /// Somebody who saw the newest token refused.
    pub(crate) const fn report(member: usize) -> Self {
        Self { reports: Reports::Newest, ..Self::plain(member) }
    }

    pub(crate) async fn make(self, life: &Arc<Life>) -> Outcome {
        let member = &life.fleet.credentials[self.member];
        let Ok(Some(credential)) = life.vault.find(&member.name) else { return Outcome::Nothing };
        let login = login_of(&credential);
        let visit = life.next_visit();
        let place = (member.tenant, login);
        let newest = life.ledger.newest(place);
        let rejected = match self.reports {
            Reports::Nothing => None,
            Reports::Newest => newest.clone(),
            Reports::AnOldOne => Some("0123456789abcdef".to_owned()),
        };
        let reports_newest = rejected.is_some() && rejected == newest;
        let visitor = life.ledger.arrives(place, self.min_remaining, reports_newest, visit);
        if let Some(asked) = self.min_remaining {
            life.world.note(format_args!("a caller of login {login} asks for {asked:?}"));
        }
        if reports_newest {
            life.world.note(format_args!("a caller of login {login} reports the newest token"));
        }
        let query = IssueQuery { min_remaining: self.min_remaining, rejected: rejected.as_deref() };
        let issue = life.issuer.issue(&credential, query);
        let answer = tokio::time::timeout(self.patience, issue).await;
        life.ledger.leaves(&visitor, answer.is_err());
        if life.world.is_dead() {
            return Outcome::GaveUp;
        }
        match answer {
            Ok(Ok(issued)) => {
                check(life, &visitor, &credential, &issued);
                Outcome::Token
            }
            Ok(Err(IssueError::Deleted)) => Outcome::Nothing,
            Ok(Err(error)) => {
                refused(life, &visitor, &error);
                Outcome::Refused
            }
            Err(_) => {
                if self.patience >= PATIENCE_MAX {
                    life.world.broken(format_args!("a caller of login {login} got no answer"));
                }
                Outcome::GaveUp
            }
        }
    }
}

/// The log-in of the version that serves.
pub(crate) fn login_of(credential: &Credential) -> usize {
    Fleet::login_named(&credential.active().unwrap().facts.application_name)
}

fn check(life: &Life, visitor: &Visitor, credential: &Credential, issued: &Issued) {
    let Issued { token, version } = issued;
    if version.number != credential.active_version {
        life.world.broken(format_args!("a token of another version than the active one"));
    }
    let Some(known) = life.infor.token(&token.token) else {
        life.world.broken(format_args!("a token that Infor did not give out"));
        return;
    };
    life.infor.answer_used(known);
    life.ledger.given(visitor, known, &token.id, token.expire_time);
}

fn refused(life: &Life, visitor: &Visitor, error: &IssueError) {
    let login = visitor.login;
    let broken =
        |what: &str| life.world.broken(format_args!("a caller of login {login} is told: {what}"));
    match error {
        IssueError::Flight { error, .. } => {
            life.world.note(format_args!("a caller of login {login} is refused: {error}"));
            match **error {
                FlightError::Abandoned
                | FlightError::Random(_)
                | FlightError::Seal(_)
                | FlightError::SealBudget(_)
                | FlightError::Key(_)
                | FlightError::TooManyAccounts
                | FlightError::Host(_)
                | FlightError::Address(_)
                | FlightError::NoEndpoint => broken(&error.to_string()),
                FlightError::Open(_)
                | FlightError::AuthorizationRequired
                | FlightError::Refused { .. }
                | FlightError::Unavailable { .. }
                | FlightError::Throttled { .. }
                | FlightError::Misbehaved(_)
                | FlightError::ShortLived
                | FlightError::Server(_)
                | FlightError::Budget(_)
                | FlightError::Store(_)
                | FlightError::AskAgain => {
                    life.ledger.refused(visitor, error.is_definite(), format_args!("{error}"))
                }
            }
        }
        IssueError::LifetimeTooLong(most) => {
            let tokens_live = life.fleet.client_of(login).life;
            if *most != tokens_live / 2 || visitor.asked.is_none_or(|asked| asked <= *most) {
                broken(&format!("{:?} is too long, {most:?} is the most", visitor.asked));
            }
        }
        IssueError::Deleted | IssueError::NoActiveVersion | IssueError::OtherTenant => {
            broken(&error.to_string());
        }
    }
}
