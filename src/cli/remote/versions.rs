//! `ionvault versions`.

use clap::Args;

use super::advice::OTHER_VERSION;
use super::json::VersionsAnswer;
use super::session::Subject;
use super::{Connection, Form, Format, sheet};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::ListCredentialVersionsRequest;

/// List the versions of a credential, newest first
///
/// At most 10 are kept. `ionvault activate` chooses the one that serves.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault versions acme/infor
  ionvault versions acme/infor --output json")]
pub(in crate::cli) struct Versions {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

/// A credential has at most 10 versions, so this is one page, unless the vault sends less.
const PAGE_SIZE: i32 = 100;

/// More pages than versions are possible, even one at a time.
const PAGES_MAX: usize = 20;

pub(super) async fn run(versions: Versions, output: &mut Output<'_>) -> Result<(), Failure> {
    let Versions { name, format, connection } = versions;
    let session = connection.open().await?;
    let subject = Subject::of(&name);
    let mut all = Vec::new();
    let mut page_token = String::new();
    for _page in 0..PAGES_MAX {
        let request = ListCredentialVersionsRequest {
            parent: name.to_string(),
            page_size: PAGE_SIZE,
            page_token,
        };
        let page = session
            .call(&subject, output, async || {
                let request = session.request(request.clone());
                session.credentials().list_credential_versions(request).await
            })
            .await?;
        all.extend(page.credential_versions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            match format.output {
                Form::Json => output.json(&VersionsAnswer::from(all.as_slice()))?,
                Form::Table => output.table(&sheet::of_versions(&all))?,
            }
            return Ok(());
        }
    }
    Err(Failure::new(Exit::Failed, "the list of versions does not end", OTHER_VERSION))
}
