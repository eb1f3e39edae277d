//! `ionvault delete`.

use clap::Args;

use super::precondition::Precondition;
use super::session::Subject;
use super::{Connection, Format, show};
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::DeleteCredentialRequest;

/// Delete a credential; it can be undeleted
///
/// No token is issued from it any more. Tokens issued before live on at Infor until they expire.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault delete acme/infor
  ionvault list acme --deleted")]
pub(in crate::cli) struct Delete {
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

pub(super) async fn run(delete: Delete, output: &mut Output<'_>) -> Result<(), Failure> {
    let Delete { name, precondition, format, connection } = delete;
    let session = connection.open().await?;
    let request_id = precondition.request_id()?;
    let subject = Subject::change(&name, &request_id);
    let request = DeleteCredentialRequest {
        name: name.to_string(),
        etag: precondition.etag.unwrap_or_default(),
        request_id,
    };
    let answer = session
        .call(&subject, output, async || {
            session.credentials().delete_credential(session.request(request.clone())).await
        })
        .await?;
    let headline = format!(
        "Deleted: {} issues no tokens any more. To take that back: ionvault undelete {}",
        subject.name, subject.name
    );
    show::print(answer.credential, Some(&headline), format, output)
}
