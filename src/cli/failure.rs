//! How a command fails, as a person reads it.

use super::exit::Exit;
use super::output::WriteError;

/// Why a command did not end as asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// Whoever read the output has had enough (`| head`): nothing is wrong.
    ReaderGone,
    /// Anything else, in words.
    Reported(Box<Report>),
}

/// What is printed of a failure, and the exit code that goes with it.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Report {
    /// For scripts.
    pub(super) exit: Exit,
    /// What happened, in one sentence.
    pub(super) what: String,
    /// More of it, a line each: wrong fields, causes.
    pub(super) details: Vec<String>,
    /// The machine's word for it, where the vault gave one.
    pub(super) reason: Option<String>,
    /// What to do now.
    pub(super) next: Option<String>,
}

impl Failure {
    /// A failure with a sentence and what to do next.
    pub(super) fn new(exit: Exit, what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Reported(Box::new(Report {
            exit,
            what: what.into(),
            details: Vec::new(),
            reason: None,
            next: Some(next.into()),
        }))
    }

    /// The operating system did not give what every command needs.
    pub(super) fn no_runtime(error: std::io::Error) -> Self {
        let next = "see whether this machine is out of file descriptors or memory";
        Self::caused(Exit::Failed, "the program could not start", &error, next)
    }

    /// A failure with the chain of errors that led to it.
    pub(super) fn caused(
        exit: Exit,
        what: impl Into<String>,
        cause: &(dyn std::error::Error + 'static),
        next: impl Into<String>,
    ) -> Self {
        Self::Reported(Box::new(Report {
            exit,
            what: what.into(),
            details: chain(cause).map(|link| format!("cause: {link}")).collect(),
            reason: None,
            next: Some(next.into()),
        }))
    }
}

impl From<WriteError> for Failure {
    fn from(WriteError(error): WriteError) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        let next = "make room where the output goes, or send it elsewhere";
        Self::caused(Exit::Failed, "the result could not be written", &error, next)
    }
}

/// An error and its sources, without those that only repeat the line before.
pub(super) fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = String> + 'a {
    let mut last = String::new();
    std::iter::successors(Some(error), |error| error.source())
        .take(CHAIN_LINKS_MAX)
        .map(ToString::to_string)
        .filter(move |link| {
            let news = *link != last;
            last.clone_from(link);
            news
        })
}

/// Longer chains than this are a loop, or say nothing more.
const CHAIN_LINKS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Inner(#[source] std::io::Error);

    #[test]
    fn a_cause_is_not_told_twice() {
        let error = Outer(Inner(std::io::Error::other("disk on fire")));
        assert_eq!(chain(&error).collect::<Vec<_>>(), ["outer", "disk on fire"]);
    }

    #[test]
    fn a_closed_pipe_is_no_failure_and_a_full_disk_is_one() {
        let closed = WriteError(std::io::ErrorKind::BrokenPipe.into());
        assert!(matches!(Failure::from(closed), Failure::ReaderGone));
        let full = WriteError(std::io::ErrorKind::StorageFull.into());
        assert!(
            matches!(Failure::from(full), Failure::Reported(report) if report.exit == Exit::Failed)
        );
    }
}
