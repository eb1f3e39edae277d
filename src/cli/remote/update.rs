//! `ionvault update`.

use std::collections::HashMap;

use clap::{ArgGroup, Args};
use prost_types::FieldMask;

use super::session::Subject;
use super::{Connection, Format, show};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::labels::{self, Label};
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::{Credential, UpdateCredentialRequest};

/// Set and remove labels of a credential
///
/// Labels that are not named stay as they are.
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("change").args(["labels", "removed"]).required(true).multiple(true),
    after_help = "\
Examples:
  ionvault update acme/infor --label environment=prd --label owner=finance
  ionvault update acme/infor --remove-label owner")]
pub(in crate::cli) struct Update {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    /// A label to set; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = labels::label)]
    labels: Vec<Label>,

    /// A label to remove; may be given several times
    #[arg(id = "removed", long = "remove-label", value_name = "KEY", value_parser = labels::key)]
    removed: Vec<String>,

    /// Change it only if it still has this etag (see `ionvault show`)
    #[arg(long, value_name = "ETAG", help_heading = "Safety")]
    etag: Option<String>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(update: Update, output: &mut Output<'_>) -> Result<(), Failure> {
    let Update { name, labels, removed, etag, format, connection } = update;
    let usage = |what: String| Failure::new(Exit::Usage, what, "give each label once");
    let labels = labels::collect(labels).map_err(usage)?;
    if let Some(key) = removed.iter().find(|key| labels.contains_key(*key)) {
        return Err(usage(format!("label `{key}` is to be set and removed")));
    }
    // A key in the mask without a value in the message is a removal.
    let paths = labels.keys().chain(&removed).map(|key| format!("labels.{key}")).collect();
    let request = UpdateCredentialRequest {
        credential: Some(Credential {
            name: name.to_string(),
            etag: etag.unwrap_or_default(),
            labels: labels.into_iter().collect::<HashMap<_, _>>(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask { paths }),
    };
    let session = connection.open().await?;
    let subject = Subject::of(&name);
    let answer = session
        .call(&subject, output, async || {
            session.credentials().update_credential(session.request(request.clone())).await
        })
        .await?;
    let headline = format!("Updated the labels of {}.", subject.name);
    show::print(answer.credential, Some(&headline), format, output)
}
