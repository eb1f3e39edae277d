//! The history of checkpoints: fewer the longer ago, so that it stays short however old the log is.

/// Notes, oldest first.
pub(super) struct History(Vec<String>);

impl History {
    /// Reads the file. What is no note is kept, for a verifier to find.
    pub(super) fn parse(text: &str) -> Self {
        let mut parts = text.split("\n\n");
        let mut notes = Vec::new();
        while let Some(body) = parts.next().filter(|body| !body.is_empty()) {
            let signatures = parts.next().unwrap_or_default().trim_end_matches('\n');
            notes.push(format!("{body}\n\n{signatures}\n"));
        }
        Self(notes)
    }

    /// The file: an empty line between two notes.
    pub(super) fn text(&self) -> String {
        self.0.join("\n")
    }

    pub(super) fn notes(&self) -> &[String] {
        &self.0
    }

    /// Adds the newest. When there are too many, every second one goes; the first and the newest
    /// stay.
    pub(super) fn add(&mut self, note: &str) {
        self.0.push(note.to_owned());
        if self.0.len() > CHECKPOINTS_MAX {
            let mut position = 0;
            self.0.retain(|_| {
                position += 1;
                position % 2 == 1
            });
        }
    }
}

/// Odd numbers of notes keep the newest when every second one goes. With the bound on a note's
/// usual length, the file is less than 100 KiB, and is replaced as a whole.
const CHECKPOINTS_MAX: usize = 256;

/// Longest file that is read.
pub(super) const HISTORY_BYTES_MAX: usize = 4 * 1_024 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    fn note(size: usize) -> String {
        format!("origin\n{size}\nhash\n\n— origin signature\n")
    }

    #[test]
    fn a_history_reads_back() {
        let mut history = History(Vec::new());
        assert!(History::parse("").notes().is_empty());
        for size in 0..3 {
            history.add(&note(size));
            assert_eq!(History::parse(&history.text()).notes(), history.notes());
        }
        assert_eq!(history.notes()[2], note(2));
    }

    #[test]
    fn it_stays_short_and_keeps_the_first_and_the_newest() {
        let mut history = History(Vec::new());
        for size in 0..10_000 {
            history.add(&note(size));
            assert!(history.notes().len() <= CHECKPOINTS_MAX);
            assert_eq!(history.notes().last(), Some(&note(size)));
        }
        assert_eq!(history.notes()[0], note(0));
        assert!(history.notes().len() >= CHECKPOINTS_MAX / 2);
    }
}
