//! `ionvault policy`.

mod workload;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::app::{
    Action, ExaminedPolicy, Explanation, OutlinedPolicy, POLICY_SCHEMA, Resource, Supposed, Unmet,
};
use crate::cli::exit::Exit;
use crate::cli::failure::{Failure, Report};
use crate::cli::labels::{self, Label};
use crate::cli::names;
use crate::cli::output::{Form, Output};
use crate::cli::table::Table;
use crate::model::{Caller, CredentialName, Labels, Parent, TenantId};
use workload::Supposition;

/// Check a policy, or explain what it permits
///
/// Works on files, without a vault.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault policy check policy.cedar --config ionvault.toml
  ionvault policy explain --caller uid:1000 --action IssueToken --resource acme/infor --file policy.cedar")]
pub(in crate::cli) struct Policy {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    Check(Check),
    Explain(Explain),
    /// Print what policies may speak of, as a Cedar schema
    Schema,
}

/// Read a policy as the vault would, and say what stands in it
#[derive(Args, Debug)]
struct Check {
    /// The policy
    file: PathBuf,
    /// The configuration, for its groups; without it there are the four roles only
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For people or for programs
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Form::Table)]
    output: Form,
}

/// Say whether a caller may, and by which policies
///
/// The exit code is 0 if it may, and 4 if not.
#[derive(Args, Debug)]
struct Explain {
    /// Who asks: `spiffe://trust.domain/path`, `dns:name`, `uid:number` or `jwt:issuer#subject`
    #[arg(long)]
    caller: Caller,
    #[command(flatten)]
    workload: Supposition,
    /// What for: the name of an RPC
    #[arg(long)]
    action: Action,
    /// With what: TENANT/CREDENTIAL, or a tenant for `ListCredentials`
    #[arg(long)]
    resource: String,
    /// A label that the credential has, as KEY=VALUE; may be given several times
    #[arg(long, value_parser = labels::label, value_name = "KEY=VALUE")]
    label: Vec<Label>,
    /// `ti` of the credential's file
    #[arg(long)]
    infor_tenant: Option<String>,
    /// The policy; the one that the configuration names if left out
    #[arg(long)]
    file: Option<PathBuf>,
    /// The configuration, for its groups
    #[arg(long, value_name = "FILE", required_unless_present = "file")]
    config: Option<PathBuf>,
    /// For people or for programs
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value_t = Form::Table)]
    output: Form,
}

pub(super) fn run(policy: Policy, output: &mut Output<'_>) -> Result<(), Failure> {
    match policy.command {
        PolicyCommand::Check(arguments) => check(&arguments, output),
        PolicyCommand::Explain(arguments) => explain(arguments, output),
        PolicyCommand::Schema => Ok(output.verbatim(POLICY_SCHEMA.as_bytes())?),
    }
}

fn check(arguments: &Check, output: &mut Output<'_>) -> Result<(), Failure> {
    let policy = ExaminedPolicy::read(Some(&arguments.file), arguments.config.as_deref())
        .map_err(|error| super::failed(&error))?;
    let (version, outline) = (policy.version(), policy.outline());
    if matches!(arguments.output, Form::Json) {
        let policies: Vec<_> = outline.policies.iter().map(outlined).collect();
        let document =
            json!({"version": version.to_string(), "policies": policies, "groups": outline.groups});
        return Ok(output.json(&document)?);
    }
    let mut table = Table::with_header(["LINE", "EFFECT", "POLICY"]);
    for OutlinedPolicy { line, name, effect } in &outline.policies {
        table.row([line.to_string(), effect.to_string(), name.clone()]);
    }
    output.table(&table)?;
    output.line("")?;
    let groups: Vec<_> = outline.groups.iter().map(String::as_str).collect();
    let mut facts = Table::of_facts();
    facts.fact("Policies", outline.policies.len().to_string());
    facts.fact("Groups", groups.join(", "));
    facts.fact("Version", version.to_string());
    Ok(output.table(&facts)?)
}

