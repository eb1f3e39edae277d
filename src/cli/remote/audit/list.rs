//! `ionvault audit list`.

use clap::Args;
use prost_types::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Connection;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::cli::remote::json::AuditEvent;
use crate::cli::remote::session::Subject;
use crate::cli::remote::{Form, Format, sheet};
use crate::model::{Caller, Parent, VersionName};
use crate::pb::v1;
use crate::pb::v1::{AuditOrder, ListAuditEventsRequest};

/// List recorded calls, of one tenant or of all
///
/// All the conditions that are given must hold. This call is recorded, too.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault audit list --newest-first --limit 20
  ionvault audit list acme --outcome PERMISSION_DENIED --since 2026-11-01T00:00:00Z
  ionvault audit list --caller spiffe://example.org/docbits --method IssueToken --output json")]
pub(in crate::cli) struct List {
    /// Tenant, such as acme; the whole log if left out
    #[arg(value_parser = names::parent, default_value = "-", hide_default_value = true)]
    tenant: Parent,

    /// Only calls of this caller: `spiffe://trust.domain/path`, `dns:name`, `uid:number` or `jwt:…`
    #[arg(long, value_name = "CALLER", value_parser = caller, default_value = "", hide_default_value = true)]
    caller: String,

    /// Only calls of this RPC, such as IssueToken
    #[arg(long, value_name = "RPC", value_parser = method, default_value = "", hide_default_value = true)]
    method: String,

    /// Only calls about this credential, such as acme/infor, or this version of one, by its full name
    #[arg(long, value_name = "NAME", value_parser = resource, default_value = "", hide_default_value = true)]
    resource: String,

    /// Only calls that ended so: OK, or the name of a gRPC code such as NOT_FOUND
    #[arg(long, value_name = "OUTCOME", value_parser = outcome, default_value = "", hide_default_value = true)]
    outcome: String,

    /// Only calls that were refused for this reason, such as CALLER_DENIED
    #[arg(long, value_name = "REASON", default_value = "", hide_default_value = true)]
    reason: String,

    /// Only the calls that handed out this token
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    token_id: String,

    /// Only what was recorded at this time (RFC 3339) or later
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,

    /// Only what was recorded before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,

    /// The newest call first, not the oldest
    #[arg(long)]
    newest_first: bool,

    /// How many calls at most
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

/// Records per page, and lines per table. With 4 KiB each, which few have, a page is a fifth of the
/// longest answer.
const PAGE_SIZE: u32 = 200;

/// The vault looks through 4 MiB of its log for each page, so this is one of 400 GiB.
const PAGES_MAX: usize = 100_000;

pub(super) async fn run(list: List, output: &mut Output<'_>) -> Result<(), Failure> {
    let session = list.connection.open().await?;
    let mut request = request(&list);
    let subject = Subject::read(request.parent.clone());
    let mut printer = Printer { form: list.format.output, printed: 0, limit: list.limit };
    for _page in 0..PAGES_MAX {
        let page = session
            .call(&subject, output, async || {
                session.audit().list_audit_events(session.request(request.clone())).await
            })
            .await?;
        let cut = printer.page(&page.audit_events, output)?;
        request.page_token = page.next_page_token;
        let last = request.page_token.is_empty();
        if cut || last || printer.printed == printer.limit {
            printer.end(output)?;
            if cut || !last {
                output.note("note: there may be more: raise --limit, or narrow the list")?;
            }
            return Ok(());
        }
    }
    Err(Failure::new(
        Exit::Failed,
        format!("the list goes on after {} calls", printer.printed),
        "narrow it with --since and --until",
    ))
}

fn request(list: &List) -> ListAuditEventsRequest {
    let order = if list.newest_first { AuditOrder::NewestFirst } else { AuditOrder::OldestFirst };
    ListAuditEventsRequest {
        parent: match &list.tenant {
            Parent::AllTenants => "tenants/-".to_owned(),
            Parent::Tenant(tenant) => format!("tenants/{tenant}"),
        },
        page_size: i32::try_from(list.limit.min(PAGE_SIZE)).unwrap_or_default(),
        page_token: String::new(),
        order: order.into(),
        caller: list.caller.clone(),
        method: list.method.clone(),
        resource: list.resource.clone(),
        outcome: list.outcome.clone(),
        reason: list.reason.clone(),
        token_id: list.token_id.clone(),
        start_time: list.since,
        end_time: list.until,
    }
}

/// Reads a caller: one that is misspelt would have made no calls.
fn caller(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        text.parse::<Caller>().map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

/// Reads the name of an RPC, in the spelling that records have: also of one that this version has
/// no more.
fn method(text: &str) -> Result<String, String> {
    let named = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if named || ["", "unknown"].contains(&text) {
        Ok(text.to_owned())
    } else {
        Err("expected the name of an RPC, such as IssueToken, or `unknown`".to_owned())
    }
}

/// Reads an outcome, in the spelling that records have.
fn outcome(text: &str) -> Result<String, String> {
    if text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
        Ok(text.to_owned())
    } else {
        Err("expected OK or the name of a gRPC code, such as NOT_FOUND".to_owned())
    }
}

/// Reads the name of a credential, short or full, or the full name of a version.
fn resource(text: &str) -> Result<String, String> {
    match text.parse::<VersionName>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) if text.is_empty() => Ok(String::new()),
        Err(_) => names::credential(text).map(|name| name.to_string()),
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let expected = |_| "expected a time such as 2026-11-28T17:00:00Z".to_owned();
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(expected)?;
    // Below 10^9.
    let nanos = i32::try_from(time.nanosecond()).unwrap_or_default();
    Ok(Timestamp { seconds: time.unix_timestamp(), nanos })
}

