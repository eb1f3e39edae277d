//! `ionvault audit`, as far as files are looked at.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::audit::{self, Finding, Report, VerifyError};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::{Form, Output, WriteError};

/// What can be done without a running vault: copied files and a public key are enough.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Audit {
    Verify(Verify),
}

/// Find out whether a copied audit log is what the vault signed
///
/// What is wrong is printed, one finding on each line, and the exit code is 1. Without --checkpoint an
/// older copy of the whole log looks sound: give the newest ones that were kept elsewhere.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault audit verify copy --verifier-key \"$(cat vault.vkey)\" --checkpoint witness/*
  ionvault audit verify copy --verifier-key \"$(cat vault.vkey)\" --output json")]
pub(in crate::cli) struct Verify {
    /// Directory of the copy; copy the file `checkpoint` first if the vault is running
    dir: PathBuf,

    /// The key that `ionvault init` printed; not one that came with the copy
    #[arg(long, value_name = "VKEY")]
    verifier_key: String,

    /// Files of checkpoints that were kept elsewhere
    #[arg(long, value_name = "FILE", num_args = 1..)]
    checkpoint: Vec<PathBuf>,

    /// For people or for programs
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Form::Table)]
    output: Form,
}

pub(in crate::cli) fn run(command: Audit, output: &mut Output<'_>) -> Result<(), Failure> {
    let Audit::Verify(Verify { dir, verifier_key, checkpoint, output: format }) = command;
    let mut witnessed = Vec::with_capacity(checkpoint.len());
    for file in checkpoint {
        let note = std::fs::read_to_string(&file).map_err(|error| {
            let what = format!("{} cannot be read", file.display());
            Failure::caused(Exit::Failed, what, &error, "name files of checkpoints")
        })?;
        witnessed.push(note);
    }
    let report = audit::verify(&dir, &verifier_key, &witnessed).map_err(|error| match error {
        VerifyError::Key(error) => {
            let next = "give it as `ionvault init` printed it";
            Failure::caused(Exit::Usage, "--verifier-key is no key", &error, next)
        }
        VerifyError::Files(error) => {
            let what = format!("the audit log in {} cannot be read", dir.display());
            let next = "name the directory of a copied audit log, and check that you may read it";
            Failure::caused(Exit::Failed, what, &error, next)
        }
    })?;
    match format {
        Form::Json => output.json(&document(&report))?,
        Form::Table => tell(&report, output)?,
    }
    if !report.is_sound() {
        let found = report.findings.len() as u64 + report.findings_left_out;
        return Err(Failure::new(
            Exit::Failed,
            format!("the audit log is not what was signed: {found} findings"),
            "keep this copy as evidence, and compare it with others",
        ));
    }
    Ok(())
}

fn tell(report: &Report, output: &mut Output<'_>) -> Result<(), WriteError> {
    for finding in &report.findings {
        output.line(&finding.to_string())?;
    }
    for note in &report.notes {
        output.note(&format!("note: {note}"))?;
    }
    if report.is_sound() {
        let Report { records, first, size, .. } = report;
        output.line(&format!(
            "Sound: {records} records from {first} on; checkpoints cover those below {size}."
        ))?;
    }
    Ok(())
}

fn document(report: &Report) -> serde_json::Value {
    let Report {
        records,
        first,
        size,
        after_checkpoint,
        checkpoints,
        findings,
        findings_left_out,
        notes,
    } = report;
    let told = |findings: &[Finding]| -> Vec<_> {
        let one = |Finding { file, sequence, what }: &Finding| json!({"file": file, "sequence": sequence, "what": what});
        findings.iter().map(one).collect()
    };
    json!({
        "sound": report.is_sound(),
        "records": records,
        "firstSequence": first,
        "treeSize": size,
        "recordsAfterCheckpoint": after_checkpoint,
        "checkpoints": checkpoints,
        "findings": told(findings),
        "findingsLeftOut": findings_left_out,
        "notes": told(notes),
    })
}
