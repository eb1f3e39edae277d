//! Tables: plain columns, which people can read and `grep`, `awk` and `cut` can take apart.

use comfy_table::{Attribute, Cell, ContentArrangement, presets};

use super::output::Paper;
use super::printable::printable;

/// Rows of text in aligned columns.
pub(super) struct Table {
    header: Option<Vec<String>>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a line of column names.
    pub(super) fn with_header<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Self {
        Self { header: Some(header.map(str::to_owned).to_vec()), rows: Vec::new() }
    }

    /// Pairs of a name and a value.
    pub(super) fn of_facts() -> Self {
        Self { header: None, rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row<const COLUMNS: usize>(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells.to_vec());
    }

    /// Adds a pair, unless there is no value.
    pub(super) fn fact(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.rows.push(vec![name.to_owned(), value]);
        }
    }

    /// The lines to print: no wider than the paper where words allow it, without trailing blanks.
    pub(super) fn lines(&self, paper: Paper) -> Vec<String> {
        if self.rows.is_empty() {
            return Vec::new();
        }
        let mut table = comfy_table::Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        if let Some(width) = paper.width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
        if paper.styled {
            table.enforce_styling();
        }
        if let Some(header) = &self.header {
            table.set_header(header.iter().map(|name| bold(name)));
        }
        for row in &self.rows {
            table.add_row(row.iter().enumerate().map(|(at, text)| {
                // A pair's name stands where others have their header.
                if at == 0 && self.header.is_none() { bold(text) } else { cell(text) }
            }));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, COLUMN_GAP));
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Columns of the terminal that standard output is, if it is one that says so.
    pub(super) fn terminal_width() -> Option<u16> {
        comfy_table::Table::new().width()
    }
}

/// Blanks between two columns; two can be told from the one between words.
const COLUMN_GAP: u16 = 2;

fn bold(text: &str) -> Cell {
    cell(text).add_attribute(Attribute::Bold)
}

/// Every cell is made printable here, so that no command can forget it.
fn cell(text: &str) -> Cell {
    Cell::new(printable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::with_header(["NAME", "APPLICATION"]);
        table.row([
            "acme/infor".into(),
            "DocBits for the whole of the accounting department".into(),
        ]);
        table.row(["globex/infor".into(), "\u{1b}[31mred".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_escapes_are_not_obeyed() {
        assert_eq!(
            sample().lines(Paper::default()),
            [
                "NAME          APPLICATION",
                "acme/infor    DocBits for the whole of the accounting department",
                "globex/infor  \u{fffd}[31mred",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_wraps_within_the_column() {
        let lines = sample().lines(Paper { width: Some(40), styled: false });
        assert!(lines.iter().all(|line| line.chars().count() <= 40), "{lines:#?}");
        assert!(lines.len() > 3, "{lines:#?}");
        assert!(lines[1].starts_with("acme/infor    DocBits"), "{lines:#?}");
        assert!(lines[2].starts_with("              "), "{lines:#?}");
    }

    #[test]
    fn only_styled_paper_gets_escape_sequences() {
        let plain = sample().lines(Paper { width: Some(80), styled: false }).join("\n");
        assert!(!plain.contains('\u{1b}'));
        let styled = sample().lines(Paper { width: Some(80), styled: true }).join("\n");
        assert!(styled.contains("\u{1b}[1m"), "{styled:?}");
    }

    #[test]
    fn what_is_unknown_takes_no_line() {
        let mut facts = Table::of_facts();
        facts.fact("Name", "acme/infor");
        facts.fact("Scopes", "");
        assert_eq!(facts.lines(Paper::default()), ["Name  acme/infor"]);
        assert!(Table::with_header(["NAME"]).lines(Paper::default()).is_empty());
    }
}