/// Prints page by page, so that the length of a list is no matter of memory.
struct Printer {
    form: Form,
    printed: u32,
    limit: u32,
}

impl Printer {
    /// Whether some of them were beyond the limit.
    fn page(
        &mut self,
        events: &[v1::AuditEvent],
        output: &mut Output<'_>,
    ) -> Result<bool, Failure> {
        let room = usize::try_from(self.limit - self.printed).unwrap_or(usize::MAX);
        let shown = events.get(..room).unwrap_or(events);
        match self.form {
            Form::Table => {
                // A table of its own for each page, with a blank line between them.
                if self.printed > 0 && !shown.is_empty() {
                    output.line("")?;
                }
                output.table(&sheet::of_audit_events(shown))?;
            }
            Form::Json => {
                for (position, event) in shown.iter().enumerate() {
                    let first = self.printed == 0 && position == 0;
                    output.verbatim(if first { JSON_START } else { JSON_NEXT })?;
                    output.json(&AuditEvent::from(event))?;
                }
            }
        }
        self.printed += u32::try_from(shown.len()).unwrap_or(u32::MAX);
        Ok(shown.len() < events.len())
    }

    fn end(&self, output: &mut Output<'_>) -> Result<(), Failure> {
        match (self.form, self.printed) {
            (Form::Table, 0) => output.note("No calls.")?,
            (Form::Table, _) => {}
            (Form::Json, 0) => output.verbatim(b"{\"auditEvents\": []}\n")?,
            (Form::Json, _) => output.verbatim(b"]}\n")?,
        }
        Ok(())
    }
}

const JSON_START: &[u8] = b"{\"auditEvents\": [\n";
const JSON_NEXT: &[u8] = b",\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_in_the_spelling_that_records_have() {
        let at = time("2026-11-18T12:06:40.25+01:00").unwrap();
        assert_eq!((at.seconds, at.nanos), (1_795_000_000, 250_000_000));
        assert!(caller("uid:0").is_ok() && caller("").is_ok() && caller("nobody").is_err());
        assert!(outcome("NOT_FOUND").is_ok() && outcome("not found").is_err());
        for (name, good) in [
            ("IssueToken", true),
            ("unknown", true),
            ("", true),
            ("issueToken", false),
            ("TokenService/IssueToken", false),
            ("issue_token", false),
        ] {
            assert_eq!(method(name).is_ok(), good, "{name}");
        }
        assert!(time("2026-11-18").is_err() && time("yesterday").is_err());
        let full = "tenants/acme/credentials/infor";
        assert_eq!(resource("acme/infor").as_deref(), Ok(full));
        let version = format!("{full}/versions/3");
        assert_eq!(resource(&version), Ok(version.clone()));
        assert!(resource("acme").is_err() && resource("acme/infor/versions/x").is_err());
    }
}
