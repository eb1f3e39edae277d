//! `ionvault dev`.

use std::path::{Path, PathBuf};

use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::dev::{Dev as DevVault, DevFiles};
use crate::cli::arguments::Arguments;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::remote;

/// Run a vault with a simulated Infor on this machine, to try things out
///
/// Makes certificates, keys and a sample file in a directory, uploads the sample and issues a
/// token, as a client would, and prints what to try next. Stays up until Ctrl-C. Running it again
/// finds everything as it was.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ionvault dev
  ionvault dev --once")]
pub(in crate::cli) struct Dev {
    /// Where everything is kept
    #[arg(long, value_name = "DIRECTORY", default_value = ".ionvault-dev")]
    data_dir: PathBuf,

    /// Stop after the sample was uploaded and a token issued
    #[arg(long)]
    once: bool,
}

/// The credential that the sample becomes.
const SAMPLE: &str = "acme/infor";

pub(super) async fn run(dev: Dev, output: &mut Output<'_>) -> Result<(), Failure> {
    let Dev { data_dir, once } = dev;
    let mut signals = Signals::listen()?;
    let vault = DevVault::start(&data_dir).await.map_err(|error| super::failed(&error))?;
    let files = vault.files.clone();
    let drain = CancellationToken::new();
    let tour = async {
        let toured = tokio::select! {
            toured = tour(&files, once, output) => toured,
            () = signals.any() => Ok(()),
        };
        if !once && toured.is_ok() {
            tokio::select! {
                () = signals.any() => {}
                () = drain.cancelled() => {}
            }
        }
        drain.cancel();
        toured
    };
    let (ran, toured) = tokio::join!(vault.run(drain.clone()), tour);
    toured?;
    ran.map_err(|error| super::failed(&error))
}

/// Uploads the sample and issues a token, with the very commands that a person would type.
async fn tour(files: &DevFiles, once: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let settings = settings(files);
    let sample = files.sample.display().to_string();
    for words in [&["upload", SAMPLE, &sample][..], &["token", SAMPLE]] {
        output.line(&format!("$ ionvault {}", quoted_all(words)))?;
        remote::execute(command(words, &settings)?, output).await?;
        output.line("")?;
    }
    output.line(if once {
        "To try next: start it again without --once, and from another terminal:"
    } else {
        "To try next, from another terminal:"
    })?;
    for line in next_steps(files, &settings) {
        output.line(&line)?;
    }
    Ok(())
}

/// Options of the connection with their values, and the names of the variables that stand for them.
type Settings = [(&'static str, &'static str, String); 4];

fn settings(files: &DevFiles) -> Settings {
    let path = |path: &Path| path.display().to_string();
    [
        ("--endpoint", "IONVAULT_ENDPOINT", format!("https://localhost:{}", files.mtls_port)),
        ("--ca", "IONVAULT_CA", path(&files.ca)),
        ("--cert", "IONVAULT_CERT", path(&files.client_certificate)),
        ("--key", "IONVAULT_KEY", path(&files.client_key)),
    ]
}

fn command(words: &[&str], settings: &Settings) -> Result<remote::Command, Failure> {
    let options = settings.iter().flat_map(|(option, _, value)| [*option, value.as_str()]);
    let words = std::iter::once("ionvault").chain(words.iter().copied()).chain(options);
    Arguments::remote(words).map_err(|error| {
        let next = "choose another --data-dir";
        Failure::caused(Exit::Failed, "the commands cannot be run from here", &error, next)
    })
}

/// What to try while it runs.
fn next_steps(files: &DevFiles, settings: &Settings) -> Vec<String> {
    let [(_, _, _), (_, _, ca), (_, _, cert), (_, _, key)] = settings;
    let (ca, cert, key) = (quoted(ca), quoted(cert), quoted(key));
    let socket = quoted(&files.admin_socket.display().to_string());
    let port = files.mtls_port;
    let mut lines = vec![String::new()];
    for (_, variable, value) in settings {
        lines.push(format!("  export {variable}={}", quoted(value)));
    }
    lines.extend(
        ["list", "show acme/infor", "token acme/infor --header"]
            .map(|words| format!("  ionvault {words}")),
    );
    lines.push(String::new());
    lines.push("The same with grpcurl, on the admin socket and over mutual TLS:".to_owned());
    lines.push(String::new());
    // Without a name, grpcurl sends the path as `:authority`, which HTTP/2 servers refuse.
    let local = "grpcurl -plaintext -unix -authority localhost";
    lines.push(format!("  {local} {socket} list"));
    lines.push(format!(
        "  {local} -d '{{\"parent\": \"tenants/-\"}}' {socket} ionvault.v1.CredentialService/ListCredentials"
    ));
    lines.push(format!(
        "  grpcurl -cacert {ca} -cert {cert} -key {key} -d '{{\"name\": \"tenants/acme/credentials/infor\"}}' localhost:{port} ionvault.v1.TokenService/IssueToken"
    ));
    lines
}

fn quoted_all(words: &[&str]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// As a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Ctrl-C, and what a supervisor sends.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                let what = "the process cannot listen for signals";
                Failure::caused(
                    Exit::Failed,
                    what,
                    &error,
                    "see whether the machine is out of memory",
                )
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, shown) in [
            ("/tmp/a-b_c.pem", "/tmp/a-b_c.pem"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
