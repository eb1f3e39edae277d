//! `ionvault revoke`.

use clap::Args;

use super::json::RevokeAnswer;
use super::session::Subject;
use super::{Connection, Form, Format};
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::RevokeTokensRequest;
use crate::pb::v1::revoke_tokens_response::Revocation;

/// Give the tokens of a credential back to Infor and forget them
///
/// For when a token may be in wrong hands; those of all versions go. The next token is a new log-in; an app that a person
/// authorized must be authorized again. Other credentials made from the same file share the tokens
/// and lose them, too. Infor usually cannot recall an access token that is out: it lives until it
/// expires.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault revoke acme/infor")]
pub(in crate::cli) struct Revoke {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(revoke: Revoke, output: &mut Output<'_>) -> Result<(), Failure> {
    let Revoke { name, format, connection } = revoke;
    let session = connection.open().await?;
    let subject = Subject::of(&name);
    let request = RevokeTokensRequest { name: name.to_string() };
    let answer = session
        .call(&subject, output, async || {
            session.tokens().revoke_tokens(session.request(request.clone())).await
        })
        .await?;
    match format.output {
        Form::Json => output.json(&RevokeAnswer::from(&answer))?,
        Form::Table => {
            let name = subject.name;
            output.line(&match answer.revocation() {
                Revocation::None => format!("Nothing to do: the vault holds no token of {name}."),
                Revocation::Done => format!("Revoked: the tokens of {name} are forgotten, and Infor has confirmed it."),
                Revocation::Unsupported => format!("Revoked: the tokens of {name} are forgotten. This Infor takes none back: those that are out live until they expire."),
                Revocation::Pending | Revocation::Unspecified => format!("Revoked: the tokens of {name} are forgotten. Infor is being told in the background."),
            })?;
        }
    }
    Ok(())
}
