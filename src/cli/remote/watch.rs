//! `ionvault watch`.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tonic::{Status, Streaming};

use super::session::{Session, Subject, retry_delay};
use super::token::min_remaining;
use super::{Connection, Form, Format, json, refusal, sheet};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::{duration, names};
use crate::model::CredentialName;
use crate::pb::v1::watch_token_response::Event;
use crate::pb::v1::{IssueTokenResponse, TokenProblem, WatchTokenRequest, WatchTokenResponse};

/// Follow the access tokens of a credential
///
/// Prints a line for the token that serves, for each next one before it ends, and for what keeps
/// the vault from getting one, until it is stopped. The tokens themselves are printed only with
/// --output json: one object per line, each with a "token" or a "problem".
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault watch acme/infor
  ionvault watch acme/infor --output json | while read -r event; do handle \"$event\"; done")]
pub(in crate::cli) struct Watch {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    /// How long before its end a token is followed by the next one at the latest, at most half the
    /// life of the credential's tokens [default: 60s, decided by the vault]
    #[arg(long, value_name = "DURATION", value_parser = min_remaining)]
    min_remaining: Option<Duration>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(watch: Watch, output: &mut Output<'_>) -> Result<(), Failure> {
    let Watch { name, min_remaining, format, connection } = watch;
    let session = connection.open().await?;
    let request = WatchTokenRequest {
        name: name.to_string(),
        min_remaining: min_remaining.and_then(|least| least.try_into().ok()),
    };
    let subject = Subject::of(&name);
    loop {
        let mut events =
            session.call(&subject, output, async || begin(&session, &request).await).await?;
        let ended = follow(&mut events, format.output, output).await?;
        // An old connection, or a vault that stops: it says when to call again.
        let Some(delay) = retry_delay(&ended) else {
            return Err(refusal::refused(&ended, &subject, &session));
        };
        let shown = duration::show(delay);
        output.note(&format!("note: {}; watching again in {shown}", ended.message()))?;
        tokio::time::sleep(delay).await;
    }
}

/// The time limit is for the beginning; the stream itself has none, so the vault (and whatever
/// stands between) is not told one.
async fn begin(
    session: &Session,
    request: &WatchTokenRequest,
) -> Result<tonic::Response<Streaming<WatchTokenResponse>>, Status> {
    let mut client = session.tokens();
    let begin = client.watch_token(session.lasting(request.clone()));
    let begun = tokio::time::timeout(session.timeout, begin).await;
    begun.unwrap_or_else(|_elapsed| Err(Status::deadline_exceeded("no answer")))
}

/// Prints the events until the stream ends, which it never does without saying why.
async fn follow(
    events: &mut Streaming<WatchTokenResponse>,
    form: Form,
    output: &mut Output<'_>,
) -> Result<Status, Failure> {
    loop {
        let event = match events.message().await {
            Ok(Some(message)) => message.event,
            Ok(None) => return Ok(Status::unknown("the stream ended without a reason")),
            Err(status) => return Ok(status),
        };
        match (event, form) {
            (Some(Event::Token(token)), Form::Table) => output.line(&line_of_token(&token))?,
            (Some(Event::Problem(problem)), Form::Table) => {
                output.line(&line_of_problem(&problem))?;
            }
            (Some(Event::Token(mut token)), Form::Json) => {
                let printed = output.json_line(&Line::Token(json::Token::from(&token)));
                drop(zeroize::Zeroizing::new(std::mem::take(&mut token.access_token)));
                printed?;
            }
            (Some(Event::Problem(problem)), Form::Json) => {
                output.json_line(&Line::Problem(Problem::from(&problem)))?;
            }
            // What a newer vault tells and this program does not know.
            (None, _) => {}
        }
    }
}

fn line_of_token(token: &IssueTokenResponse) -> String {
    let expires = sheet::time(token.expire_time.as_ref());
    let IssueTokenResponse { token_id, credential_version, .. } = token;
    format!("Token {token_id} of version {credential_version}, until {expires}")
}

fn line_of_problem(problem: &TokenProblem) -> String {
    let TokenProblem { reason, message, retry_time } = problem;
    match retry_time {
        Some(time) => {
            let again = sheet::time(Some(time));
            format!("Problem {reason}: {message}; the vault tries again at {again}")
        }
        None => format!("Problem {reason}: {message}"),
    }
}

/// One event for programs: `WatchTokenResponse` in proto3 JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Line<'a> {
    Token(json::Token<'a>),
    Problem(Problem<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    reason: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_time: Option<String>,
}

impl<'a> From<&'a TokenProblem> for Problem<'a> {
    fn from(problem: &'a TokenProblem) -> Self {
        Self {
            reason: &problem.reason,
            message: &problem.message,
            retry_time: problem.retry_time.as_ref().and_then(sheet::timestamp),
        }
    }
}
