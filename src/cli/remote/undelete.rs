//! `ionvault undelete`.

use clap::Args;

use super::precondition::Precondition;
use super::session::Subject;
use super::{Connection, Format, show};
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::UndeleteCredentialRequest;

/// Take the deletion of a credential back
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault undelete acme/infor")]
pub(in crate::cli) struct Undelete {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    #[command(flatten)]
    precondition: Precondition,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(undelete: Undelete, output: &mut Output<'_>) -> Result<(), Failure> {
    let Undelete { name, precondition, format, connection } = undelete;
    let session = connection.open().await?;
    let request_id = precondition.request_id()?;
    let subject = Subject::change(&name, &request_id);
    let request = UndeleteCredentialRequest {
        name: name.to_string(),
        etag: precondition.etag.unwrap_or_default(),
        request_id,
    };
    let answer = session
        .call(&subject, output, async || {
            session.credentials().undelete_credential(session.request(request.clone())).await
        })
        .await?;
    let headline = format!("Undeleted: {} issues tokens again.", subject.name);
    show::print(answer.credential, Some(&headline), format, output)
}
