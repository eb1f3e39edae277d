//! `ionvault test`.

use clap::Args;

use super::json::DiagnosisAnswer;
use super::session::Subject;
use super::{Connection, Form, Format, sheet};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::{CredentialName, VersionName, VersionNumber};
use crate::pb::v1::diagnosis::{Verdict, finding::Severity};
use crate::pb::v1::{Diagnosis, TestCredentialRequest};

/// Ask Infor for a token now, and say what is wrong if there is none
///
/// Asks with the file's own log-in, whatever was kept or refused before, and counts against Infor's
/// limits. The token is kept and serves from then on. After a change in Infor, this has a refused
/// credential serve again.
///
/// The exit code is 0 only if Infor issued a token: 5 if it refused, 6 if it cannot be asked now.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault test acme/infor
  ionvault test acme/infor 3 && ionvault activate acme/infor 3
  ionvault test acme/infor --output json | jq -r '.diagnosis.findings[].message'")]
pub(in crate::cli) struct Test {
    /// Credential, such as acme/infor
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    /// Number of the version (see `ionvault versions`); the active one if left out
    version: Option<VersionNumber>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(test: Test, output: &mut Output<'_>) -> Result<(), Failure> {
    let Test { name, version, format, connection } = test;
    let session = connection.open().await?;
    let subject = Subject::of(&name);
    let name = match version {
        Some(version) => VersionName { credential: name, version }.to_string(),
        None => name.to_string(),
    };
    let request = TestCredentialRequest { name };
    let answer = session
        .call(&subject, output, async || {
            session.credentials().test_credential(session.request(request.clone())).await
        })
        .await?;
    let diagnosis = answer.diagnosis.unwrap_or_default();
    match format.output {
        Form::Json => output.json(&DiagnosisAnswer::from(&diagnosis))?,
        Form::Table => output.table(&sheet::of_diagnosis(&diagnosis))?,
    }
    judged(&diagnosis, &subject)
}

/// The exit code, and what to do next; what is wrong was printed.
fn judged(diagnosis: &Diagnosis, subject: &Subject) -> Result<(), Failure> {
    let name = &subject.name;
    let (exit, next) = match diagnosis.verdict() {
        Verdict::Accepted => return Ok(()),
        Verdict::Refused => (
            Exit::RefusedByInfor,
            format!(
                "change in Infor what the advice says, then `ionvault test {name}` again, or upload \
                 the new file: `ionvault upload {name} FILE`"
            ),
        ),
        Verdict::Unavailable | Verdict::BudgetExhausted => {
            (Exit::Unavailable, format!("run `ionvault test {name}` again later"))
        }
        Verdict::Misbehaved => (
            Exit::Unavailable,
            "check the address in the file; tell an operator of the vault if it stays so"
                .to_owned(),
        ),
        Verdict::AuthorizationRequired => {
            (Exit::Failed, format!("have a person authorize the app: `ionvault authorize {name}`"))
        }
        Verdict::HostNotAllowed => (
            Exit::Failed,
            "ask an operator of the vault to approve the host in its configuration".to_owned(),
        ),
        Verdict::Unspecified => (Exit::Failed, super::advice::OTHER_VERSION.to_owned()),
    };
    let cause = diagnosis.findings.iter().find(|found| found.severity() == Severity::Error);
    let what = cause.map_or("there is no token", |finding| &finding.message);
    Err(Failure::new(exit, what, next))
}
