//! `ionvault token`.

use std::time::Duration;

use clap::Args;
use zeroize::Zeroizing;

use super::session::Subject;
use super::{Connection, Form, Format, json, sheet};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::table::Table;
use crate::cli::{duration, names};
use crate::model::CredentialName;
use crate::pb::v1::{IssueTokenRequest, IssueTokenResponse};

/// Get an access token of a credential
///
/// Prints what there is to know about the token, but not the token itself, unless --raw, --header
/// or --output json asks for it: what is printed by default should be fit for a screen that others
/// see. Asked for, it is printed wherever the output goes, a terminal too.
///
/// Do not write the token into a command line, where every process of the machine can read it:
/// hand it over on standard input, as in the examples.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault token acme/infor
  ionvault token acme/infor --header | curl --header @- \"$API_BASE_URL/M3/m3api-rest/v2/execute\"
  ionvault token acme/infor --min-remaining 10m --output json | jq -r .expireTime")]
pub(in crate::cli) struct Token {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    /// How long the token must live at least, at most half the life of the credential's tokens
    /// [default: 60s, decided by the vault]
    #[arg(long, value_name = "DURATION", value_parser = min_remaining)]
    min_remaining: Option<Duration>,

    /// Id of a token that Infor answered with 401: get another one. Not more than once a minute
    #[arg(long, value_name = "TOKEN_ID")]
    rejected: Option<String>,

    /// Print the token and nothing else
    #[arg(long, conflicts_with_all = ["header", "output"])]
    raw: bool,

    /// Print the HTTP header that carries the token, for `curl --header @-`
    #[arg(long, conflicts_with = "output")]
    header: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

/// `IssueTokenRequest.min_remaining`.
const MIN_REMAINING_MAX: Duration = Duration::from_secs(24 * 3600);

pub(super) fn min_remaining(text: &str) -> Result<Duration, String> {
    let duration = duration::parse(text)?;
    if duration <= MIN_REMAINING_MAX { Ok(duration) } else { Err("expected 0s to 24h".to_owned()) }
}

pub(super) async fn run(token: Token, output: &mut Output<'_>) -> Result<(), Failure> {
    let Token { name, min_remaining, rejected, raw, header, format, connection } = token;
    let session = connection.open().await?;
    let request = IssueTokenRequest {
        name: name.to_string(),
        min_remaining: min_remaining.map(|duration| prost_types::Duration {
            // At most 86,400, and whole seconds: the parser knows nothing else.
            seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            nanos: 0,
        }),
        rejected_token_id: rejected.unwrap_or_default(),
    };
    let subject = Subject::of(&name);
    let mut answer = session
        .call(&subject, output, async || {
            session.tokens().issue_token(session.request(request.clone())).await
        })
        .await?;
    if format.output == Form::Json {
        let printed = output.json(&json::Token::from(&answer));
        wipe(&mut answer);
        return Ok(printed?);
    }
    let secret = wipe(&mut answer);
    if raw {
        output.verbatim(&with_line_end("", &secret))?;
    } else if header {
        output.verbatim(&with_line_end("Authorization: Bearer ", &secret))?;
    } else {
        output.table(&facts(&answer))?;
        output.line("")?;
        let name = subject.name;
        output.line("The token itself is not shown. To use it:")?;
        output.line(&format!("  ionvault token {name} --header | curl --header @- URL"))?;
    }
    Ok(())
}

/// Takes the token out of the answer, into memory that is wiped.
fn wipe(answer: &mut IssueTokenResponse) -> Zeroizing<String> {
    Zeroizing::new(std::mem::take(&mut answer.access_token))
}

/// In one buffer of its final size, so that one write prints it and one wipe forgets it.
fn with_line_end(before: &str, token: &str) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(before.len() + token.len() + 1));
    line.extend_from_slice(before.as_bytes());
    line.extend_from_slice(token.as_bytes());
    line.push(b'\n');
    line
}

fn facts(answer: &IssueTokenResponse) -> Table {
    let mut table = Table::of_facts();
    table.fact("Token id", &answer.token_id);
    table.fact("Expires", sheet::time(answer.expire_time.as_ref()));
    table.fact("Type", &answer.token_type);
    table.fact("API base URL", &answer.api_base_url);
    table.fact("Infor tenant", &answer.infor_tenant);
    table.fact("Client id", &answer.client_id);
    table.fact("Scopes", answer.scopes.join(" "));
    table.fact("From version", answer.credential_version.to_string());
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_one_can_ask_for_more_than_a_day() {
        assert_eq!(min_remaining("24h"), Ok(MIN_REMAINING_MAX));
        assert!(min_remaining("24h1s").is_err());
        assert!(min_remaining("-1s").is_err());
    }
}
