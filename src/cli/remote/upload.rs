//! `ionvault upload`.

use clap::{Args, ValueEnum};

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
use crate::pb::v1::upload_credential_request as v1;
use crate::pb::v1::{UploadCredentialRequest, UploadCredentialResponse};
use crate::secret::Secret;

/// Keep an ION API file, encrypted, as the next version of a credential
///
/// Creates the credential if there is none. Before that, Infor is asked for a token with the file: a
/// file that Infor refuses is not kept, and one that it accepts serves from then on. Uploading a
/// file that is kept already changes nothing.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault upload acme/infor DocBits_PRD.ionapi --label environment=prd
  ionvault upload acme/infor DocBits_PRD.ionapi --validate-only --verification required
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

    /// Whether Infor is asked for a token with the file first
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Verification::BestEffort)]
    verification: Verification,

    /// Run every check that needs no Infor and store nothing; with --verification required, ask Infor
    /// too
    #[arg(long)]
    validate_only: bool,

    #[command(flatten)]
    precondition: Precondition,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Verification {
    /// Refuse what Infor refuses; keep the file if Infor cannot be asked now
    BestEffort,
    /// Keep the file only if Infor issues a token
    Required,
    /// Do not ask
    Skip,
}

impl From<Verification> for v1::Verification {
    fn from(verification: Verification) -> Self {
        match verification {
            Verification::BestEffort => Self::BestEffort,
            Verification::Required => Self::Required,
            Verification::Skip => Self::Skip,
        }
    }
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
        verification,
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
        verification: v1::Verification::from(verification).into(),
    };
    let subject = Subject::change(&name, &request_id);
    let answer = session
        .call(&subject, output, async || {
            session.credentials().upload_credential(session.request(request())).await
        })
        .await?;
    let credential = answer.credential.clone().unwrap_or_default();
    match format.output {
        Form::Json => output.json(&UploadAnswer::new(&credential, &answer))?,
        Form::Table => {
            for line in headlines(&answer, &subject.name, validate_only) {
                output.line(&line)?;
            }
            output.line("")?;
            if let Some(diagnosis) = &answer.diagnosis {
                output.table(&sheet::of_diagnosis(diagnosis))?;
                output.line("")?;
            }
            output.table(&sheet::of_credential(&credential))?;
        }
    }
    Ok(())
}

/// What happened, and what is left to do.
fn headlines(answer: &UploadCredentialResponse, name: &str, validate_only: bool) -> Vec<String> {
    let UploadCredentialResponse { credential, version, added, diagnosis: _, activated } = answer;
    let mut lines = vec![match (validate_only, added, activated) {
        (true, true, _) => format!(
            "The file is good: it would become version {version} of {name}. Nothing was stored."
        ),
        (true, false, _) => format!(
            "The file is good: {name} holds it already, as version {version}. Nothing was stored."
        ),
        (false, true, true) => format!("Uploaded: version {version} of {name} serves from now on."),
        (false, true, false) => format!(
            "Uploaded: {name} holds the file as version {version}, which does not serve yet: Infor has not accepted it."
        ),
        (false, false, _) => {
            format!("Nothing to do: {name} holds this file already, as version {version}.")
        }
    }];
    if !validate_only && !activated {
        let active = credential.as_ref().map_or(0, |credential| credential.active_version);
        lines.push(format!(
            "Version {active} serves; to change that: ionvault test {name} {version} && ionvault \
             activate {name} {version}"
        ));
    }
    lines
}
