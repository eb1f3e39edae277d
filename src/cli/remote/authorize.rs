//! `ionvault authorize`.

use std::io::BufRead;
use std::process::{Command, Stdio};

use clap::Args;
use zeroize::Zeroizing;

use super::session::{Session, Subject};
use super::{Connection, Format, sheet, show};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::names;
use crate::cli::output::Output;
use crate::model::CredentialName;
use crate::pb::v1::{CompleteAuthorizationRequest, StartAuthorizationRequest};
use crate::secret::Secret;

/// Have a person authorize the app of a credential, where Infor wants one
///
/// Prints an address of Infor. Open it in a browser, log in as the user that the app shall work as,
/// and agree. The browser then goes to the app's redirect URL, where nothing needs to be: copy the
/// whole address it shows, and give it to this command on standard input.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault authorize acme/web
  ionvault authorize acme/web --open")]
pub(in crate::cli) struct Authorize {
    /// Credential whose file is of a Web or mobile app, such as acme/web
    #[arg(value_parser = names::credential)]
    name: CredentialName,

    /// Open the address in this machine's browser, too
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    connection: Connection,
}

/// `CompleteAuthorizationRequest.redirect_uri`.
const REDIRECT_BYTES_MAX: usize = 8 * 1024;

/// What opens an address with the program that the user has chosen for it.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

pub(super) async fn run(authorize: Authorize, output: &mut Output<'_>) -> Result<(), Failure> {
    let Authorize { name, open, format, connection } = authorize;
    let subject = Subject::of(&name);
    begin(&connection.open().await?, &name, open, output).await?;
    let redirect = tokio::task::spawn_blocking(read_line).await;
    let redirect = redirect.map_err(std::io::Error::other).flatten().map_err(|error| {
        Failure::caused(Exit::Failed, "standard input cannot be read", &error, NEXT)
    })?;
    let redirect = redirect.ok_or_else(|| {
        let what = "nobody gave an address, or a longer one than 8 KiB";
        Failure::new(Exit::Failed, what, NEXT)
    })?;
    // A person took minutes meanwhile: the first connection may be gone.
    let session = connection.open().await?;
    let request = CompleteAuthorizationRequest {
        name: name.to_string(),
        // tonic keeps a copy that cannot be wiped; the code in it is used up when this returns.
        redirect_uri: String::from_utf8_lossy(redirect.expose()).into_owned(),
    };
    let answer = session
        .call_once(&subject, async || {
            session.authorizations().complete_authorization(session.request(request)).await
        })
        .await?;
    let headline = format!("Authorized: {} issues tokens now.", subject.name);
    show::print(answer.credential, Some(&headline), format, output)
}

const NEXT: &str = "run the command again, and give it the whole address that the browser ends at";

async fn begin(
    session: &Session,
    name: &CredentialName,
    open: bool,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let request = StartAuthorizationRequest { name: name.to_string() };
    let started = session
        .call(&Subject::of(name), output, async || {
            session.authorizations().start_authorization(session.request(request.clone())).await
        })
        .await?;
    let uri = started.authorization_uri;
    output.note("Open this address in a browser, log in to Infor and agree:")?;
    output.note("")?;
    output.note(&format!("  {uri}"))?;
    output.note("")?;
    if open && !opened(&uri) {
        output.note(&format!("No browser could be opened with {OPENER}: open it yourself."))?;
    }
    let until = sheet::time(started.expire_time.as_ref());
    output.note(&format!(
        "Then paste the whole address that the browser ends at, until {until}, and press Enter:"
    ))?;
    Ok(())
}

/// Shows the address to the user's browser. Other users of the machine may see it there: without
/// the identity that began the authorization, it is of no use to them.
fn opened(uri: &str) -> bool {
    // An opener takes files and programs as well as addresses.
    uri.starts_with("https://")
        && Command::new(OPENER)
            .arg(uri)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .is_ok()
}

/// One line of standard input; `None` if there is none, or too long a one.
fn read_line() -> std::io::Result<Option<Secret>> {
    line_of(std::io::stdin().lock())
}

fn line_of(reader: impl BufRead) -> std::io::Result<Option<Secret>> {
    // Of its final size from the start: a buffer that grows leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(REDIRECT_BYTES_MAX + 2));
    reader.take(REDIRECT_BYTES_MAX as u64 + 2).read_until(b'\n', &mut line)?;
    let end = line.trim_ascii_end().len();
    line.truncate(end);
    let fits = (1..=REDIRECT_BYTES_MAX).contains(&line.len());
    Ok(fits.then(|| Secret::from(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_and_no_more_than_fits() {
        let line = |text: &[u8]| line_of(text).unwrap().map(|line| line.expose().to_vec());
        assert_eq!(line(b"https://a.example/?b\r\nmore"), Some(b"https://a.example/?b".to_vec()));
        assert_eq!(line(b"https://a.example/?b"), Some(b"https://a.example/?b".to_vec()));
        assert_eq!(line(b"\n"), None);
        assert_eq!(line(b""), None);
        let longest = vec![b'a'; REDIRECT_BYTES_MAX];
        assert_eq!(line(&[longest.as_slice(), b"\r\n"].concat()), Some(longest.clone()));
        assert_eq!(line(&[longest.as_slice(), b"a\n"].concat()), None);
    }

    #[test]
    fn only_an_address_is_opened() {
        for uri in ["/bin/true", "file:///etc/passwd", "http://a.example", "--help", ""] {
            assert!(!opened(uri), "{uri}");
        }
    }
}
