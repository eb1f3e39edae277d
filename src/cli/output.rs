//! Where results and notes go.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use super::failure::Report;
use super::json_text;
use super::printable::printable;
use super::table::Table;

/// The two streams of a command: results on one, everything said about them on the other.
///
/// Commands write through this and not to the process's streams, so that a test can read what
/// they say and a closed pipe is an answer, not a panic.
pub(super) struct Output<'a> {
    results: &'a mut dyn Write,
    notes: &'a mut dyn Write,
    paper: Paper,
    notes_styled: bool,
}

/// Tables for people, or JSON for programs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Form {
    Table,
    Json,
}

/// What results are printed on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Paper {
    /// Columns of the terminal; `None` where there is none, and lines may be of any length.
    pub(super) width: Option<u16>,
    /// Whether bold and colours are welcome.
    pub(super) styled: bool,
}

/// The result could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write the result")]
pub(super) struct WriteError(#[source] pub(super) io::Error);

impl<'a> Output<'a> {
    /// For the streams of this process, styled where they end in a terminal and `NO_COLOR`
    /// (no-color.org) is not set.
    pub(super) fn of_process(results: &'a mut dyn Write, notes: &'a mut dyn Write) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let wanted = !set("NO_COLOR") && !dumb;
        let terminal = io::stdout().is_terminal();
        let width = if terminal { Table::terminal_width() } else { None };
        let paper = Paper { width, styled: wanted && terminal };
        Self { results, notes, paper, notes_styled: wanted && io::stderr().is_terminal() }
    }

    /// Prints a line of the result. Text that came from elsewhere is made [`printable`].
    pub(super) fn line(&mut self, text: &str) -> Result<(), WriteError> {
        writeln!(self.results, "{}", printable(text)).map_err(WriteError)
    }

    /// Prints bytes as they are: the token that was asked for, and shell scripts.
    pub(super) fn verbatim(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.results.write_all(bytes).map_err(WriteError)?;
        self.results.flush().map_err(WriteError)
    }

    /// Prints a table; an empty one prints nothing.
    pub(super) fn table(&mut self, table: &Table) -> Result<(), WriteError> {
        for line in table.lines(self.paper) {
            writeln!(self.results, "{line}").map_err(WriteError)?;
        }
        Ok(())
    }

    /// Prints one JSON document, indented, with a line end.
    pub(super) fn json(&mut self, document: &impl Serialize) -> Result<(), WriteError> {
        json_text::write_pretty(self.results, document).map_err(WriteError)?;
        writeln!(self.results).map_err(WriteError)
    }

    /// Prints one JSON document on one line, and at once: more may come much later.
    pub(super) fn json_line(&mut self, document: &impl Serialize) -> Result<(), WriteError> {
        json_text::write_line(self.results, document).map_err(WriteError)?;
        writeln!(self.results).and_then(|()| self.results.flush()).map_err(WriteError)
    }

    /// Says something that is not part of the result.
    pub(super) fn note(&mut self, text: &str) -> Result<(), WriteError> {
        writeln!(self.notes, "{}", printable(text)).map_err(WriteError)
    }

    /// Says why the command failed and what to do next.
    pub(super) fn report(&mut self, report: &Report) -> Result<(), WriteError> {
        let Report { exit: _, what, details, reason, next } = report;
        let (bold, red, plain) =
            if self.notes_styled { ("\u{1b}[1m", "\u{1b}[31m", "\u{1b}[0m") } else { ("", "", "") };
        let mut text = format!("{bold}{red}error:{plain} {}\n", printable(what));
        for detail in details {
            text.push_str(&format!("  {}\n", printable(detail)));
        }
        if let Some(reason) = reason {
            text.push_str(&format!("reason: {}\n", printable(reason)));
        }
        if let Some(next) = next {
            text.push_str(&format!("{bold}next:{plain} {}\n", printable(next)));
        }
        self.notes.write_all(text.as_bytes()).map_err(WriteError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn a_report_is_styled_only_for_terminals_and_never_trusts_its_text() {
        let report = Report {
            exit: Exit::Failed,
            what: "bad \u{1b}[2Jthing".into(),
            details: vec!["field: wrong".into()],
            reason: Some("INVALID_ARGUMENT".into()),
            next: Some("try again".into()),
        };
        let print = |notes_styled| {
            let (mut results, mut notes) = (Vec::new(), Vec::new());
            let paper = Paper::default();
            Output { results: &mut results, notes: &mut notes, paper, notes_styled }
                .report(&report)
                .unwrap();
            assert!(results.is_empty());
            String::from_utf8(notes).unwrap()
        };
        assert_eq!(
            print(false),
            "error: bad \u{fffd}[2Jthing\n  field: wrong\nreason: INVALID_ARGUMENT\nnext: try again\n"
        );
        assert!(print(true).starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m bad \u{fffd}[2Jthing"));
    }
}
