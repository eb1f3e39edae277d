//! `ionvault list`.

use clap::Args;

use super::json::Credential;
use super::session::Subject;
use super::{Connection, Form, Format, sheet};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::Parent;
use crate::pb::v1::{ListCredentialsRequest, ListCredentialsResponse};

/// List credentials, of one tenant or of all
///
/// Sorted by name. Credentials that you may not see are left out.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault list
  ionvault list acme --deleted
  ionvault list --filter 'labels.environment=prd AND state=ACTIVE'
  ionvault list --filter health=REFUSED
  ionvault list --output json | jq -r '.credentials[].name'")]
pub(in crate::cli) struct List {
    /// Tenant, such as acme; all tenants if left out
    #[arg(value_parser = names::parent, default_value = "-", hide_default_value = true)]
    tenant: Parent,

    /// Only those for which this holds: labels.KEY=VALUE, state=ACTIVE|DELETED and
    /// health=HEALTHY|UNVERIFIED|DEGRADED|REFUSED|AUTHORIZATION_REQUIRED, joined by AND
    #[arg(long, value_name = "FILTER", default_value = "", hide_default_value = true)]
    filter: String,

    /// Deleted ones too
    #[arg(long)]
    deleted: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

/// Credentials per page, and lines per table: with a few hundred, columns still line up sensibly
/// and a page is far below the limit of a message.
const PAGE_SIZE: i32 = 200;

/// 200,000 credentials. A list that is longer, or a vault that never ends it, is cut with an error.
const PAGES_MAX: usize = 1_000;

pub(super) async fn run(list: List, output: &mut Output<'_>) -> Result<(), Failure> {
    let List { tenant, filter, deleted, format, connection } = list;
    let session = connection.open().await?;
    let parent = match tenant {
        Parent::AllTenants => "tenants/-".to_owned(),
        Parent::Tenant(tenant) => format!("tenants/{tenant}"),
    };
    let subject = Subject::read(parent.clone());
    let mut printer = Printer { form: format.output, printed: 0 };
    let mut page_token = String::new();
    for _page in 0..PAGES_MAX {
        let request = ListCredentialsRequest {
            parent: parent.clone(),
            page_size: PAGE_SIZE,
            page_token,
            filter: filter.clone(),
            show_deleted: deleted,
        };
        let page: ListCredentialsResponse = session
            .call(&subject, output, async || {
                session.credentials().list_credentials(session.request(request.clone())).await
            })
            .await?;
        printer.page(&page, output)?;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return printer.end(output);
        }
    }
    Err(Failure::new(
        Exit::Failed,
        format!("the list goes on after {} credentials", printer.printed),
        "ask for one tenant, or give a --filter",
    ))
}

/// Prints page by page, so that the length of a list is no matter of memory.
struct Printer {
    form: Form,
    printed: usize,
}

impl Printer {
    fn page(
        &mut self,
        page: &ListCredentialsResponse,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        match self.form {
            Form::Table => {
                // A table of its own for each page, with a blank line between them.
                if self.printed > 0 && !page.credentials.is_empty() {
                    output.line("")?;
                }
                output.table(&sheet::of_credentials(&page.credentials))?;
                self.printed += page.credentials.len();
            }
            Form::Json => {
                for credential in &page.credentials {
                    output.verbatim(if self.printed == 0 { JSON_START } else { JSON_NEXT })?;
                    output.json(&Credential::from(credential))?;
                    self.printed += 1;
                }
            }
        }
        Ok(())
    }

    fn end(self, output: &mut Output<'_>) -> Result<(), Failure> {
        match (self.form, self.printed) {
            (Form::Table, 0) => output.note("No credentials.")?,
            (Form::Table, _) => {}
            (Form::Json, 0) => output.verbatim(b"{\"credentials\": []}\n")?,
            (Form::Json, _) => output.verbatim(b"]}\n")?,
        }
        Ok(())
    }
}

const JSON_START: &[u8] = b"{\"credentials\": [\n";
const JSON_NEXT: &[u8] = b",\n";
