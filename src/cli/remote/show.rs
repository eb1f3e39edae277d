//! `ionvault show`, and how every command prints one credential.

use clap::Args;

use super::json::CredentialAnswer;
use super::session::Subject;
use super::{Connection, Form, Format, sheet};
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::{Credential, GetCredentialRequest};

/// Describe a credential: what its file says, without the secrets
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault show acme/infor
  ionvault show tenants/acme/credentials/infor --output json | jq -r .credential.etag")]
pub(in crate::cli) struct Show {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(show: Show, output: &mut Output<'_>) -> Result<(), Failure> {
    let Show { name, format, connection } = show;
    let session = connection.open().await?;
    let request = GetCredentialRequest { name: name.to_string() };
    let answer = session
        .call(&Subject::of(&name), output, async || {
            session.credentials().get_credential(session.request(request.clone())).await
        })
        .await?;
    print(answer.credential, None, format, output)
}

/// Prints a credential, below a headline that only people get.
pub(super) fn print(
    credential: Option<Credential>,
    headline: Option<&str>,
    format: Format,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let credential = credential.unwrap_or_default();
    match format.output {
        Form::Json => output.json(&CredentialAnswer::from(&credential))?,
        Form::Table => {
            if let Some(headline) = headline {
                output.line(headline)?;
                output.line("")?;
            }
            output.table(&sheet::of_credential(&credential))?;
        }
    }
    Ok(())
}
