//! `ionvault activate`.

use clap::Args;

use super::precondition::Precondition;
use super::session::Subject;
use super::{Connection, Format, show};
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::{CredentialName, VersionName, VersionNumber};
use crate::pb::v1::ActivateCredentialVersionRequest;

/// Make another version of a credential the one that serves
///
/// Tokens are issued from it at once; those issued before live on until they expire.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault activate acme/infor 2
  ionvault activate acme/infor 1 --etag \"$(ionvault show acme/infor -o json | jq -r .credential.etag)\"")]
pub(in crate::cli) struct Activate {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    /// Number of the version (see `ionvault versions`)
    version: VersionNumber,

    #[command(flatten)]
    precondition: Precondition,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(activate: Activate, output: &mut Output<'_>) -> Result<(), Failure> {
    let Activate { name, version, precondition, format, connection } = activate;
    let session = connection.open().await?;
    let request_id = precondition.request_id()?;
    let subject = Subject::change(&name, &request_id);
    let request = ActivateCredentialVersionRequest {
        name: VersionName { credential: name, version }.to_string(),
        etag: precondition.etag.unwrap_or_default(),
        request_id,
    };
    let answer = session
        .call(&subject, output, async || {
            let request = session.request(request.clone());
            session.credentials().activate_credential_version(request).await
        })
        .await?;
    let headline = format!("Version {version} of {} serves from now on.", subject.name);
    show::print(answer.credential, Some(&headline), format, output)
}