fn explain(arguments: Explain, output: &mut Output<'_>) -> Result<(), Failure> {
    let Explain {
        caller,
        workload,
        action,
        resource,
        label,
        infor_tenant,
        file,
        config,
        output: format,
    } = arguments;
    let usage =
        |what: String| Failure::new(Exit::Usage, what, "see `ionvault policy explain --help`");
    let caller = workload.of(caller).map_err(usage)?;
    let labels = labels::collect(label).map_err(usage)?;
    let labels = Labels::try_from(labels).map_err(|error| usage(error.to_string()))?;
    let target = Target::parse(&resource).map_err(usage)?;
    let asked = match &target {
        Target::Credential(name) => Resource::Supposed(Supposed {
            name,
            labels: &labels,
            infor_tenant: infor_tenant.as_deref(),
        }),
        Target::Tenant(tenant) => Resource::Tenant(tenant),
    };
    let policy = ExaminedPolicy::read(file.as_deref(), config.as_deref())
        .map_err(|error| super::failed(&error))?;
    let explanation =
        policy.explain(&caller, action, asked).map_err(|error| usage(error.to_string()))?;
    match format {
        Form::Json => output.json(&document(&explanation))?,
        Form::Table => output.table(&table(&explanation))?,
    }
    if explanation.permitted {
        return Ok(());
    }
    let what = format!("{caller} may not {} {resource}", action.as_str());
    let (details, reason, next) = (Vec::new(), None, None);
    Err(Failure::Reported(Box::new(Report { exit: Exit::Denied, what, details, reason, next })))
}

/// What an action is asked about.
enum Target {
    Credential(CredentialName),
    Tenant(TenantId),
}

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        let of_tenant = text.strip_prefix("tenants/").unwrap_or(text);
        if of_tenant.contains('/') {
            return names::credential(text).map(Self::Credential);
        }
        match names::parent(text)? {
            Parent::Tenant(tenant) => Ok(Self::Tenant(tenant)),
            Parent::AllTenants => Err("name one tenant: each is asked about by itself".to_owned()),
        }
    }
}

fn table(explanation: &Explanation) -> Table {
    let mut facts = Table::of_facts();
    facts.fact("Answer", if explanation.permitted { "permitted" } else { "denied" });
    facts.fact("Groups", explanation.groups.join(", "));
    let place = |OutlinedPolicy { line, name, effect }: &OutlinedPolicy| {
        format!("{name} ({effect}, line {line})")
    };
    for policy in &explanation.decided_by {
        facts.fact("Decided by", place(policy));
    }
    for failing in &explanation.failing {
        facts.fact("Fails", format!("{}: {}", place(&failing.policy), failing.what));
    }
    for miss in &explanation.near_misses {
        let why = match miss.unmet {
            Unmet::Resource => "is for other resources",
            Unmet::Condition => "its condition is not fulfilled",
        };
        facts.fact("Nearly", format!("{}: {why}", place(&miss.policy)));
    }
    facts
}

fn document(explanation: &Explanation) -> serde_json::Value {
    let policies = |policies: &[OutlinedPolicy]| policies.iter().map(outlined).collect::<Vec<_>>();
    let misses = explanation.near_misses.iter().map(|miss| {
        let unmet = match miss.unmet {
            Unmet::Resource => "resource",
            Unmet::Condition => "condition",
        };
        json!({"policy": outlined(&miss.policy), "unmet": unmet})
    });
    let failing = explanation.failing.iter();
    let failing =
        failing.map(|failing| json!({"policy": outlined(&failing.policy), "what": failing.what}));
    json!({
        "permitted": explanation.permitted,
        "groups": explanation.groups,
        "decidedBy": policies(&explanation.decided_by),
        "nearMisses": misses.collect::<Vec<_>>(),
        "failing": failing.collect::<Vec<_>>(),
    })
}

fn outlined(OutlinedPolicy { line, name, effect }: &OutlinedPolicy) -> serde_json::Value {
    json!({"name": name, "effect": effect.to_string(), "line": line})
}
