//! `ionvault upload`.

use clap::Args;

use super::json::UploadAnswer;
use super::precondition::Precondition;
use super::read_file::{self, Source};
use super::session::Subject;
use super::{Connection, Form, Format, sheet};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::labels::{self, Label};
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::{UploadCredentialRequest, UploadCredentialResponse};
use crate::secret::Secret;

/// Keep an ION API file, encrypted, as the next version of a credential
///
/// Creates the credential if there is none. The new version serves from then on. Uploading a file
/// that is kept already changes nothing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault upload acme/infor DocBits_PRD.ionapi --label environment=prd
  ionvault upload acme/infor DocBits_PRD.ionapi --validate-only
  ionvault upload acme/infor onprem.ionapi --ca-certificates infor-ca.pem
  get-the-file | ionvault upload acme/infor -")]
pub(in crate::cli) struct Upload {
    /// Credential to create or to give another version, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    /// The file as downloaded from Infor, at most 64 KiB; - for standard input
    file: Source,

    /// Certificates (PEM, at most 32 KiB) of the CA of an on-premises authorization server
    #[arg(long, value_name = "FILE")]
    ca_certificates: Option<Source>,

    /// A label of the credential; may be given several times. Replaces the labels it has
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = labels::label)]
    labels: Vec<Label>,

    /// The person behind the upload, for the record
    #[arg(long, value_name = "PERSON")]
    requested_by: Option<String>,

    /// Run every check and store nothing
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    precondition: Precondition,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

/// `UploadCredentialRequest.ion_api_file`.
const ION_API_FILE_BYTES_MAX: u64 = 64 * 1024;

/// `UploadCredentialRequest.ca_certificates`.
const CA_CERTIFICATES_BYTES_MAX: u64 = 32 * 1024;

pub(super) async fn run(upload: Upload, output: &mut Output<'_>) -> Result<(), Failure> {
    let Upload {
        name,
        file,
        ca_certificates,
        labels,
        requested_by,
        validate_only,
        precondition,
        format,
        connection,
    } = upload;
    if file == Source::StandardInput && ca_certificates == Some(Source::StandardInput) {
        let next = "give one of them as a file";
        return Err(Failure::new(Exit::Usage, "standard input cannot be read twice", next));
    }
    let labels = labels::collect(labels)
        .map_err(|what| Failure::new(Exit::Usage, what, "give each label once"))?;
    let file = read_file::bounded(&file, ION_API_FILE_BYTES_MAX)?;
    let ca_certificates = match ca_certificates {
        Some(source) => read_file::bounded(&source, CA_CERTIFICATES_BYTES_MAX)?,
        None => Secret::from(Vec::new()),
    };
    let session = connection.open().await?;
    let request_id = precondition.request_id()?;
    // Each attempt takes a copy that tonic does not wipe; ours is wiped when this returns.
    let request = || UploadCredentialRequest {
        name: name.to_string(),
        ion_api_file: file.expose().to_vec(),
        ca_certificates: ca_certificates.expose().to_vec(),
        labels: labels.clone().into_iter().collect(),
        etag: precondition.etag.clone().unwrap_or_default(),
        request_id: request_id.clone(),
        validate_only,
        requested_by: requested_by.clone().unwrap_or_default(),
    };
    let subject = Subject::change(&name, &request_id);
    let answer = session
        .call(&subject, output, async || {
            session.credentials().upload_credential(session.request(request())).await
        })
        .await?;
    let UploadCredentialResponse { credential, version, added } = answer;
    let credential = credential.unwrap_or_default();
    match format.output {
        Form::Json => output.json(&UploadAnswer::new(&credential, version, added))?,
        Form::Table => {
            let name = &subject.name;
            output.line(&match (validate_only, added) {
                (true, true) => format!("The file is good: it would become version {version} of {name}. Nothing was stored."),
                (true, false) => format!("The file is good: {name} holds it already, as version {version}. Nothing was stored."),
                (false, true) => format!("Uploaded: version {version} of {name} serves from now on."),
                (false, false) => format!("Nothing to do: {name} holds this file already, as version {version}."),
            })?;
            if !added && credential.active_version != version {
                let active = credential.active_version;
                output.line(&format!(
                    "Version {active} serves; to change that: ionvault activate {name} {version}"
                ))?;
            }
            output.line("")?;
            output.table(&sheet::of_credential(&credential))?;
        }
    }
    Ok(())
}
